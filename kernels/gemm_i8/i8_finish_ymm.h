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

/* Rounded to integers less the zero point. The bounds are whole numbers, so clipping may come
 * first; the second operand of max wins over a NaN. */
FINISH_INLINE __m256i rounded_8(const i8_finish *f, __m256i acc, size_t n)
{
    __m256 v = _mm256_max_ps(scaled_8(f, acc, n), _mm256_set1_ps(f->low));
    v = _mm256_min_ps(v, _mm256_set1_ps(f->high));
    return _mm256_cvtps_epi32(v);
}

/* Sixteen bytes of two vectors of rounded sums; in the low half of each vector its four. */
FINISH_INLINE __m128i bytes_16(const i8_finish *f, __m256i low, __m256i high)
{
    __m256i words = _mm256_packs_epi32(low, high); /* low 0-3, high 0-3 | low 4-7, high 4-7 */
    words = _mm256_add_epi16(words, _mm256_set1_epi16((int16_t)f->zero));
    const __m128i one = _mm256_castsi256_si128(words), two = _mm256_extracti128_si256(words, 1);
    const __m128i bytes = f->to_signed ? _mm_packs_epi16(one, two) : _mm_packus_epi16(one, two);
    return _mm_shuffle_epi32(bytes, _MM_SHUFFLE(3, 1, 2, 0));
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

#endif
