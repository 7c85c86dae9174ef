/* conv_avx2.c - convolution, AVX2: gathered rows (conv_rows.h) and the AVX2 GEMM. */
#include "kernels/conv/conv_rows.h"

#include <immintrin.h>

/* The tail of a long run overlaps its last vector; short runs go in halves. */
static inline __attribute__((always_inline)) void copy(float *to, const float *from, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) _mm256_storeu_ps(to + i, _mm256_loadu_ps(from + i));
    if (i == n) return;
    if (n >= 8) {
        _mm256_storeu_ps(to + n - 8, _mm256_loadu_ps(from + n - 8));
    } else if (n >= 4) {
        const __m128 low = _mm_loadu_ps(from), high = _mm_loadu_ps(from + n - 4);
        _mm_storeu_ps(to, low);
        _mm_storeu_ps(to + n - 4, high);
    } else {
        for (; i < n; i++) to[i] = from[i];
    }
}

void conv_f32_avx2(const ig_conv_f32_args *c, float *scratch, size_t r0, size_t r1, size_t p0,
                   size_t p1)
{
    conv_rows(c, scratch, r0, r1, p0, p1, gemm_f32_avx2, copy);
}
