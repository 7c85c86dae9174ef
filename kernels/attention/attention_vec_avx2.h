/* attention_vec_avx2.h - what attention adds to the vector of vec_avx2.h: elements of pages, and
 * powers of two. */
#ifndef IG_ATTENTION_VEC_AVX2_H
#define IG_ATTENTION_VEC_AVX2_H

#include "kernels/vec/vec_avx2.h"

VEC_INLINE __m128i load_16(const unsigned char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

VEC_INLINE vf vf_f16(const unsigned char *p)
{
    return (vf){_mm256_cvtph_ps(load_16(p)), _mm256_cvtph_ps(load_16(p + 16))};
}

VEC_INLINE __m256 bf16_8(const unsigned char *p)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_16(p)), 16));
}
VEC_INLINE vf vf_bf16(const unsigned char *p) { return (vf){bf16_8(p), bf16_8(p + 16)}; }

VEC_INLINE __m256 i8_8(const unsigned char *p)
{
    const __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)p);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
}
VEC_INLINE vf vf_i8(const unsigned char *p) { return (vf){i8_8(p), i8_8(p + 8)}; }

/* Byte `at` (a constant) of each 32-bit lane. */
VEC_INLINE __m256 i8_byte(__m256i x, const int at)
{
    return _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(x, 24 - 8 * at), 24));
}

VEC_INLINE void vf_i8_quads(const unsigned char *p, vf out[4])
{
    const __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);
    const __m256i y = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
    out[0] = (vf){i8_byte(x, 0), i8_byte(y, 0)};
    out[1] = (vf){i8_byte(x, 1), i8_byte(y, 1)};
    out[2] = (vf){i8_byte(x, 2), i8_byte(y, 2)};
    out[3] = (vf){i8_byte(x, 3), i8_byte(y, 3)};
}

/* 2^n of t = n + 0x1.8p23, n integral within -127 .. 0; 2^-127 counts as zero. */
VEC_INLINE __m256 power_8(__m256 t)
{
    const __m256i n = _mm256_slli_epi32(_mm256_castps_si256(t), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(n, _mm256_set1_epi32(127 << 23)));
}
VEC_INLINE vf vf_power(vf t) { return (vf){power_8(t.a), power_8(t.b)}; }

#endif
