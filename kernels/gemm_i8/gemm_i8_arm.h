/* gemm_i8_arm.h - what the three Arm products share: where a tile lies, and the end of its sums.
 *
 * NEON and dotprod multiply signed bytes only. They flip the sign bit of an activation, which takes
 * 128 from it, and add 128 times the sum of the weights to each column: a panel's first tile counts
 * that sum beside its products, the tiles after it are given it. */
#ifndef IG_GEMM_I8_ARM_H
#define IG_GEMM_I8_ARM_H

#include "kernels/gemm_i8/gemm_i8_acts.h"
#include "kernels/gemm_i8/i8_finish_neon.h"
#include "runtime/base/checked.h"

typedef struct {
    const int8_t *w;  /* the panel */
    const uint8_t *a; /* the first row */
    size_t a_row;
} i8_place;

ACTS_INLINE i8_place place_of(const gemm_i8_args *p, size_t row, size_t panel)
{
    const size_t k4 = (p->k + 3) / 4, a_row = p->acts_row ? p->acts_row : k4 * 4;
    return (i8_place){p->panels + panel * k4 * 64, (const uint8_t *)p->acts + row * a_row, a_row};
}

/* Four activations of one row, for each column. */
ACTS_INLINE uint8x16_t four_acts(const uint8_t *a)
{
    uint32_t dword;
    memcpy(&dword, a, sizeof dword);
    return vreinterpretq_u8_u32(vdupq_n_u32(dword));
}

ACTS_INLINE int8x16_t four_flipped(const uint8_t *a)
{
    return vreinterpretq_s8_u8(veorq_u8(four_acts(a), vdupq_n_u8(0x80)));
}

/* start, zero points, and the finish of one row of a panel. */
ACTS_INLINE void store_row(const gemm_i8_args *p, size_t row, size_t panel, const int32x4_t sum[4])
{
    const size_t n = panel * GEMM_I8_PANEL;
    int32x4_t acc[4];
    IG_UNROLL
    for (size_t v = 0; v < 4; v++) {
        acc[v] = vaddq_s32(sum[v], vld1q_s32(p->finish.start + n + 4 * v));
        if (p->w_zero)
            acc[v] =
                vmlsq_s32(acc[v], vld1q_s32(p->w_zero + n + 4 * v), vdupq_n_s32(p->a_sum[row]));
        if (p->a_zero)
            acc[v] =
                vmlsq_s32(acc[v], vld1q_s32(p->w_fix + n + 4 * v), vdupq_n_s32(p->a_zero[row]));
    }
    finish_16_neon(&p->finish, p->y, row * p->y_row + n, acc, n, 4, p->n - n);
}

/* The tiles of an ISA without products of unlike signs: first[rows - 1] writes 128 times the sums
 * of the weights, next[rows - 1] reads them. */
typedef void i8_tile_fn(const gemm_i8_args *p, size_t row, size_t panel, int32x4_t extra[4]);

ACTS_INLINE void each_panel(const gemm_i8_args *p, size_t first_row, size_t end_row,
                            size_t first_panel, size_t end_panel, i8_tile_fn *const *first,
                            size_t most_first, i8_tile_fn *const *next, size_t most)
{
    if (first_row >= end_row) return;
    for (size_t panel = first_panel; panel < end_panel; panel++) {
        int32x4_t extra[4];
        size_t rows = IG_MIN(end_row - first_row, most_first), row = first_row;
        first[rows - 1](p, row, panel, extra);
        for (row += rows; row < end_row; row += rows) {
            rows = IG_MIN(end_row - row, most);
            next[rows - 1](p, row, panel, extra);
        }
    }
}

#endif
