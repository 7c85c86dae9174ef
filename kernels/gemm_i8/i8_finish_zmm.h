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

/* Rounded to integers less the zero point: what is too low or NaN becomes the lowest integer, and
 * only what is too high needs care. */
FINISH_INLINE __m512i rounded_16(const i8_finish *f, __m512 v)
{ /* min gives its second operand for a NaN */
    return _mm512_cvtps_epi32(f->small ? v : _mm512_min_ps(_mm512_set1_ps(512), v));
}

/* The bounds as bytes, added to the zero point. */
FINISH_INLINE int8_t low_byte(const i8_finish *f) { return (int8_t)((int32_t)f->low + f->zero); }
FINISH_INLINE int8_t high_byte(const i8_finish *f) { return (int8_t)((int32_t)f->high + f->zero); }

/* Bytes of four vectors of rounded sums; within each 16 bytes, four of each vector. Packing
 * saturates. */
FINISH_INLINE __m512i bytes_64(const i8_finish *f, const __m512i q[4])
{
    const __m512i zero = _mm512_set1_epi16((int16_t)f->zero);
    const __m512i low = _mm512_set1_epi8(low_byte(f)), high = _mm512_set1_epi8(high_byte(f));
    const __m512i one = _mm512_adds_epi16(_mm512_packs_epi32(q[0], q[1]), zero);
    const __m512i two = _mm512_adds_epi16(_mm512_packs_epi32(q[2], q[3]), zero);
    if (f->to_signed)
        return _mm512_min_epi8(_mm512_max_epi8(_mm512_packs_epi16(one, two), low), high);
    return _mm512_min_epu8(_mm512_max_epu8(_mm512_packus_epi16(one, two), low), high);
}

/* Four vectors of rounded sums, of columns side by side, as bytes: one store of the first `stored`.
 */
FINISH_INLINE void store_bytes(const i8_finish *f, void *y, size_t at, const __m512i q[4],
                               size_t stored)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i bytes = _mm512_permutexvar_epi32(order, bytes_64(f, q));
    if (stored == 64)
        _mm512_storeu_si512((uint8_t *)y + at, bytes);
    else
        _mm512_mask_storeu_epi8((uint8_t *)y + at, ((__mmask64)1 << stored) - 1, bytes);
}

/* The sums of 16 * vectors columns, n onwards, of which the first `left` are stored (any number
 * from 64 up: all). */
FINISH_INLINE void finish_bytes(const i8_finish *f, void *y, size_t at, const __m512i *acc,
                                size_t vectors, size_t n, size_t left)
{
    __m512i q[4];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        q[i] =
            i < vectors ? rounded_16(f, scaled_16(f, acc[i], n + 16 * i)) : _mm512_setzero_si512();
    store_bytes(f, y, at, q, left < 16 * vectors ? left : 16 * vectors);
}

/* Sums of columns n .. n + 15, of which `lanes` are stored at element `at` of y, as i32 or f32. */
FINISH_INLINE void finish_16(const i8_finish *f, void *y, size_t at, __m512i acc, size_t n,
                             __mmask16 lanes)
{
    if (f->to == I8_TO_I32)
        _mm512_mask_storeu_epi32((int32_t *)y + at, lanes, acc);
    else
        _mm512_mask_storeu_ps((float *)y + at, lanes, scaled_16(f, acc, n));
}

/* finish_wide - 16 * vectors columns of a row as i32 or f32. */
FINISH_INLINE void finish_wide(const i8_finish *f, void *y, size_t at, const __m512i *acc,
                               size_t vectors, size_t n, size_t left)
{
#pragma GCC unroll 4
    for (size_t i = 0; i < vectors; i++)
        finish_16(f, y, at + 16 * i, acc[i], n + 16 * i,
                  first_lanes(left > 16 * i ? left - 16 * i : 0));
}

#endif
