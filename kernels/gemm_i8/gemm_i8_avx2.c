/* gemm_i8_avx2.c - integer product with vpmaddwd on widened operands, exact for all 8-bit values.
 *
 * Tile: 4 activation rows by 1 panel = 8 accumulators; the even and the odd bytes of a panel's 64
 * are 4 registers of signed words; each activation word pair is a broadcast from memory. Bound by
 * vpmaddwd and vpaddd, one pair for 16 products. */
#include "kernels/gemm_i8/gemm_i8_ymm.h"

enum { ROWS = 4 };

void gemm_i8_acts_avx2(void *acts, int32_t *sums, const void *a, bool is_signed, size_t m, size_t k,
                       size_t a_row)
{
    pack_words(acts, sums, a, is_signed, m, k, a_row);
}

/* add_to - in place and in this order: left to itself, gcc 12 sums the products first and spills
 * the accumulators. */
ACTS_INLINE void add_to(__m256i *sum, __m256i v)
{
    __asm__("vpaddd %1, %0, %0" : "+x"(*sum) : "x"(v));
}

ACTS_INLINE __m256i add_products(__m256i sum, __m256i even, __m256i odd, const int16_t *a)
{
    add_to(&sum, _mm256_madd_epi16(even, broadcast(a)));
    add_to(&sum, _mm256_madd_epi16(odd, broadcast(a + 2)));
    return sum;
}

ACTS_INLINE __m256i even_words(__m256i bytes)
{
    return _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8);
}

ACTS_INLINE void tile(const gemm_i8_args *p, size_t row, size_t panel, size_t rows)
{
    const size_t k4 = (p->k + 3) / 4, a_row = k4 * 4;
    const int8_t *w = p->panels + panel * k4 * 64;
    const int16_t *a = (const int16_t *)p->acts + row * a_row;
    __m256i low[ROWS], high[ROWS];
    IG_UNROLL
    for (size_t r = 0; r < rows; r++) {
        low[r] = start_8(p, panel * 16);
        high[r] = start_8(p, panel * 16 + 8);
    }
    for (size_t g = 0; g < k4; g++, w += 64, a += 4) {
        const __m256i w0 = _mm256_loadu_si256((const __m256i *)w);
        const __m256i w1 = _mm256_loadu_si256((const __m256i *)(w + 32));
        const __m256i even0 = even_words(w0), odd0 = _mm256_srai_epi16(w0, 8);
        const __m256i even1 = even_words(w1), odd1 = _mm256_srai_epi16(w1, 8);
        IG_UNROLL
        for (size_t r = 0; r < rows; r++) {
            low[r] = add_products(low[r], even0, odd0, a + r * a_row);
            high[r] = add_products(high[r], even1, odd1, a + r * a_row);
        }
    }
    store_tile(p, row, panel, low, high, rows);
}

void gemm_i8_avx2(const gemm_i8_args *p, size_t first_row, size_t end_row, size_t first_panel,
                  size_t end_panel)
{
    for (size_t panel = first_panel; panel < end_panel; panel++) {
        size_t row = first_row;
        for (; row + ROWS <= end_row; row += ROWS) tile(p, row, panel, ROWS);
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
