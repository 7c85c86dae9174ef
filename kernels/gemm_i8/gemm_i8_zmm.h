/* gemm_i8_zmm.h - what the two AVX-512 products share: the store of a panel's sixteen sums. */
#ifndef IG_GEMM_I8_ZMM_H
#define IG_GEMM_I8_ZMM_H

#include "kernels/gemm_i8/gemm_i8_acts.h"

#include <immintrin.h>
#include <string.h>

ACTS_INLINE __m512i broadcast(const void *dword)
{
    int32_t v;
    memcpy(&v, dword, sizeof v);
    return _mm512_set1_epi32(v);
}

/* store_16 - corrects for the zero points and stores the lanes below p->n. */
ACTS_INLINE void store_16(const gemm_i8_args *p, size_t row, size_t n, __m512i sum)
{
    const __m512i zero = _mm512_loadu_si512(p->w_zero + n);
    sum = _mm512_sub_epi32(sum, _mm512_mullo_epi32(zero, _mm512_set1_epi32(p->a_sum[row])));
    if (p->a_zero) {
        const __m512i fix = _mm512_loadu_si512(p->w_fix + n);
        sum = _mm512_sub_epi32(sum, _mm512_mullo_epi32(fix, _mm512_set1_epi32(p->a_zero[row])));
    }
    const size_t left = p->n - n;
    const __mmask16 lanes = _cvtu32_mask16(left < 16 ? (1u << left) - 1 : 0xffff);
    _mm512_mask_storeu_epi32(p->c + row * p->c_row + n, lanes, sum);
}

#endif
