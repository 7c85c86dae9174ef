/* check_gemm.c - fp32 GEMM and its packing: every bit of the scalar chain, in any range. */
#include "tests/kernels/kernel_check.h"

#include "kernels/gemm/gemm.h"

#include <math.h>

enum { SHAPES = 250 };

static void halve(float *y, const float *x, size_t n, float a, float b)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] * a + b;
}

static ig_epilogue random_epilogue(size_t m, size_t n, const size_t draw[4], size_t ld)
{
    ig_epilogue e = {.act = (ig_act)draw[0], .a = 0.3f, .b = 0.6f, .map = halve};
    if (draw[1]) e.bias = check_f32(n, -1, 1);
    if (draw[2]) e.residual = check_f32(m ? (m - 1) * ld + n : 0, -1, 1);
    e.ld_residual = ld;
    return e;
}

/* A product of this shape, in a random split of rows and panels, against the whole by the
 * reference. */
static void check_shape(gemm_f32_fn *fn, size_t m, size_t n, size_t k, const size_t draw[4],
                        size_t row_cut, size_t panel_cut)
{
    const size_t lda = k + draw[3], ldc = n + draw[3], panels = ig_gemm_panels(n);
    const size_t a_size = m ? (m - 1) * lda + k : 0, c_size = m ? (m - 1) * ldc + n : 0;
    ig_gemm_f32_args g = {.ldc = ldc, .lda = lda, .n = n, .k = k};
    g.a = draw[3] == 3 ? check_f32_wild(a_size) : check_f32(a_size, -1, 1);
    g.b = check_f32(ig_gemm_packed(k, n), -1, 1);
    g.epilogue = random_epilogue(m, n, draw, n + draw[3]);
    float *want = check_out_f32(c_size), *got = check_out_f32(c_size);
    g.c = want;
    gemm_f32_ref(&g, 0, m, 0, panels);
    g.c = got;
    fn(&g, 0, row_cut, 0, panel_cut);
    fn(&g, 0, row_cut, panel_cut, panels);
    fn(&g, row_cut, m, 0, panels);
    check_same_f32(want, got, c_size);
}

static void check_random(gemm_f32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < SHAPES; i++) {
        const bool deep = i % 50 == 49; /* more than one k block, and rows that share L1 sets */
        const size_t m = i < 34 ? i / 2 : check_pick(1, 40), n = check_pick(1, deep    ? 40
                                                                               : i % 5 ? 150
                                                                                       : 5);
        const size_t k = deep ? 1024 * check_pick(1, 3) + (i % 3) * 512 : check_pick(0, 70);
        const size_t draw[4] = {check_pick(0, IG_ACT_MAP), check_pick(0, 1), check_pick(0, 1),
                                deep ? 0 : check_pick(0, 5)};
        const size_t row_cut = check_pick(0, m), panel_cut = check_pick(0, ig_gemm_panels(n));
        if (!check_next(needs, name, "%zux%zux%zu act%zu bias%zu add%zu ld+%zu cut%zu,%zu", m, n, k,
                        draw[0], draw[1], draw[2], draw[3], row_cut, panel_cut))
            continue;
        check_shape(fn, m, n, k, draw, row_cut, panel_cut);
    }
}

static void check_pack(gemm_pack_f32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < SHAPES; i++) {
        const size_t k = check_pick(0, 70), n = check_pick(1, 70), kind = check_pick(0, 2);
        const size_t gap = check_pick(0, 3), cut = check_pick(0, ig_gemm_panels(n));
        const size_t ld_k = kind == 0 ? n + gap : kind == 1 ? 1 : 2 + gap;
        const size_t ld_n = kind == 0 ? 1 : kind == 1 ? k + gap : (2 + gap) * (k + 1);
        if (!check_next(needs, name, "%zux%zu strides %zu,%zu cut%zu", k, n, ld_k, ld_n, cut))
            continue;
        const float *src = check_f32(k ? (k - 1) * ld_k + (n - 1) * ld_n + 1 : 0, -1, 1);
        const size_t size = ig_gemm_packed(k, n);
        float *want = check_out_f32(size), *got = check_out_f32(size);
        gemm_pack_f32_ref(want, src, k, n, ld_k, ld_n, 0, ig_gemm_panels(n));
        fn(got, src, k, n, ld_k, ld_n, cut, ig_gemm_panels(n));
        fn(got, src, k, n, ld_k, ld_n, 0, cut);
        check_same_f32(want, got, size);
    }
}

/* The reference itself, packing included, against the plain loop over an unpacked B. */
static void check_oracle(gemm_f32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 30; i++) {
        const size_t m = check_pick(1, 9), n = check_pick(1, 50), k = check_pick(1, 60);
        const size_t transposed = check_pick(0, 1);
        if (!check_next(needs, name, "plain %zux%zux%zu transposed%zu", m, n, k, transposed))
            continue;
        const size_t ld_k = transposed ? 1 : n, ld_n = transposed ? k : 1;
        const float *a = check_f32(m * k, -1, 1), *b = check_f32(k * n, -1, 1);
        float *packed = check_out_f32(ig_gemm_packed(k, n)), *got = check_out_f32(m * n);
        float *want = check_out_f32(m * n);
        gemm_pack_f32_ref(packed, b, k, n, ld_k, ld_n, 0, ig_gemm_panels(n));
        const ig_gemm_f32_args g = {
            .c = got, .a = a, .b = packed, .ldc = n, .lda = k, .n = n, .k = k};
        fn(&g, 0, m, 0, ig_gemm_panels(n));
        for (size_t c = 0; c < m * n; c++) {
            float y = 0;
            for (size_t j = 0; j < k; j++)
                y = fmaf(a[c / n * k + j], b[j * ld_k + c % n * ld_n], y);
            want[c] = y;
        }
        check_same_f32(want, got, m * n);
    }
}

void check_gemm(void)
{
#define K(family, fn, needs)      \
    check_oracle(fn, #fn, needs); \
    check_random(fn, #fn, needs);
#include "kernels/gemm/gemm.kern"
#undef K
#define K(family, fn, needs) check_pack(fn, #fn, needs);
#include "kernels/gemm/gemm_pack.kern"
#undef K
}
