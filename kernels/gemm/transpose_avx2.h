/* transpose_avx2.h - 8 x 8 floats in registers; only AVX2 files include it. */
#ifndef IG_TRANSPOSE_AVX2_H
#define IG_TRANSPOSE_AVX2_H

#include <immintrin.h>
#include <stddef.h>

/* v [8][8] becomes its transpose: pairs of 32-bit lanes, of 64-bit lanes, then of halves. */
static inline __attribute__((always_inline)) void ig_transpose_avx2(__m256 v[8])
{
    __m256 t[8];
    _Pragma("GCC unroll 8") for (size_t i = 0; i < 8; i += 2)
    {
        t[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
    _Pragma("GCC unroll 8") for (size_t i = 0; i < 8; i += 4)
    {
        _Pragma("GCC unroll 8") for (size_t j = 0; j < 2; j++)
        {
            const __m256d x = _mm256_castps_pd(t[i + j]), y = _mm256_castps_pd(t[i + j + 2]);
            v[i + 2 * j] = _mm256_castpd_ps(_mm256_unpacklo_pd(x, y));
            v[i + 2 * j + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(x, y));
        }
    }
    _Pragma("GCC unroll 8") for (size_t j = 0; j < 4; j++)
    {
        t[j] = _mm256_permute2f128_ps(v[j], v[4 + j], 0x20);
        t[4 + j] = _mm256_permute2f128_ps(v[j], v[4 + j], 0x31);
    }
    _Pragma("GCC unroll 8") for (size_t i = 0; i < 8; i++) v[i] = t[i];
}

#endif
