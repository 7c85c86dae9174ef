/* q_load_avx512.h - sixteen scales of f16, f32 or two levels, and how loops unroll; after
 * vec_avx512.h. */
#ifndef IG_Q_LOAD_AVX512_H
#define IG_Q_LOAD_AVX512_H

#if defined(__AVX512F__)
#    define UNROLL _Pragma("GCC unroll 32")
#else
#    define UNROLL /* emulated: nothing to keep in registers, and minutes to compile */
#endif

VEC_INLINE vf q_load_scales(const uint8_t *table, uint32_t bytes)
{
    return bytes == 2 ? _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)table))
                      : _mm512_loadu_ps(table);
}

/* s or t of 16 rows and two groups of 16 k, as pairs of words. */
VEC_INLINE __m512i q_load_pairs(const uint8_t *table)
{
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)table));
}

/* .. of one of them, or of the group of 32, as floats */
VEC_INLINE vf q_load_subs(const uint8_t *table, uint32_t group, size_t half)
{
    if (group == 32)
        return _mm512_cvtepi32_ps(
            _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)table)));
    const __m512i pairs = q_load_pairs(table);
    return _mm512_cvtepi32_ps(_mm512_srai_epi32(half ? pairs : _mm512_slli_epi32(pairs, 16), 16));
}

#endif
