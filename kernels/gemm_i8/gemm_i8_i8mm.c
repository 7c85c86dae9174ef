/* gemm_i8_i8mm.c - integer product with usmmla: two rows of unsigned activations by two of signed
 * weights, 8 k at a time.
 *
 * Two neighbouring groups of 4 k of four panel rows become operands by two shuffles: trn1 gives 8 k
 * of rows 0 and 2, trn2 of rows 1 and 3. Tile: up to 3 pairs of activation rows by 1 panel (24
 * accumulators, 2 weight registers, 3 of activations). An odd last row is its own pair's both rows.
 */
#include "kernels/gemm_i8/gemm_i8_arm.h"

enum { PAIRS = 3, ROWS = 2 * PAIRS };

void gemm_i8_acts_i8mm(void *acts, int32_t *sums, const void *a, bool is_signed, size_t m, size_t k,
                       size_t a_row)
{
    pack_bytes(acts, sums, a, is_signed, m, k, a_row);
}

/* x [pairs] by the weights of 8 k: low has the first four of each row, high the others. */
ACTS_INLINE void add_products(int32x4_t acc[PAIRS][8], const uint8x16_t x[PAIRS], const int8_t *low,
                              const int8_t *high, const size_t pairs)
{
    IG_UNROLL
    for (size_t v = 0; v < 4; v++) {
        const int32x4_t b = vreinterpretq_s32_s8(vld1q_s8(low + 16 * v));
        const int32x4_t c = high ? vreinterpretq_s32_s8(vld1q_s8(high + 16 * v)) : vdupq_n_s32(0);
        const int8x16_t even = vreinterpretq_s8_s32(vtrn1q_s32(b, c));
        const int8x16_t odd = vreinterpretq_s8_s32(vtrn2q_s32(b, c));
        IG_UNROLL
        for (size_t i = 0; i < pairs; i++) {
            acc[i][2 * v] = vusmmlaq_s32(acc[i][2 * v], x[i], even);
            acc[i][2 * v + 1] = vusmmlaq_s32(acc[i][2 * v + 1], x[i], odd);
        }
    }
}

/* Four bytes, then four of zero. */
ACTS_INLINE uint8x8_t half_acts(const uint8_t *a)
{
    uint32_t dword;
    memcpy(&dword, a, sizeof dword);
    return vreinterpret_u8_u32(vset_lane_u32(dword, vdup_n_u32(0), 0));
}

/* `rows` rows, 2 * pairs or one less. */
ACTS_INLINE void tile(const gemm_i8_args *p, size_t row, size_t panel, size_t rows,
                      const size_t pairs)
{
    const i8_place at = place_of(p, row, panel);
    const uint8_t *a[ROWS];
    int32x4_t acc[PAIRS][8];
    uint8x16_t x[PAIRS];
    IG_UNROLL
    for (size_t i = 0; i < pairs; i++) IG_UNROLL
    for (size_t v = 0; v < 8; v++) acc[i][v] = vdupq_n_s32(0);
    gemm_i8_piece whole;
    for (i8_pieces s = pieces_of(p, &whole); s.piece < s.end; s.piece++) {
        const int8_t *w = at.w + s.piece->k4 * 64;
        IG_UNROLL
        for (size_t r = 0; r < 2 * pairs; r++)
            a[r] = at.a + s.piece->at + IG_MIN(r, rows - 1) * at.a_row;
        for (size_t g = s.piece->n4 / 2; g; g--, w += 128) {
            IG_UNROLL
            for (size_t i = 0; i < pairs; i++) {
                x[i] = vcombine_u8(vld1_u8(a[2 * i]), vld1_u8(a[2 * i + 1]));
                a[2 * i] += 8;
                a[2 * i + 1] += 8;
            }
            add_products(acc, x, w, w + 64, pairs);
        }
        if (s.piece->n4 % 2) {
            IG_UNROLL
            for (size_t i = 0; i < pairs; i++)
                x[i] = vcombine_u8(half_acts(a[2 * i]), half_acts(a[2 * i + 1]));
            add_products(acc, x, w, NULL, pairs);
        }
    }
    IG_UNROLL
    for (size_t i = 0; i < pairs; i++) {
        int32x4_t one[4], two[4];
        IG_UNROLL
        for (size_t v = 0; v < 4; v++) {
            one[v] = vzip1q_s32(acc[i][2 * v], acc[i][2 * v + 1]);
            two[v] = vzip2q_s32(acc[i][2 * v], acc[i][2 * v + 1]);
        }
        store_row(p, row + 2 * i, panel, one);
        if (2 * i + 1 < rows) store_row(p, row + 2 * i + 1, panel, two);
    }
}

static void tile_1(const gemm_i8_args *p, size_t row, size_t panel, size_t rows)
{
    tile(p, row, panel, rows, 1);
}
static void tile_2(const gemm_i8_args *p, size_t row, size_t panel, size_t rows)
{
    tile(p, row, panel, rows, 2);
}
static void tile_3(const gemm_i8_args *p, size_t row, size_t panel, size_t rows)
{
    tile(p, row, panel, rows, 3);
}

void gemm_i8_i8mm(const gemm_i8_args *p, size_t first_row, size_t end_row, size_t first_panel,
                  size_t end_panel)
{
    static void (*const by_pairs[PAIRS])(const gemm_i8_args *, size_t, size_t,
                                         size_t) = {tile_1, tile_2, tile_3};
    for (size_t panel = first_panel; panel < end_panel; panel++)
        for (size_t row = first_row, rows; row < end_row; row += rows) {
            rows = IG_MIN(end_row - row, (size_t)ROWS);
            by_pairs[(rows - 1) / 2](p, row, panel, rows);
        }
}
