/* q_load_avx512.h - sixteen scales of f16 or f32, and how loops unroll; after vec_avx512.h. */
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

#endif
