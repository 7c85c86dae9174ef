/* gemm_ref.c - the scalar truth of gemm.h. */
#include "kernels/gemm/gemm.h"

#include <math.h>

void gemm_f32_ref(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    const ig_epilogue *e = &g->epilogue;
    const size_t n0 = p0 * IG_PANEL, n1 = p1 * IG_PANEL < g->n ? p1 * IG_PANEL : g->n;
    for (size_t m = m0; m < m1; m++) {
        const float *a = g->a + m * g->lda;
        float *c = g->c + m * g->ldc;
        for (size_t n = n0; n < n1; n++) {
            const float *b = g->b + n / IG_PANEL * IG_PANEL * g->k + n % IG_PANEL;
            float y = 0;
            for (size_t k = 0; k < g->k;) {
                const size_t first = k, end = g->k - k > IG_GEMM_RUN ? k + IG_GEMM_RUN : g->k;
                float run = 0;
                for (; k < end; k++) run = fmaf(a[k], b[k * IG_PANEL], run);
                y = first ? y + run : run;
            }
            if (e->bias) y += e->bias[n];
            if (e->residual) y += e->residual[m * e->ld_residual + n];
            c[n] = ig_act_f32(e, y);
        }
        if (e->act == IG_ACT_MAP && n1 > n0) e->map(c + n0, c + n0, n1 - n0, e->a, e->b);
    }
}
