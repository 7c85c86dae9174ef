/* types.c - see types.h. */
#include "formats/gguf/types.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <stdio.h>

static const ig_ggml_type types[] = {
    {.id = 0, .name = "f32", .dtype = INGOT_F32, .n = 1, .bytes = 4},
    {.id = 1, .name = "f16", .dtype = INGOT_F16, .n = 1, .bytes = 2},
    {.id = 30, .name = "bf16", .dtype = INGOT_BF16, .n = 1, .bytes = 2},
#define T(id, name, n, bytes, format) \
    {id, #name, INGOT_NONE, n, bytes, format, ig_ggml_split_##name},
#include "formats/gguf/types.def"
#undef T
};

const ig_ggml_type *ig_ggml_type_at(uint32_t id)
{
    for (size_t i = 0; i < IG_LEN(types); i++)
        if (types[i].id == id) return &types[i];
    return NULL;
}

void ig_ggml_type_names(char *out, size_t cap)
{
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < IG_LEN(types) && at < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s%s", i ? ", " : "", types[i].name);
}

/* What follows values i .. of a row. */
static ig_split split_from(const ig_split *s, const ig_q_format *f, size_t i)
{
    const bool two = f->scale_bytes == IG_Q_TWO_LEVELS;
    const size_t group = i / f->group, scale = two ? i / IG_Q_SUPER : group;
    return (ig_split){s->q + i, s->scale + scale, s->offset + scale, two ? s->s + group : NULL,
                      two ? s->t + group : NULL};
}

void ig_ggml_split_row(const ig_split *to, const ig_ggml_type *t, const uint8_t *row, size_t n)
{
    const ig_q_format *f = ig_q_format_named(t->format);
    for (size_t i = 0; i < n; i += t->n, row += t->bytes) {
        const ig_split part = split_from(to, f, i);
        t->split(&part, row);
    }
}

static void floats(float *y, ingot_dtype dtype, const uint8_t *row, size_t n)
{
    if (dtype == INGOT_F32) {
        memcpy(y, row, n * sizeof *y);
        return;
    }
    for (size_t i = 0; i < n; i++, row += 2)
        y[i] = dtype == INGOT_F16 ? ig_ggml_f16(row)
                                  : ig_bf16_to_f32((uint16_t)(row[0] | row[1] << 8));
}

/* A block's values of group g. */
static void join_group(float *y, const ig_split *s, const ig_q_format *f, size_t g)
{
    const bool two = f->scale_bytes == IG_Q_TWO_LEVELS, min = f->offset == IG_Q_MIN;
    const float d = two ? s->scale[0] * s->s[g] : s->scale[g];
    const float least = !min ? 0 : two ? s->offset[0] * s->t[g] : s->offset[g];
    const float centre = f->bits == 4 ? 8 : 128;
    for (size_t k = g * f->group; k < (g + 1) * f->group; k++)
        y[k] = min ? fmaf(d, s->q[k], least) : ((float)s->q[k] - centre) * d;
}

void ig_ggml_row_f32(float *y, const ig_ggml_type *t, const uint8_t *row, size_t n)
{
    uint8_t q[IG_GGML_BLOCK_MOST];
    float scale[1], offset[1];
    int8_t s[IG_GGML_GROUPS_MOST], times[IG_GGML_GROUPS_MOST];
    const ig_split block = {q, scale, offset, s, times};
    if (t->dtype != INGOT_NONE) {
        floats(y, t->dtype, row, n);
        return;
    }
    const ig_q_format *f = ig_q_format_named(t->format);
    for (size_t i = 0; i < n; i += t->n, row += t->bytes) {
        t->split(&block, row);
        for (size_t g = 0; g < t->n / f->group; g++) join_group(y + i, &block, f, g);
    }
}
