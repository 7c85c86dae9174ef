/* i8_finish_ymm.h - i8_finish.h on AVX2 vectors, sixteen sums at a time. */
#ifndef IG_I8_FINISH_YMM_H
#define IG_I8_FINISH_YMM_H

#include "kernels/gemm_i8/i8_finish.h"

#include <immintrin.h>
#include <string.h>

#define FINISH_INLINE static inline __attribute__((always_inline))

FINISH_INLINE __m256 scaled_8(const i8_finish *f, __m256i acc, size_t n)
{
    const __m256 v = _mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_loadu_ps(f->scale + n));
    return f->bias ? _mm256_add_ps(v, _mm256_loadu_ps(f->bias + n)) : v;
}

/* Rounded to integers less the zero point: what is too low or NaN becomes the lowest integer, and
 * only what is too high needs care. */
FINISH_INLINE __m256i rounded_8(const i8_finish *f, __m256i acc, size_t n)
{
    const __m256 v = scaled_8(f, acc, n); /* min gives its second operand for a NaN */
    return _mm256_cvtps_epi32(f->small ? v : _mm256_min_ps(_mm256_set1_ps(512), v));
}

/* Vectors of sixteen words between the zero point and the bounds, as bytes; packing saturates. */
FINISH_INLINE __m256i bytes_of_words(const i8_finish *f, __m256i one, __m256i two)
{
    const __m256i low = _mm256_set1_epi8((char)((int32_t)f->low + f->zero));
    const __m256i high = _mm256_set1_epi8((char)((int32_t)f->high + f->zero));
    const __m256i zero = _mm256_set1_epi16((int16_t)f->zero);
    one = _mm256_adds_epi16(one, zero);
    two = _mm256_adds_epi16(two, zero);
    if (f->to_signed)
        return _mm256_min_epi8(_mm256_max_epi8(_mm256_packs_epi16(one, two), low), high);
    return _mm256_min_epu8(_mm256_max_epu8(_mm256_packus_epi16(one, two), low), high);
}

/* Sixteen bytes of two vectors of rounded sums. */
FINISH_INLINE __m128i bytes_16(const i8_finish *f, __m256i low, __m256i high)
{
    const __m256i words = _mm256_packs_epi32(low, high); /* low 0-3, high 0-3 | low 4-7, high 4-7 */
    const __m256i bytes = bytes_of_words(f, words, words);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 0, 4, 1, 5);
    return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(bytes, order));
}

/* Sums of columns n .. n + 15, of which the first `left` (any number from 16 up: all) are stored at
 * element `at` of y. */
FINISH_INLINE void finish_16_avx2(const i8_finish *f, void *y, size_t at, __m256i low, __m256i high,
                                  size_t n, size_t left)
{
    const size_t each = i8_finish_bytes(f);
    uint8_t *to = (uint8_t *)y + at * each, room[64];
    uint8_t *v = left < 16 ? room : to;
    if (f->to == I8_TO_I32) {
        _mm256_storeu_si256((__m256i *)v, low);
        _mm256_storeu_si256((__m256i *)(v + 32), high);
    } else if (f->to == I8_TO_F32) {
        _mm256_storeu_ps((float *)(void *)v, scaled_8(f, low, n));
        _mm256_storeu_ps((float *)(void *)v + 8, scaled_8(f, high, n + 8));
    } else {
        _mm_storeu_si128((__m128i *)v,
                         bytes_16(f, rounded_8(f, low, n), rounded_8(f, high, n + 8)));
    }
    if (left < 16) memcpy(to, room, left * each);
}

/* Four vectors of sums in the order of conv_dw_i8.h, dword 8 q + 4 l + j of channel 16 l + 4 q + j;
 * vector q's numbers begin at order + 16 q. rounded_32: as bytes, in the order of the channels. */
FINISH_INLINE __m256i rounded_32(const i8_finish *f, const __m256i acc[4], size_t order)
{
    __m256i q[4];
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++) q[k] = rounded_8(f, acc[k], order + 16 * k);
    return bytes_of_words(f, _mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
}

/* words_of_32 - the first n channels of that as i32 or f32, to element `at` of y. */
static inline void words_of_32(const i8_finish *f, void *y, size_t at, const __m256i acc[4],
                               size_t order, size_t n)
{
    uint32_t room[32];
    for (size_t q = 0; q < 4; q++)
        _mm256_storeu_si256(
            (__m256i *)(room + 8 * q),
            f->to == I8_TO_I32 ? acc[q] : _mm256_castps_si256(scaled_8(f, acc[q], order + 16 * q)));
    for (size_t c = 0; c < n; c++)
        memcpy((uint8_t *)y + (at + c) * 4, room + c % 16 / 4 * 8 + c / 16 * 4 + c % 4, 4);
}

#endif
