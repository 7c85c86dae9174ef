/* types.c - see types.h. */
#include "formats/gguf/types.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <stdio.h>

static const ig_ggml_type types[] = {
    {.id = 0, .name = "f32", .dtype = INGOT_F32, .n = 1, .bytes = 4},
    {.id = 1, .name = "f16", .dtype = INGOT_F16, .n = 1, .bytes = 2},
    {.id = 30, .name = "bf16", .dtype = INGOT_BF16, .n = 1, .bytes = 2},
#define T(id, name, n, bytes, bits, group, scale, offset) \
    {id, #name, INGOT_NONE, n, bytes, bits, group, scale, offset, ig_ggml_split_##name},
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

void ig_ggml_split_row(uint8_t *q, float *d, float *min, const ig_ggml_type *t, const uint8_t *row,
                       size_t n)
{
    const size_t groups = t->n / t->group;
    for (size_t i = 0; i < n; i += t->n, row += t->bytes) {
        t->split(q + i, d, min, row);
        d += groups;
        min += t->offset == IG_Q_MIN ? groups : 0;
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

void ig_ggml_row_f32(float *y, const ig_ggml_type *t, const uint8_t *row, size_t n)
{
    uint8_t q[IG_GGML_BLOCK_MOST];
    float d[IG_GGML_GROUPS_MOST], min[IG_GGML_GROUPS_MOST];
    if (t->dtype != INGOT_NONE) {
        floats(y, t->dtype, row, n);
        return;
    }
    const float centre = t->bits == 4 ? 8 : 128;
    for (size_t i = 0; i < n; i += t->n, row += t->bytes) {
        t->split(q, d, min, row);
        for (size_t k = 0; k < t->n; k++) {
            const size_t g = k / t->group;
            y[i + k] =
                t->offset == IG_Q_MIN ? fmaf(d[g], q[k], min[g]) : ((float)q[k] - centre) * d[g];
        }
    }
}
