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

/* The sums of a tile, rows by panels. Most have nothing left to correct, and become bytes. */
ACTS_INLINE void store_tile(const gemm_i8_args *p, size_t row, size_t panel, __m512i *sum,
                            size_t rows, size_t panels)
{
    const size_t n = panel * 16, left = p->n - n, y_row = p->y_row;
    const i8_finish f = p->finish; /* y may not change it */
    if (p->w_zero || p->a_zero) {
        IG_UNROLL
        for (size_t i = 0; i < rows * panels; i++)
            sum[i] = corrected_16(p, row + i / panels, n + 16 * (i % panels), sum[i]);
    }
    size_t at = row * y_row + n;
    if (f.to == I8_TO_BYTES) {
        IG_UNROLL
        for (size_t r = 0; r < rows; r++, at += y_row)
            finish_bytes(&f, p->y, at, sum + r * panels, panels, n, left);
        return;
    }
    IG_UNROLL
    for (size_t r = 0; r < rows; r++, at += y_row)
        finish_wide(&f, p->y, at, sum + r * panels, panels, n, left);
}

#endif
