/* gemm_i8_avx512.c - integer product with vpmaddwd on widened operands, for CPUs without VNNI.
 *
 * Tile: 8 activation rows by 1 panel, one zmm accumulator each; as gemm_i8_avx2.c otherwise. */
#include "kernels/gemm_i8/gemm_i8_zmm.h"

enum { ROWS = 8 };

void gemm_i8_acts_avx512(void *acts, int32_t *sums, const void *a, bool is_signed, size_t m,
                         size_t k, size_t a_row)
{
    pack_words(acts, sums, a, is_signed, m, k, a_row);
}

ACTS_INLINE void tile(const gemm_i8_args *p, size_t row, size_t panel, size_t rows)
{
    const size_t k4 = (p->k + 3) / 4, a_row = k4 * 4;
    const int8_t *w = p->panels + panel * k4 * 64;
    const int16_t *a = (const int16_t *)p->acts + row * a_row;
    __m512i sum[ROWS];
    IG_UNROLL
    for (size_t r = 0; r < rows; r++) sum[r] = start_16(p, panel * 16);
    for (size_t g = 0; g < k4; g++, w += 64, a += 4) {
        const __m512i both = _mm512_loadu_si512(w);
        const __m512i even = _mm512_srai_epi16(_mm512_slli_epi16(both, 8), 8);
        const __m512i odd = _mm512_srai_epi16(both, 8);
        IG_UNROLL
        for (size_t r = 0; r < rows; r++) {
            const int16_t *pair = a + r * a_row;
            sum[r] = _mm512_add_epi32(sum[r], _mm512_madd_epi16(even, broadcast(pair)));
            sum[r] = _mm512_add_epi32(sum[r], _mm512_madd_epi16(odd, broadcast(pair + 2)));
        }
    }
    store_tile(p, row, panel, sum, rows, 1);
}

void gemm_i8_avx512(const gemm_i8_args *p, size_t first_row, size_t end_row, size_t first_panel,
                    size_t end_panel)
{
    for (size_t panel = first_panel; panel < end_panel; panel++) {
        size_t row = first_row;
        for (; row + ROWS <= end_row; row += ROWS) tile(p, row, panel, ROWS);
        if (row + 4 <= end_row) tile(p, row, panel, 4), row += 4;
        switch (end_row - row) {
        case 3:
            tile(p, row, panel, 3);
            break;
        case 2:
            tile(p, row, panel, 2);
            break;
        case 1:
            tile(p, row, panel, 1);
            break;
        default:
            break;
        }
    }
}
