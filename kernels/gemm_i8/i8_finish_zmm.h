/* i8_finish_zmm.h - i8_finish.h on AVX-512 vectors of sixteen sums. */
#ifndef IG_I8_FINISH_ZMM_H
#define IG_I8_FINISH_ZMM_H

#include "kernels/gemm_i8/i8_finish.h"

#include <immintrin.h>

#define FINISH_INLINE static inline __attribute__((always_inline))

/* The first n of sixteen lanes; any number from 16 up means all. */
FINISH_INLINE __mmask16 first_lanes(size_t n)
{
    return _cvtu32_mask16(n < 16 ? (1u << n) - 1 : 0xffff);
}

FINISH_INLINE __m512 scaled_16(const i8_finish *f, __m512i acc, size_t n)
{
    const __m512 v = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(f->scale + n));
    return f->bias ? _mm512_add_ps(v, _mm512_loadu_ps(f->bias + n)) : v;
}

/* Rounded to integers less the zero point. The bounds are whole numbers, so clipping may come
 * first; the second operand of max wins over a NaN. */
FINISH_INLINE __m512i rounded_16(const i8_finish *f, __m512i acc, size_t n)
{
    __m512 v = _mm512_max_ps(scaled_16(f, acc, n), _mm512_set1_ps(f->low));
    v = _mm512_min_ps(v, _mm512_set1_ps(f->high));
    return _mm512_cvtps_epi32(v);
}

/* Sums of columns n .. n + 15, of which `lanes` are stored at element `at` of y. */
FINISH_INLINE void finish_16(const i8_finish *f, void *y, size_t at, __m512i acc, size_t n,
                             __mmask16 lanes)
{
    if (f->to == I8_TO_I32) {
        _mm512_mask_storeu_epi32((int32_t *)y + at, lanes, acc);
    } else if (f->to == I8_TO_F32) {
        _mm512_mask_storeu_ps((float *)y + at, lanes, scaled_16(f, acc, n));
    } else {
        const __m512i q = _mm512_add_epi32(rounded_16(f, acc, n), _mm512_set1_epi32(f->zero));
        _mm_mask_storeu_epi8((uint8_t *)y + at, lanes, _mm512_cvtepi32_epi8(q));
    }
}

/* Bytes of four vectors of rounded sums; within each 16 bytes, four of each vector. */
FINISH_INLINE __m512i bytes_64(const i8_finish *f, const __m512i q[4])
{
    const __m512i zero = _mm512_set1_epi16((int16_t)f->zero);
    const __m512i low = _mm512_add_epi16(_mm512_packs_epi32(q[0], q[1]), zero);
    const __m512i high = _mm512_add_epi16(_mm512_packs_epi32(q[2], q[3]), zero);
    return f->to_signed ? _mm512_packs_epi16(low, high) : _mm512_packus_epi16(low, high);
}

/* The same for the sums of 64 columns side by side: one store. */
FINISH_INLINE void finish_64_bytes(const i8_finish *f, void *y, size_t at, const __m512i acc[4],
                                   size_t n, __mmask64 lanes)
{
    __m512i q[4];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) q[i] = rounded_16(f, acc[i], n + 16 * i);
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i bytes = _mm512_permutexvar_epi32(order, bytes_64(f, q));
    _mm512_mask_storeu_epi8((uint8_t *)y + at, lanes, bytes);
}

#endif
