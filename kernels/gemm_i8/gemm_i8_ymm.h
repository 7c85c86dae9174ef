/* gemm_i8_ymm.h - what the AVX2 and the AVX-VNNI product share: where sums begin and what they
 * lack. */
#ifndef IG_GEMM_I8_YMM_H
#define IG_GEMM_I8_YMM_H

#include "kernels/gemm_i8/gemm_i8_acts.h"
#include "kernels/gemm_i8/i8_finish_ymm.h"

ACTS_INLINE __m256i broadcast(const void *dword)
{
    int32_t v;
    memcpy(&v, dword, sizeof v);
    return _mm256_set1_epi32(v);
}

/* The terms of zero points that are not in start. */
ACTS_INLINE __m256i corrected_8(const gemm_i8_args *p, size_t row, size_t n, __m256i sum)
{
    if (p->w_zero) {
        const __m256i zero = _mm256_loadu_si256((const __m256i *)(p->w_zero + n));
        sum = _mm256_sub_epi32(sum, _mm256_mullo_epi32(zero, _mm256_set1_epi32(p->a_sum[row])));
    }
    if (p->a_zero) {
        const __m256i fix = _mm256_loadu_si256((const __m256i *)(p->w_fix + n));
        sum = _mm256_sub_epi32(sum, _mm256_mullo_epi32(fix, _mm256_set1_epi32(p->a_zero[row])));
    }
    return sum;
}

/* The sums of a tile, rows by one panel. Most have nothing left to correct, and become bytes. */
ACTS_INLINE void store_tile(const gemm_i8_args *p, size_t row, size_t panel, __m256i *low,
                            __m256i *high, size_t rows)
{
    const size_t n = panel * 16, left = p->n - n, y_row = p->y_row;
    const i8_finish f = p->finish; /* y may not change it */
    if (p->w_zero || p->a_zero) {
        IG_UNROLL
        for (size_t r = 0; r < rows; r++) {
            low[r] = corrected_8(p, row + r, n, low[r]);
            high[r] = corrected_8(p, row + r, n + 8, high[r]);
        }
    }
    if (f.to == I8_TO_BYTES && left >= 16) {
        uint8_t *y = (uint8_t *)p->y + row * y_row + n;
        IG_UNROLL
        for (size_t r = 0; r < rows; r++)
            _mm_storeu_si128((__m128i *)(y + r * y_row),
                             bytes_16(&f, rounded_8(&f, low[r], n), rounded_8(&f, high[r], n + 8)));
        return;
    }
    IG_UNROLL
    for (size_t r = 0; r < rows; r++)
        finish_16_avx2(&f, p->y, (row + r) * y_row + n, low[r], high[r], n, left);
}

ACTS_INLINE __m256i start_8(const gemm_i8_args *p, size_t n)
{
    return _mm256_loadu_si256((const __m256i *)(p->finish.start + n));
}

#endif
