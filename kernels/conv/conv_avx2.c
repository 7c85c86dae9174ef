/* conv_avx2.c - convolution, AVX2: gathered rows (conv_rows.h) and the AVX2 GEMM. */
#include "kernels/conv/conv_rows.h"

#include <immintrin.h>

/* Whole vectors are stored: masked stores are slow on Zen, and what lies past n comes later. */
static inline __attribute__((always_inline)) void copy(float *to, const float *from, size_t n)
{
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for (; n > 8; n -= 8, to += 8, from += 8) _mm256_storeu_ps(to, _mm256_loadu_ps(from));
    const __m256i rest = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), index);
    _mm256_storeu_ps(to, _mm256_maskload_ps(from, rest));
}

void conv_f32_avx2(const ig_conv_f32_args *c, float *scratch, size_t r0, size_t r1, size_t p0,
                   size_t p1)
{
    conv_rows(c, scratch, r0, r1, p0, p1, gemm_f32_avx2, copy);
}
