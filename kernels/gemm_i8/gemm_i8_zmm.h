/* gemm_i8_zmm.h - what the two AVX-512 products share: where sums begin and what they lack. */
#ifndef IG_GEMM_I8_ZMM_H
#define IG_GEMM_I8_ZMM_H

#include "kernels/gemm_i8/gemm_i8_acts.h"
#include "kernels/gemm_i8/i8_finish_zmm.h"

#include <string.h>

ACTS_INLINE __m512i broadcast(const void *dword)
{
    int32_t v;
    memcpy(&v, dword, sizeof v);
    return _mm512_set1_epi32(v);
}

ACTS_INLINE __m512i start_16(const gemm_i8_args *p, size_t n)
{
    return _mm512_loadu_si512(p->finish.start + n);
}

/* The terms of zero points that are not in start. */
ACTS_INLINE __m512i corrected_16(const gemm_i8_args *p, size_t row, size_t n, __m512i sum)
{
    if (p->w_zero) {
        const __m512i zero = _mm512_loadu_si512(p->w_zero + n);
        sum = _mm512_sub_epi32(sum, _mm512_mullo_epi32(zero, _mm512_set1_epi32(p->a_sum[row])));
    }
    if (p->a_zero) {
        const __m512i fix = _mm512_loadu_si512(p->w_fix + n);
        sum = _mm512_sub_epi32(sum, _mm512_mullo_epi32(fix, _mm512_set1_epi32(p->a_zero[row])));
    }
    return sum;
}

ACTS_INLINE void store_16(const gemm_i8_args *p, size_t row, size_t n, __m512i sum)
{
    if (n >= p->n) return;
    finish_16(&p->finish, p->y, row * p->y_row + n, corrected_16(p, row, n, sum), n,
              first_lanes(p->n - n));
}

#endif
