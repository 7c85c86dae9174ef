/* bench_gemm.c - fp32 products: squares, and those of real models. */
#include "bench/kernels/bench.h"
#include "bench/kernels/peers.h"
#include "runtime/ops/product.h"

#include <stdio.h>

typedef struct {
    ig_product_kernels kernels;
    ig_product p;
} job;

static void run(void *arg, ig_pool *pool)
{
    const job *j = arg;
    ig_product_run(&j->kernels, pool, &j->p, 1, NULL, NULL);
}

static void fill(bench *b, job *j, size_t m, size_t n, size_t k)
{
    j->kernels = ig_product_choose(IG_CALC_F32);
    j->p = (ig_product){.m = m, .n = n, .k = k, .ldc = n, .lda = k, .scale = 1};
    j->p.a = bench_f32(b, m * k, -1, 1);
    j->p.b = bench_f32(b, ig_gemm_packed(k, n), -1, 1);
    j->p.c = bench_f32(b, m * n, 0, 0);
}

static void time_product(bench *b, size_t m, size_t n, size_t k)
{
    const double md = (double)m, nd = (double)n, kd = (double)k;
    const bench_case c = {.name = "gemm_f32",
                          .family = "gemm_f32",
                          .compute = BENCH_FMA_F32,
                          .flop = 2 * md * nd * kd,
                          .bytes = 4 * (md * kd + kd * nd + md * nd)};
    job j;
    if (!bench_next(b, &c, "M=%zu,N=%zu,K=%zu", m, n, k)) return;
    fill(b, &j, m, n, k);
    bench_add(b, "ingot", run, &j);
    bench_vs_gemm_f32(b, m, n, k);
    bench_run(b);
}

static const struct {
    size_t m, n, k;
    bool detail; /* left out by --quick */
} products[] = {
    {256, 256, 256, false},
    {512, 512, 512, false},
    {1024, 1024, 1024, false},
    {1, 4096, 4096, false},
    {4, 4096, 4096, false},
    {16, 4096, 4096, false},
    {64, 4096, 4096, false},
    /* BERT base, 128 tokens; MiniLM */
    {128, 768, 768, false},
    {128, 3072, 768, false},
    {128, 768, 3072, true},
    {128, 384, 384, false},
    {128, 1536, 384, true},
    {128, 384, 1536, true},
    /* ResNet-50 and MobileNetV2 pointwise layers */
    {3136, 64, 64, false},
    {3136, 256, 64, true},
    {784, 512, 128, true},
    {196, 1024, 256, true},
    {49, 2048, 512, true},
    {12544, 32, 27, false},
    {3136, 144, 24, true},
    {3136, 24, 144, true},
    {196, 384, 64, true},
    {49, 1280, 320, true},
    {1, 1000, 2048, false},
    /* a Llama-like layer of 2048, 32 tokens */
    {32, 2048, 2048, false},
    {32, 5632, 2048, true},
    {32, 2048, 5632, true},
    /* regressors and small classifiers */
    {1000, 10, 64, false},
    {1000, 1, 1000, true},
    {64, 64, 64, true},
};

/* Weights that no cache holds, one row: every byte of them is read once. */
static void time_gemv(bench *b)
{
    const size_t k = 4096, n = bench_uncached(b) / (4 * k);
    const bench_case c = {.name = "gemv_f32",
                          .family = "gemm_f32",
                          .unit = BENCH_BYTES,
                          .flop = 2 * (double)n * (double)k,
                          .bytes = 4 * (double)n * (double)k};
    job j;
    if (!bench_next(b, &c, "M=1,N=%zu,K=%zu", n, k)) return;
    fill(b, &j, 1, n, k);
    bench_add(b, "ingot", run, &j);
    bench_vs_gemm_f32(b, 1, n, k);
    bench_run(b);
}

void bench_gemm(bench *b)
{
    size_t one[3];
    if (bench_product(b, one)) {
        time_product(b, one[0], one[1], one[2]);
        return;
    }
    for (size_t i = 0; i < IG_LEN(products); i++)
        if (!bench_quick(b) || !products[i].detail)
            time_product(b, products[i].m, products[i].n, products[i].k);
    time_gemv(b);
}
