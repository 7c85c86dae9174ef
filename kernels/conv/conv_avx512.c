/* conv_avx512.c - convolution, AVX-512: gathered rows (conv_rows.h) and the AVX-512 GEMM. */
#include "kernels/conv/conv_rows.h"

#include <immintrin.h>

/* Whole vectors are stored: masked stores are slow on Zen 4, and what lies past n comes later. */
static inline __attribute__((always_inline)) void copy(float *to, const float *from, size_t n)
{
    for (; n > 16; n -= 16, to += 16, from += 16) _mm512_storeu_ps(to, _mm512_loadu_ps(from));
    const __mmask16 rest = (__mmask16)((1u << n) - 1);
    _mm512_storeu_ps(to, _mm512_maskz_loadu_ps(rest, from));
}

void conv_f32_avx512(const ig_conv_f32_args *c, float *scratch, size_t r0, size_t r1, size_t p0,
                     size_t p1)
{
    conv_rows(c, scratch, r0, r1, p0, p1, gemm_f32_avx512, copy);
}
