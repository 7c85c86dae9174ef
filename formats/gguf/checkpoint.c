/* checkpoint.c - a GGUF file's tensors as formats/llm/weights.h lists them; see llm.h. */
#include "formats/gguf/llm.h"
#include "runtime/base/checked.h"

#include <string.h>

/* The two functions of each type that weights.h asks for. */
#define T(id, type, n, bytes, format)                                            \
    static void widen_##type(float *to, const void *from, size_t count)          \
    {                                                                            \
        ig_ggml_row_f32(to, ig_ggml_type_at(id), from, count);                   \
    }                                                                            \
    static void split_##type(const ig_split *to, const void *from, size_t count) \
    {                                                                            \
        ig_ggml_split_row(to, ig_ggml_type_at(id), from, count);                 \
    }
#include "formats/gguf/types.def"
#undef T

static const ig_stored_type low_types[] = {
#define T(id, type, n, bytes, keep) \
    {.name = #type,                 \
     .block = n,                    \
     .block_bytes = bytes,          \
     .format = keep,                \
     .widen = widen_##type,         \
     .split = split_##type},
#include "formats/gguf/types.def"
#undef T
};

static const ig_stored_type *find_type(const ig_ggml_type *t)
{
    if (t->dtype == INGOT_F32) return &ig_stored_f32;
    if (t->dtype == INGOT_F16) return &ig_stored_f16;
    if (t->dtype == INGOT_BF16) return &ig_stored_bf16;
    size_t i = 0;
    while (strcmp(low_types[i].name, t->name)) i++; /* both lists are types.def */
    return &low_types[i];
}

static ingot_status add_tensor(ig_stored *s, ig_arena *arena, const ig_gguf_part *part,
                               const ig_gguf_tensor *t, ingot_error *err)
{
    const ig_ggml_type *type;
    IG_TRY(ig_gguf_tensor_data(&s->data, &type, &part->gguf, t, err));
    s->name = ig_arena_text(arena, t->name.p, t->name.n);
    if (!s->name) return ig_fail(err, INGOT_E_NOMEM, "GGUF: no memory");
    s->type = find_type(type);
    s->bad = part->bad;
    s->rank = IG_MAX((int)t->rank, 1);
    s->dims[0] = 1;
    for (uint32_t d = 0; d < t->rank; d++) {
        const uint64_t size = t->dims[t->rank - 1 - d];
        if (size > INT64_MAX || !size)
            return ig_fail(err, INGOT_E_FORMAT, "GGUF: tensor '%.80s' has no elements", s->name);
        s->dims[d] = (int64_t)size;
    }
    return INGOT_OK;
}

ingot_status ig_gguf_checkpoint(ig_checkpoint *c, ig_arena *arena, const ig_gguf_part *parts,
                                size_t n_parts, ingot_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < n_parts; i++) n += parts[i].gguf.n_tensors;
    c->tensors = ig_new_n(arena, ig_stored, n);
    if (!c->tensors) return ig_fail(err, INGOT_E_NOMEM, "GGUF: no memory");
    for (size_t i = 0; i < n_parts; i++)
        for (size_t k = 0; k < parts[i].gguf.n_tensors; k++)
            IG_TRY(
                add_tensor(&c->tensors[c->n++], arena, &parts[i], &parts[i].gguf.tensors[k], err));
    return ig_checkpoint_sort(c, err);
}
