/* epilogue_avx512.h - epilogue.h on vectors; only AVX-512 files include it. */
#ifndef IG_EPILOGUE_AVX512_H
#define IG_EPILOGUE_AVX512_H

#include "kernels/gemm/epilogue.h"

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

/* The lanes of vector v that lie before column n. */
INLINE __mmask16 ig_lanes_avx512(size_t cols, size_t v)
{
    const size_t left = cols > v * 16 ? cols - v * 16 : 0;
    return (__mmask16)(0xffffu >> (16 - (left < 16 ? left : 16)));
}

/* The activations that are no clip and no map. */
INLINE __m512 ig_activate_avx512(const ig_epilogue *e, __m512 y)
{
    const __m512 zero = _mm512_setzero_ps(), one = _mm512_set1_ps(1), a = _mm512_set1_ps(e->a);
    if (e->act == IG_ACT_LEAKY_RELU)
        return _mm512_mask_mul_ps(y, _mm512_cmp_ps_mask(y, zero, _CMP_LT_OQ), a, y);
    if (e->act == IG_ACT_HARD_SWISH) {
        const __m512 six = _mm512_set1_ps(6), wide = _mm512_add_ps(y, _mm512_set1_ps(3));
        const __m512 t = _mm512_min_ps(six, _mm512_max_ps(zero, wide));
        const __m512 rest = _mm512_mul_ps(t, _mm512_set1_ps(IG_SIXTH_REST));
        return _mm512_mul_ps(y, _mm512_fmadd_ps(t, _mm512_set1_ps(IG_SIXTH), rest));
    }
    return _mm512_min_ps(one, _mm512_max_ps(zero, _mm512_fmadd_ps(a, y, _mm512_set1_ps(e->b))));
}

/* What ig_act_bounds left over, on a stored tile. */
static inline void ig_finish_avx512(const ig_epilogue *e, float *c, size_t ldc, size_t rows,
                                    size_t cols)
{
    for (size_t r = 0; r < rows; r++, c += ldc) {
        if (e->act == IG_ACT_MAP) {
            e->map(c, c, cols, e->a, e->b);
            continue;
        }
        for (size_t v = 0; v * 16 < cols; v++) {
            const __mmask16 m = ig_lanes_avx512(cols, v);
            const __m512 y = ig_activate_avx512(e, _mm512_maskz_loadu_ps(m, c + v * 16));
            _mm512_mask_storeu_ps(c + v * 16, m, y);
        }
    }
}

#endif
