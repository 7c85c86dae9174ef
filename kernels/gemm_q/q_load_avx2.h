/* q_load_avx2.h - sixteen scales of f16, f32 or two levels; after vec_avx2.h. */
#ifndef IG_Q_LOAD_AVX2_H
#define IG_Q_LOAD_AVX2_H

VEC_INLINE vf q_load_scales(const uint8_t *table, uint32_t bytes)
{
    if (bytes == 4) return vf_load((const float *)(const void *)table);
    const __m128i *halves = (const __m128i *)(const void *)table;
    return (vf){_mm256_cvtph_ps(_mm_loadu_si128(halves)),
                _mm256_cvtph_ps(_mm_loadu_si128(halves + 1))};
}

/* s or t of 8 rows and two groups of 16 k, as pairs of words. */
VEC_INLINE __m256i q_load_pairs(const uint8_t *table)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)table));
}

/* .. of one of them, or of the group of 32, as floats */
VEC_INLINE __m256 q_load_8_subs(const uint8_t *table, uint32_t group, size_t half, size_t row)
{
    if (group == 32)
        return _mm256_cvtepi32_ps(
            _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(table + row))));
    const __m256i pairs = q_load_pairs(table + 2 * row);
    return _mm256_cvtepi32_ps(_mm256_srai_epi32(half ? pairs : _mm256_slli_epi32(pairs, 16), 16));
}

VEC_INLINE vf q_load_subs(const uint8_t *table, uint32_t group, size_t half)
{
    return (vf){q_load_8_subs(table, group, half, 0), q_load_8_subs(table, group, half, 8)};
}

#endif
