/* gemm_i8_neon.c - integer product with smull and sadalp: products of signed bytes fit 16 bits, and
 * pairs of them are added to 32 bits at once (see gemm_i8_arm.h for the signs).
 *
 * Tile: up to 3 activation rows by 1 panel, 8 accumulators a row, each of two columns by two pairs
 * of k; a panel's first tile 2 rows, with 4 sums of weights. */
#include "kernels/gemm_i8/gemm_i8_arm.h"

enum { FIRST = 2, NEXT = 3 };

void gemm_i8_acts_neon(void *acts, int32_t *sums, const void *a, bool is_signed, size_t m, size_t k,
                       size_t a_row)
{
    pack_bytes(acts, sums, a, is_signed, m, k, a_row);
}

ACTS_INLINE void tile(const gemm_i8_args *p, size_t row, size_t panel, int32x4_t extra[4],
                      const size_t rows, const bool count)
{
    const i8_place at = place_of(p, row, panel);
    int32x4_t part[NEXT][8], weights[4];
    IG_UNROLL
    for (size_t v = 0; v < 8; v++) {
        if (v < 4) weights[v] = vdupq_n_s32(0);
        IG_UNROLL
        for (size_t r = 0; r < rows; r++) part[r][v] = vdupq_n_s32(0);
    }
    gemm_i8_piece whole;
    for (i8_pieces s = pieces_of(p, &whole); s.piece < s.end; s.piece++) {
        const int8_t *w = at.w + s.piece->k4 * 64;
        const uint8_t *a = at.a + s.piece->at;
        for (size_t g = s.piece->n4; g; g--, w += 64, a += 4) {
            int8x16_t x[NEXT];
            IG_UNROLL
            for (size_t r = 0; r < rows; r++) x[r] = four_flipped(a + r * at.a_row);
            IG_UNROLL
            for (size_t v = 0; v < 4; v++) {
                const int8x16_t b = vld1q_s8(w + 16 * v);
                if (count) weights[v] = vpadalq_s16(weights[v], vpaddlq_s8(b));
                IG_UNROLL
                for (size_t r = 0; r < rows; r++) {
                    const int16x8_t low = vmull_s8(vget_low_s8(b), vget_low_s8(x[r]));
                    const int16x8_t high = vmull_high_s8(b, x[r]);
                    part[r][2 * v] = vpadalq_s16(part[r][2 * v], low);
                    part[r][2 * v + 1] = vpadalq_s16(part[r][2 * v + 1], high);
                }
            }
        }
    }
    IG_UNROLL
    for (size_t r = 0; r < rows; r++) {
        int32x4_t sum[4];
        IG_UNROLL
        for (size_t v = 0; v < 4; v++) {
            if (count) extra[v] = vshlq_n_s32(weights[v], 7);
            sum[v] = vaddq_s32(vpaddq_s32(part[r][2 * v], part[r][2 * v + 1]), extra[v]);
        }
        store_row(p, row + r, panel, sum);
    }
}

#define TILE(name, rows, count)                                                                    \
    static void name##_##rows(const gemm_i8_args *p, size_t row, size_t panel, int32x4_t extra[4]) \
    {                                                                                              \
        tile(p, row, panel, extra, rows, count);                                                   \
    }
TILE(first, 1, true)
TILE(first, 2, true)
TILE(next, 1, false)
TILE(next, 2, false)
TILE(next, 3, false)
static i8_tile_fn *const first[FIRST] = {first_1, first_2};
static i8_tile_fn *const next[NEXT] = {next_1, next_2, next_3};

void gemm_i8_neon(const gemm_i8_args *p, size_t first_row, size_t end_row, size_t first_panel,
                  size_t end_panel)
{
    each_panel(p, first_row, end_row, first_panel, end_panel, first, FIRST, next, NEXT);
}
