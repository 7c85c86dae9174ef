/* gemm_ref.c - the scalar truth of gemm.h. */
#include "kernels/gemm/gemm.h"
#include "runtime/base/half.h"

#include <math.h>

/* B[k, j] of the panel that begins at b. */
typedef float element_fn(const void *b, size_t k, size_t j);

static float of_f32(const void *b, size_t k, size_t j)
{
    return ((const float *)b)[k * IG_PANEL + j];
}

static float of_f16(const void *b, size_t k, size_t j)
{
    return ig_f16_to_f32(((const uint16_t *)b)[k * IG_PANEL + j]);
}

static float of_bf16(const void *b, size_t k, size_t j)
{
    return ig_bf16_to_f32(((const uint16_t *)b)[(k / 2 * IG_PANEL + j) * 2 + k % 2]);
}

/* The sum of a row of A and column j of a panel. */
typedef float sum_fn(const float *a, const void *b, size_t depth, size_t j);

static float sum_runs(const float *a, const void *b, size_t depth, size_t j, element_fn *element)
{
    float y = 0;
    for (size_t k = 0; k < depth;) {
        const size_t first = k, end = depth - k > IG_GEMM_RUN ? k + IG_GEMM_RUN : depth;
        float run = 0;
        for (; k < end; k++) run = fmaf(a[k], element(b, k, j), run);
        y = first ? y + run : run;
    }
    return y;
}

static float sum_f32(const float *a, const void *b, size_t depth, size_t j)
{
    return sum_runs(a, b, depth, j, of_f32);
}

static float sum_f16(const float *a, const void *b, size_t depth, size_t j)
{
    return sum_runs(a, b, depth, j, of_f16);
}

static float sum_bf16(const float *a, const void *b, size_t depth, size_t j)
{
    return sum_runs(a, b, depth, j, of_bf16);
}

static float sum_pairs(const float *a, const void *b, size_t depth, size_t j)
{
    const uint16_t *pairs = (const uint16_t *)(const void *)a;
    float y = 0;
    for (size_t k = 0; k < 2 * depth; k++) y = fmaf(ig_bf16_to_f32(pairs[k]), of_bf16(b, k, j), y);
    return y;
}

static void multiply(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1,
                     size_t panel_bytes, sum_fn *sum)
{
    const ig_epilogue *e = &g->epilogue;
    const size_t n0 = p0 * IG_PANEL, n1 = p1 * IG_PANEL < g->n ? p1 * IG_PANEL : g->n;
    for (size_t m = m0; m < m1; m++) {
        float *c = g->c + m * g->ldc;
        for (size_t n = n0; n < n1; n++) {
            const char *b = (const char *)g->b + n / IG_PANEL * panel_bytes;
            float y = sum(g->a + m * g->lda, b, g->k, n % IG_PANEL);
            if (e->bias) y += e->bias[n];
            if (e->residual) y += e->residual[m * e->ld_residual + n];
            c[n] = ig_act_f32(e, y);
        }
        if (e->act == IG_ACT_MAP && n1 > n0) e->map(c + n0, c + n0, n1 - n0, e->a, e->b);
    }
}

void gemm_f32_ref(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    multiply(g, m0, m1, p0, p1, g->k * IG_PANEL * sizeof(float), sum_f32);
}

void gemm_f16_ref(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    multiply(g, m0, m1, p0, p1, g->k * IG_PANEL * sizeof(uint16_t), sum_f16);
}

void gemm_bf16_ref(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    const size_t k = ig_gemm_even(g->k);
    multiply(g, m0, m1, p0, p1, k * IG_PANEL * sizeof(uint16_t), sum_bf16);
}

void gemm_bf16_fast_ref(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    multiply(g, m0, m1, p0, p1, g->k * IG_PANEL * 2 * sizeof(uint16_t), sum_pairs);
}
