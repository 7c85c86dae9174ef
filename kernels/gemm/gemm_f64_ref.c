/* gemm_f64_ref.c - the scalar truth of gemm_f64.h. */
#include "kernels/gemm/gemm_f64.h"

#include <math.h>

void gemm_f64_ref(const ig_gemm_f64_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    const size_t n0 = p0 * IG_PANEL, n1 = p1 * IG_PANEL < g->n ? p1 * IG_PANEL : g->n;
    for (size_t m = m0; m < m1; m++)
        for (size_t n = n0; n < n1; n++) {
            const double *a = g->a + m * g->lda;
            const double *b = g->b + n / IG_PANEL * IG_PANEL * g->k + n % IG_PANEL;
            double y = 0;
            for (size_t k = 0; k < g->k; k++) y = fma(a[k], b[k * IG_PANEL], y);
            g->c[m * g->ldc + n] = g->bias ? y + g->bias[n] : y;
        }
}
