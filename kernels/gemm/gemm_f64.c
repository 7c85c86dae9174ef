/* gemm_f64.c - packing for, and choice of, the double precision GEMM; see gemm_f64.h. */
#include "kernels/gemm/gemm_f64.h"

gemm_f64_fn *ig_gemm_f64(void)
{
    gemm_f64_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;
#include "kernels/gemm/gemm_f64.kern"
#undef K
    return best;
}

void ig_gemm_pack_f64(double *dst, const double *src, size_t k, size_t n, size_t ld_k, size_t ld_n)
{
    for (size_t first = 0; first < n; first += IG_PANEL)
        for (size_t i = 0; i < k; i++)
            for (size_t col = first; col < first + IG_PANEL; col++)
                *dst++ = col < n ? src[i * ld_k + col * ld_n] : 0;
}
