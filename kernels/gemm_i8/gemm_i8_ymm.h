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

ACTS_INLINE void store_panel(const gemm_i8_args *p, size_t row, size_t n, __m256i low, __m256i high)
{
    if (n >= p->n) return;
    finish_16_avx2(&p->finish, p->y, row * p->y_row + n, corrected_8(p, row, n, low),
                   corrected_8(p, row, n + 8, high), n, p->n - n);
}

ACTS_INLINE __m256i start_8(const gemm_i8_args *p, size_t n)
{
    return _mm256_loadu_si256((const __m256i *)(p->finish.start + n));
}

#endif
