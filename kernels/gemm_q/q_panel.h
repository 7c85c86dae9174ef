/* q_panel.h - one panel taken apart: where group g of 32 k keeps its quants and its tables.
 *
 * The plain C view that packing, the reference and the checks share. */
#ifndef IG_Q_PANEL_H
#define IG_Q_PANEL_H

#include "kernels/gemm_q/gemm_q.h"
#include "kernels/gemm_q/q_e4m3.h"
#include "runtime/base/half.h"

#include <math.h>

typedef struct {
    size_t block;  /* bytes from the panel to the block, where D and E of two levels lie */
    size_t scale;  /* .. to the 16 scales of the group, or to s of its 32 k */
    size_t offset; /* .. to its zeros or mins, or to t; equal to scale where there are none */
    size_t quants;
} q_place;

/* q_place_of - of group g of 32 k. */
static inline q_place q_place_of(const ig_q_layout *l, const ig_q_format *f, size_t g)
{
    const size_t block = g / l->per_block, first = block * l->per_block;
    const size_t left = l->groups - first, groups = left < l->per_block ? left : l->per_block;
    const size_t scales = (groups + l->per_scale - 1) / l->per_scale;
    const size_t table = scales * l->scale_step, at = block * l->block_bytes;
    const size_t tables = ig_q_has_offset(f) ? 2 : 1, within = g - first;
    q_place p = {.block = at};
    p.scale = at + l->super_bytes + within / l->per_scale * l->scale_step;
    p.offset = p.scale + (tables - 1) * table;
    p.quants = at + l->super_bytes + tables * table + within * l->quant_bytes;
    return p;
}

/* q_byte - where the quant of k (of 32) and row lies, and how far to shift it. */
static inline size_t q_byte(uint32_t bits, size_t k, size_t row, unsigned *shift)
{
    const size_t k4 = k / 4;
    *shift = bits == 4 && k4 >= 4 ? 4 : 0;
    return (bits == 4 ? k4 % 4 : k4) * 64 + row * 4 + k % 4;
}

static inline uint32_t q_quant(const uint8_t *quants, uint32_t bits, size_t k, size_t row)
{
    unsigned shift;
    const uint8_t byte = quants[q_byte(bits, k, row, &shift)];
    return bits == 4 ? (uint32_t)(byte >> shift) & 15 : byte;
}

/* q_number - element `row` of a table of 16. */
static inline float q_number(const uint8_t *table, uint32_t bytes, size_t row)
{
    if (bytes == 2) {
        uint16_t h;
        memcpy(&h, table + row * sizeof h, sizeof h);
        return ig_f16_to_f32(h);
    }
    float x;
    memcpy(&x, table + row * sizeof x, sizeof x);
    return x;
}

/* q_sub_at - where s or t of k (of 32) and row lies in its table. */
static inline size_t q_sub_at(const ig_q_format *f, size_t k, size_t row)
{
    return f->group == 16 ? 2 * row + k / 16 : row;
}

/* q_scale_at, q_offset_at - of k (of 32) and row. */
static inline float q_scale_at(const uint8_t *panel, const ig_q_format *f, const q_place *at,
                               size_t k, size_t row)
{
    if (f->scale_bytes != IG_Q_TWO_LEVELS) return q_number(panel + at->scale, f->scale_bytes, row);
    const int8_t s = (int8_t)panel[at->scale + q_sub_at(f, k, row)];
    return q_number(panel + at->block, 2, row) * s;
}

static inline float q_offset_at(const uint8_t *panel, const ig_q_format *f, const q_place *at,
                                size_t k, size_t row)
{
    if (f->scale_bytes != IG_Q_TWO_LEVELS) return q_number(panel + at->offset, f->scale_bytes, row);
    const int8_t t = (int8_t)panel[at->offset + q_sub_at(f, k, row)];
    return q_number(panel + at->block, 2, IG_Q_PANEL + row) * t;
}

/* q_weight_at - k of 32, rounded once. */
static inline float q_weight_at(const uint8_t *panel, const ig_q_format *f, const q_place *at,
                                size_t k, size_t row)
{
    const uint32_t byte = q_quant(panel + at->quants, f->bits, k, row);
    const float q = (float)byte, d = q_scale_at(panel, f, at, k, row);
    if (f->offset == IG_Q_E4M3) return q_from_e4m3((uint8_t)byte) * d;
    if (f->offset == IG_Q_CENTRED) return (q - (f->bits == 4 ? 8.0f : 128.0f)) * d;
    const float second = q_offset_at(panel, f, at, k, row);
    return f->offset == IG_Q_MIN ? fmaf(d, q, second) : (q - second) * d;
}

#endif
