/* gemm_i8_dotprod.c - integer product with sdot (see gemm_i8_arm.h for the signs).
 *
 * Tile: up to 6 activation rows by 1 panel (24 accumulators, 4 weight registers, 1 broadcast); a
 * panel's first tile 4 rows, with 4 sums of weights. */
#include "kernels/gemm_i8/gemm_i8_arm.h"

enum { FIRST = 4, NEXT = 6 };

void gemm_i8_acts_dotprod(void *acts, int32_t *sums, const void *a, bool is_signed, size_t m,
                          size_t k, size_t a_row)
{
    pack_bytes(acts, sums, a, is_signed, m, k, a_row);
}

ACTS_INLINE void tile(const gemm_i8_args *p, size_t row, size_t panel, int32x4_t extra[4],
                      const size_t rows, const bool count)
{
    const i8_place at = place_of(p, row, panel);
    const int8x16_t ones = vdupq_n_s8(1);
    int32x4_t sum[NEXT][4], weights[4];
    IG_UNROLL
    for (size_t v = 0; v < 4; v++) {
        weights[v] = vdupq_n_s32(0);
        IG_UNROLL
        for (size_t r = 0; r < rows; r++) sum[r][v] = vdupq_n_s32(0);
    }
    gemm_i8_piece whole;
    for (i8_pieces s = pieces_of(p, &whole); s.piece < s.end; s.piece++) {
        const int8_t *w = at.w + s.piece->k4 * 64;
        const uint8_t *a = at.a + s.piece->at;
        for (size_t g = s.piece->n4; g; g--, w += 64, a += 4) {
            int8x16_t b[4];
            IG_UNROLL
            for (size_t v = 0; v < 4; v++) {
                b[v] = vld1q_s8(w + 16 * v);
                if (count) weights[v] = vdotq_s32(weights[v], b[v], ones);
            }
            IG_UNROLL
            for (size_t r = 0; r < rows; r++) {
                const int8x16_t x = four_flipped(a + r * at.a_row);
                IG_UNROLL
                for (size_t v = 0; v < 4; v++) sum[r][v] = vdotq_s32(sum[r][v], b[v], x);
            }
        }
    }
    IG_UNROLL
    for (size_t v = 0; v < 4; v++) {
        if (count) extra[v] = vshlq_n_s32(weights[v], 7);
        IG_UNROLL
        for (size_t r = 0; r < rows; r++) sum[r][v] = vaddq_s32(sum[r][v], extra[v]);
    }
    IG_UNROLL
    for (size_t r = 0; r < rows; r++) store_row(p, row + r, panel, sum[r]);
}

#define TILE(name, rows, count)                                                                    \
    static void name##_##rows(const gemm_i8_args *p, size_t row, size_t panel, int32x4_t extra[4]) \
    {                                                                                              \
        tile(p, row, panel, extra, rows, count);                                                   \
    }
#define UP_TO_4(X, name, count) \
    X(name, 1, count) X(name, 2, count) X(name, 3, count) X(name, 4, count)
#define NAME(name, rows, count) name##_##rows,
UP_TO_4(TILE, first, true)
UP_TO_4(TILE, next, false)
TILE(next, 5, false)
TILE(next, 6, false)
static i8_tile_fn *const first[FIRST] = {UP_TO_4(NAME, first, true)};
static i8_tile_fn *const next[NEXT] = {UP_TO_4(NAME, next, false) next_5, next_6};

void gemm_i8_dotprod(const gemm_i8_args *p, size_t first_row, size_t end_row, size_t first_panel,
                     size_t end_panel)
{
    each_panel(p, first_row, end_row, first_panel, end_panel, first, FIRST, next, NEXT);
}
