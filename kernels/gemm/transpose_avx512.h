/* transpose_avx512.h - 16 x 16 floats in registers; only AVX-512 files include it. */
#ifndef IG_TRANSPOSE_AVX512_H
#define IG_TRANSPOSE_AVX512_H

#include <immintrin.h>
#include <stddef.h>

/* v [16][16] becomes its transpose: pairs of 32-bit lanes, of 64-bit lanes, then of quarters. */
static inline __attribute__((always_inline)) void ig_transpose_avx512(__m512 v[16])
{
    __m512 t[16];
    _Pragma("GCC unroll 16") for (size_t i = 0; i < 16; i += 2)
    {
        t[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
    }
    _Pragma("GCC unroll 16") for (size_t i = 0; i < 16; i += 4)
    {
        _Pragma("GCC unroll 16") for (size_t j = 0; j < 2; j++)
        {
            const __m512d x = _mm512_castps_pd(t[i + j]), y = _mm512_castps_pd(t[i + j + 2]);
            v[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(x, y));
            v[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(x, y));
        }
    }
    _Pragma("GCC unroll 16") for (size_t j = 0; j < 4;
                                  j++) /* v[4 q + j]: quarter c of it is column 4 c + j */
    {
        const __m512 even01 = _mm512_shuffle_f32x4(v[j], v[4 + j], 0x88);
        const __m512 odd01 = _mm512_shuffle_f32x4(v[j], v[4 + j], 0xdd);
        const __m512 even23 = _mm512_shuffle_f32x4(v[8 + j], v[12 + j], 0x88);
        const __m512 odd23 = _mm512_shuffle_f32x4(v[8 + j], v[12 + j], 0xdd);
        t[j] = _mm512_shuffle_f32x4(even01, even23, 0x88);
        t[4 + j] = _mm512_shuffle_f32x4(odd01, odd23, 0x88);
        t[8 + j] = _mm512_shuffle_f32x4(even01, even23, 0xdd);
        t[12 + j] = _mm512_shuffle_f32x4(odd01, odd23, 0xdd);
    }
    _Pragma("GCC unroll 16") for (size_t i = 0; i < 16; i++) v[i] = t[i];
}

#endif
