/* limits_avx512.c - the FMA peak of one core with AVX-512: independent chains in registers, no
 * memory. */
#include "kernels/limits/limits.h"

#include <immintrin.h>

enum { CHAINS = 12, LANES = 16 };

double ig_limit_fma_avx512(size_t n)
{
    volatile float start = 1, factor = 0.5f;
    __m512 acc[CHAINS];
    const __m512 f = _mm512_set1_ps(factor);
    for (size_t i = 0; i < CHAINS; i++) acc[i] = _mm512_set1_ps(start);
    const double t0 = ig_limit_seconds();
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < CHAINS; i++) acc[i] = _mm512_fmadd_ps(acc[i], f, f);
    const double spent = ig_limit_seconds() - t0;
    for (size_t i = 0; i < CHAINS; i++) start = _mm512_cvtss_f32(acc[i]);
    return 2.0 * CHAINS * LANES * (double)n / spent;
}
