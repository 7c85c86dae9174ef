/* check_glu.c - gated products: the bits of the reference's product, activation and multiplication.
 */
#include "tests/kernels/kernel_check.h"

#include "kernels/gemm/glu.h"

enum { CASES = 120 };

static void halve(float *y, const float *x, size_t n, float a, float b)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] * a + b;
}

static void expect(float *want, const ig_glu_args *g, size_t m, float *wide)
{
    const size_t panels = ig_glu_panels(g->n), ld = panels * IG_PANEL;
    ig_gemm_f32_args product = {.c = wide, .a = g->a, .b = g->b, .ldc = ld, .lda = g->lda};
    product.n = ld;
    product.k = g->k;
    product.epilogue.bias = g->bias;
    gemm_f32_ref(&product, 0, m, 0, panels);
    for (size_t r = 0; r < m; r++)
        for (size_t j = 0; j < g->n; j++) {
            const float *up = wide + r * ld + ig_glu_up(j);
            float gate = ig_act_f32(&g->activate, up[IG_GLU_COLS]);
            if (g->activate.act == IG_ACT_MAP) halve(&gate, &gate, 1, g->activate.a, g->activate.b);
            want[r * g->ldy + j] = up[0] * gate;
        }
}

static void check_one(gemm_f32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < CASES; i++) {
        const size_t m = check_pick(0, i % 3 ? 5 : 90), n = check_pick(1, 150);
        const size_t k = check_pick(0, 200), gap = check_pick(0, 3),
                     act = check_pick(0, IG_ACT_MAP);
        const size_t panels = ig_glu_panels(n), cut = check_pick(0, panels),
                     bias = check_pick(0, 1);
        if (!check_next(needs, name, "glu %zux%zux%zu ld+%zu act%zu bias%zu cut%zu", m, n, k, gap,
                        act, bias, cut))
            continue;
        const size_t size = m ? (m - 1) * (n + gap) + n : 0;
        ig_glu_args g = {.kernel = fn,
                         .panel_bytes = k * IG_PANEL * sizeof(float),
                         .ldy = n + gap,
                         .lda = k,
                         .n = n,
                         .k = k,
                         .activate = {.act = (ig_act)act, .a = 0.3f, .b = 0.6f, .map = halve}};
        g.a = check_f32(m * k, -1, 1);
        g.b = check_f32(panels * IG_PANEL * k, -1, 1);
        if (bias) g.bias = check_f32(panels * IG_PANEL, -1, 1);
        float *want = check_out_f32(size), *got = check_out_f32(size);
        float *wide = check_out_f32(m * panels * IG_PANEL);
        g.y = got;
        ig_glu(&g, 0, m, cut, panels);
        ig_glu(&g, 0, m, 0, cut);
        expect(want, &g, m, wide);
        check_same_f32(want, got, size);
    }
}

void check_glu(void)
{
#define K(family, fn, needs) check_one(fn, #fn, needs);
#include "kernels/gemm/gemm.kern"
#undef K
}
