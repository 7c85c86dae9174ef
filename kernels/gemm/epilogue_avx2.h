/* epilogue_avx2.h - epilogue.h on vectors, and parts of vectors; only AVX2 files include it. */
#ifndef IG_EPILOGUE_AVX2_H
#define IG_EPILOGUE_AVX2_H

#include "kernels/gemm/epilogue.h"

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

/* The first n lanes, n >= 0; any number from 8 up means all. */
INLINE __m256i ig_mask_avx2(size_t n)
{
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n < 8 ? (int)n : 8), index);
}

INLINE size_t ig_lanes_avx2(size_t cols, size_t v) { return cols > v * 8 ? cols - v * 8 : 0; }

INLINE __m256 ig_load_avx2(const float *p, size_t n)
{
    return n >= 8 ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, ig_mask_avx2(n));
}

/* In pieces of 4, 2 and 1: a masked store is slow microcode on Zen. */
static inline void ig_store_pieces_avx2(float *p, size_t n, __m256 y)
{
    __m128 part = _mm256_castps256_ps128(y);
    if (n & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps(y, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, part);
}

INLINE void ig_store_avx2(float *p, size_t n, __m256 y)
{
    if (n >= 8)
        _mm256_storeu_ps(p, y);
    else
        ig_store_pieces_avx2(p, n, y);
}

/* The activations that are no clip and no map. */
INLINE __m256 ig_activate_avx2(const ig_epilogue *e, __m256 y)
{
    const __m256 zero = _mm256_setzero_ps(), one = _mm256_set1_ps(1), a = _mm256_set1_ps(e->a);
    if (e->act == IG_ACT_LEAKY_RELU)
        return _mm256_blendv_ps(y, _mm256_mul_ps(a, y), _mm256_cmp_ps(y, zero, _CMP_LT_OQ));
    if (e->act == IG_ACT_HARD_SWISH) {
        const __m256 six = _mm256_set1_ps(6), wide = _mm256_add_ps(y, _mm256_set1_ps(3));
        const __m256 t = _mm256_min_ps(six, _mm256_max_ps(zero, wide));
        const __m256 rest = _mm256_mul_ps(t, _mm256_set1_ps(IG_SIXTH_REST));
        return _mm256_mul_ps(y, _mm256_fmadd_ps(t, _mm256_set1_ps(IG_SIXTH), rest));
    }
    return _mm256_min_ps(one, _mm256_max_ps(zero, _mm256_fmadd_ps(a, y, _mm256_set1_ps(e->b))));
}

/* What ig_act_bounds left over, on a stored tile. */
static inline void ig_finish_avx2(const ig_epilogue *e, float *c, size_t ldc, size_t rows,
                                  size_t cols)
{
    for (size_t r = 0; r < rows; r++, c += ldc) {
        if (e->act == IG_ACT_MAP) {
            e->map(c, c, cols, e->a, e->b);
            continue;
        }
        for (size_t v = 0; v * 8 < cols; v++) {
            const size_t n = ig_lanes_avx2(cols, v);
            ig_store_avx2(c + v * 8, n, ig_activate_avx2(e, ig_load_avx2(c + v * 8, n)));
        }
    }
}

#endif
