/* checkpoint.c - a GGUF file's tensors as formats/llm/weights.h lists them; see llm.h. */
#include "formats/gguf/llm.h"
#include "runtime/base/checked.h"

/* The two functions of each type that weights.h asks for. */
#define T(id, type, n, bytes, bits, group, scale, offset)                                      \
    static void widen_##type(float *to, const void *from, size_t count)                        \
    {                                                                                          \
        ig_ggml_row_f32(to, ig_ggml_type_at(id), from, count);                                 \
    }                                                                                          \
    static void split_##type(uint8_t *q, float *d, float *min, const void *from, size_t count) \
    {                                                                                          \
        ig_ggml_split_row(q, d, min, ig_ggml_type_at(id), from, count);                        \
    }
#include "formats/gguf/types.def"
#undef T

static const struct {
    uint32_t id;
    void (*widen)(float *, const void *, size_t);
    void (*split)(uint8_t *, float *, float *, const void *, size_t);
} functions[] = {
#define T(id, type, n, bytes, bits, group, scale, offset) {id, widen_##type, split_##type},
#include "formats/gguf/types.def"
#undef T
};

/* Types whose groups no format of ours has are rounded to 8 bits, which have more steps than any of
 * them. */
static ig_stored_type stored_of(const ig_ggml_type *t, size_t i)
{
    const ig_q_format *f = ig_q_format_like(t->bits, t->group, t->scale_bytes, t->offset);
    return (ig_stored_type){.name = t->name,
                            .block = t->n,
                            .block_bytes = t->bytes,
                            .format = f ? f->name : "i8g32f",
                            .widen = functions[i].widen,
                            .split = f ? functions[i].split : NULL};
}

static const ig_stored_type *find_type(const ig_ggml_type *t, ig_stored_type *low)
{
    if (t->dtype == INGOT_F32) return &ig_stored_f32;
    if (t->dtype == INGOT_F16) return &ig_stored_f16;
    if (t->dtype == INGOT_BF16) return &ig_stored_bf16;
    size_t i = 0;
    while (functions[i].id != t->id) i++;
    if (!low[i].name) low[i] = stored_of(t, i);
    return &low[i];
}

ingot_status ig_gguf_checkpoint(ig_checkpoint *c, ig_arena *arena, const ig_gguf *g,
                                ingot_error *err)
{
    ig_stored_type *low = ig_new_n(arena, ig_stored_type, IG_LEN(functions));
    c->tensors = ig_new_n(arena, ig_stored, g->n_tensors);
    c->n = g->n_tensors;
    if (!low || !c->tensors) return ig_fail(err, INGOT_E_NOMEM, "GGUF: no memory");
    for (size_t i = 0; i < g->n_tensors; i++) {
        const ig_gguf_tensor *t = &g->tensors[i];
        const ig_ggml_type *type;
        ig_stored *s = &c->tensors[i];
        IG_TRY(ig_gguf_tensor_data(&s->data, &type, g, t, err));
        s->name = ig_arena_text(arena, t->name.p, t->name.n);
        if (!s->name) return ig_fail(err, INGOT_E_NOMEM, "GGUF: no memory");
        s->type = find_type(type, low);
        s->rank = IG_MAX((int)t->rank, 1);
        s->dims[0] = 1;
        for (uint32_t d = 0; d < t->rank; d++) {
            const uint64_t size = t->dims[t->rank - 1 - d];
            if (size > INT64_MAX || !size)
                return ig_fail(err, INGOT_E_FORMAT, "GGUF: tensor '%.80s' has no elements",
                               s->name);
            s->dims[d] = (int64_t)size;
        }
    }
    return ig_checkpoint_sort(c, err);
}
