/* attention_vec_avx512.h - what attention adds to the vector of vec_avx512.h: elements of pages,
 * and powers of two. */
#ifndef IG_ATTENTION_VEC_AVX512_H
#define IG_ATTENTION_VEC_AVX512_H

#include "kernels/vec/vec_avx512.h"

VEC_INLINE __m256i load_32(const unsigned char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

VEC_INLINE vf vf_f16(const unsigned char *p) { return _mm512_cvtph_ps(load_32(p)); }

VEC_INLINE vf vf_bf16(const unsigned char *p)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_32(p)), 16));
}

VEC_INLINE vf vf_i8(const unsigned char *p)
{
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
}

/* Byte `at` (a constant) of each 32-bit lane. */
VEC_INLINE vf i8_byte(__m512i x, const unsigned at)
{
    return _mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_slli_epi32(x, 24 - 8 * at), 24));
}

VEC_INLINE void vf_i8_quads(const unsigned char *p, vf out[4])
{
    const __m512i x = _mm512_loadu_si512(p);
    out[0] = i8_byte(x, 0);
    out[1] = i8_byte(x, 1);
    out[2] = i8_byte(x, 2);
    out[3] = i8_byte(x, 3);
}

/* 2^n of t = n + 0x1.8p23, n integral within -127 .. 0; 2^-127 counts as zero. */
VEC_INLINE vf vf_power(vf t)
{
    const __m512i n = _mm512_slli_epi32(_mm512_castps_si512(t), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(n, _mm512_set1_epi32(127 << 23)));
}

#endif
