/* q_load_avx2.h - sixteen scales of f16 or f32; after vec_avx2.h. */
#ifndef IG_Q_LOAD_AVX2_H
#define IG_Q_LOAD_AVX2_H

VEC_INLINE vf q_load_scales(const uint8_t *table, uint32_t bytes)
{
    if (bytes == 4) return vf_load((const float *)(const void *)table);
    const __m128i *halves = (const __m128i *)(const void *)table;
    return (vf){_mm256_cvtph_ps(_mm_loadu_si128(halves)),
                _mm256_cvtph_ps(_mm_loadu_si128(halves + 1))};
}

#endif
