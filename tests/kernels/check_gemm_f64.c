/* check_gemm_f64.c - double precision GEMM: every bit of the scalar chain, in any range. */
#include "tests/kernels/kernel_check.h"

#include "kernels/gemm/gemm_f64.h"

#include <math.h>

enum { SHAPES = 150 };

static void check_random(gemm_f64_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < SHAPES; i++) {
        const size_t m = check_pick(1, 30), n = check_pick(1, 60), k = check_pick(0, 50);
        const size_t gap = check_pick(0, 3), bias = check_pick(0, 1), by_rows = check_pick(0, 1);
        const size_t cut = check_pick(0, m), panels = ig_gemm_panels(n);
        if (!check_next(needs, name, "%zux%zux%zu ld+%zu bias%zu rows%zu cut%zu", m, n, k, gap,
                        bias, by_rows, cut))
            continue;
        ig_gemm_f64_args g = {.ldc = n + gap, .lda = k + gap, .n = n, .k = k};
        const size_t c_size = (m - 1) * g.ldc + n;
        double *packed = check_f64(ig_gemm_packed(k, n), 0, 0);
        const size_t ld_k = by_rows ? n : 1, ld_n = by_rows ? 1 : k;
        const double *b = check_f64(k * n, -1, 1);
        ig_gemm_pack_f64(packed, b, k, n, ld_k, ld_n);
        g.b = packed;
        g.a = check_f64((m - 1) * g.lda + k, -1, 1);
        if (bias) g.bias = check_f64(n, -1, 1);
        double *want = check_f64(c_size, -1e300, -1e300), *got = check_f64(c_size, -1e300, -1e300);
        g.c = want;
        gemm_f64_ref(&g, 0, m, 0, panels);
        g.c = got;
        fn(&g, 0, cut, 0, panels);
        fn(&g, cut, m, panels / 2, panels);
        fn(&g, cut, m, 0, panels / 2);
        check_same_f64(want, got, c_size);
        double y =
            0; /* one output by the plain loop: the reference and the packing agree with it */
        for (size_t j = 0; j < k; j++) y = fma(g.a[j], b[j * ld_k + (n - 1) * ld_n], y);
        y = bias ? y + g.bias[n - 1] : y;
        check_same_f64(&y, want + n - 1, 1);
    }
}

void check_gemm_f64(void)
{
#define K(family, fn, needs) check_random(fn, #fn, needs);
#include "kernels/gemm/gemm_f64.kern"
#undef K
}
