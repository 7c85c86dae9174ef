/* bench_gemm.c - products of fp32 activations with fp32 and 16-bit weights: squares, those of real
 * models, single rows past weights that no cache holds, and experts. */
#include "bench/kernels/bench.h"
#include "bench/kernels/peers.h"
#include "kernels/gemm/grouped.h"
#include "runtime/ops/product.h"

#include <stdio.h>

typedef struct {
    const char *gemm, *gemv, *grouped, *family;
    ingot_dtype b;
    bench_compute compute;
    bool pairs; /* bf16 activations */
} kind;

static const kind f32 = {"gemm_f32",    "gemv_f32", "gemm_f32_grouped", "gemm_f32", INGOT_F32,
                         BENCH_FMA_F32, false};
static const kind f16 = {"gemm_f16",    "gemv_f16", "gemm_f16_grouped", "gemm_f16", INGOT_F16,
                         BENCH_FMA_F32, false};
static const kind bf16 = {"gemm_bf16",   "gemv_bf16", "gemm_bf16_grouped", "gemm_bf16", INGOT_BF16,
                          BENCH_FMA_F32, false};
/* math=fast, where the CPU multiplies pairs */
static const kind fast = {"gemm_bf16_fast", "gemv_bf16_fast", NULL, "gemm_bf16_fast",
                          INGOT_BF16,       BENCH_DOT_BF16,   true};

typedef struct {
    ig_product_kernels kernels;
    ig_product p;
} job;

static void run(void *arg, ig_pool *pool)
{
    const job *j = arg;
    ig_product_run(&j->kernels, pool, &j->p, 1, NULL, NULL);
}

/* 16-bit numbers of about [-2, 2]. */
static void *halves(bench *b, ingot_dtype dtype, size_t n)
{
    uint16_t *h = bench_bytes(b, n * sizeof *h);
    for (size_t i = 0; i < n; i++)
        h[i] = dtype == INGOT_F16 ? (uint16_t)((h[i] & 0x83ffu) | 0x3800u)
                                  : (uint16_t)((h[i] & 0x80ffu) | 0x3f00u);
    return h;
}

static const void *weights(bench *b, const kind *t, size_t n, size_t k)
{
    if (t->b == INGOT_F32) return bench_f32(b, ig_gemm_packed(k, n), -1, 1);
    return halves(b, t->b, ig_gemm_packed(t->b == INGOT_BF16 ? ig_gemm_even(k) : k, n));
}

static void fill(bench *b, job *j, const kind *t, size_t m, size_t n, size_t k)
{
    j->kernels = ig_product_choose_b(IG_CALC_F32, t->b);
    if (t->pairs) j->kernels.pairs = ig_gemm_bf16_fast();
    j->p = (ig_product){.m = m, .n = n, .k = k, .ldc = n, .lda = k, .scale = 1};
    j->p.a = t->pairs ? halves(b, INGOT_BF16, m * k) : bench_f32(b, m * k, -1, 1);
    j->p.b = weights(b, t, n, k);
    j->p.c = bench_f32(b, m * n, 0, 0);
}

static double product_bytes(const kind *t, double m, double n, double k)
{
    const double a = t->pairs ? 2 : 4, b = t->b == INGOT_F32 ? 4 : 2;
    return a * m * k + b * k * n + 4 * m * n;
}

static void time_product(bench *b, const kind *t, size_t m, size_t n, size_t k)
{
    const double md = (double)m, nd = (double)n, kd = (double)k;
    const bench_case c = {.name = t->gemm,
                          .family = t->family,
                          .compute = t->compute,
                          .flop = 2 * md * nd * kd,
                          .bytes = product_bytes(t, md, nd, kd)};
    job j;
    if (!bench_next(b, &c, "M=%zu,N=%zu,K=%zu", m, n, k)) return;
    fill(b, &j, t, m, n, k);
    bench_add(b, "ingot", run, &j);
    if (t->b == INGOT_F32) bench_vs_gemm_f32(b, m, n, k);
    if (t->pairs) bench_vs_gemm_bf16(b, m, n, k);
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
    {784, 32, 192, true},
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

/* Those that 16-bit weights are for. */
static const struct {
    size_t m, n, k;
    bool detail;
} half_products[] = {
    {1, 4096, 4096, true},    {4, 4096, 4096, false},  {16, 4096, 4096, false},
    {128, 4096, 4096, false}, {32, 11008, 4096, true}, {128, 768, 768, false},
    {128, 3072, 768, true},   {128, 1536, 384, true},  {1024, 1024, 1024, true},
};

/* Weights that no cache holds, one row: every byte of them is read once. */
static void time_gemv(bench *b, const kind *t)
{
    const size_t each = t->b == INGOT_F32 ? 4 : 2, k = 4096, n = bench_uncached(b) / (each * k);
    const bench_case c = {.name = t->gemv,
                          .family = t->family,
                          .unit = BENCH_BYTES,
                          .flop = 2 * (double)n * (double)k,
                          .bytes = (double)(each * n * k)};
    job j;
    if (!bench_next(b, &c, "M=1,N=%zu,K=%zu", n, k)) return;
    fill(b, &j, t, 1, n, k);
    bench_add(b, "ingot", run, &j);
    if (t->b == INGOT_F32) bench_vs_gemm_f32(b, 1, n, k);
    bench_run(b);
}

/* ---- experts ---- */

enum { EXPERTS = 8, TOKENS = 64, WIDE = 2048, DEEP = 1024 };

typedef struct {
    ig_grouped plan;
    ig_gemm_grouped_args args;
    size_t first[EXPERTS + 1], starts[EXPERTS + 1];
    const void *b[EXPERTS];
} grouped_job;

static void experts_range(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const grouped_job *j = arg;
    ig_grouped_run(&j->plan, begin, end, ig_gemm_grouped, &j->args);
}

static void run_experts(void *arg, ig_pool *pool)
{
    grouped_job *j = arg;
    ig_grouped_plan(&j->plan, j->starts, j->first, EXPERTS, ig_gemm_panels(WIDE), DEEP,
                    ig_pool_threads(pool));
    ig_parallel(pool, ig_grouped_tasks(&j->plan), 1, 0, experts_range, j);
}

/* Two experts for each token, unevenly liked. */
static void time_grouped(bench *b, const kind *t)
{
    static const size_t rows[EXPERTS] = {40, 0, 8, 16, 1, 31, 20, 12};
    const double each = t->b == INGOT_F32 ? 4 : 2;
    const bench_case c = {.name = t->grouped,
                          .family = t->family,
                          .compute = t->compute,
                          .flop = 2.0 * 2 * TOKENS * WIDE * DEEP,
                          .bytes = 4.0 * 2 * TOKENS * (WIDE + DEEP) + each * 7.0 * WIDE * DEEP};
    grouped_job j = {.args = {.b = j.b}};
    if (!bench_next(b, &c, "tokens=%d,experts=%d,N=%d,K=%d", TOKENS, EXPERTS, WIDE, DEEP)) return;
    for (size_t e = 0; e < EXPERTS; e++) {
        j.first[e + 1] = j.first[e] + rows[e];
        j.b[e] = weights(b, t, WIDE, DEEP);
    }
    j.args.kernel = ig_product_choose_b(IG_CALC_F32, t->b).f32;
    j.args.all = (ig_gemm_f32_args){.ldc = WIDE, .lda = DEEP, .n = WIDE, .k = DEEP};
    j.args.all.a = bench_f32(b, 2 * TOKENS * DEEP, -1, 1);
    j.args.all.c = bench_f32(b, 2 * TOKENS * WIDE, 0, 0);
    bench_add(b, "ingot", run_experts, &j);
    bench_run(b);
}

static void time_halves(bench *b, const kind *t)
{
    size_t one[3];
    if (bench_product(b, one)) {
        time_product(b, t, one[0], one[1], one[2]);
        return;
    }
    for (size_t i = 0; i < IG_LEN(half_products); i++)
        if (!bench_quick(b) || !half_products[i].detail)
            time_product(b, t, half_products[i].m, half_products[i].n, half_products[i].k);
    time_gemv(b, t);
    if (t->grouped) time_grouped(b, t);
}

void bench_gemm(bench *b)
{
    size_t one[3];
    if (bench_product(b, one)) {
        time_product(b, &f32, one[0], one[1], one[2]);
    } else {
        for (size_t i = 0; i < IG_LEN(products); i++)
            if (!bench_quick(b) || !products[i].detail)
                time_product(b, &f32, products[i].m, products[i].n, products[i].k);
        time_gemv(b, &f32);
        time_grouped(b, &f32);
    }
    time_halves(b, &f16);
    time_halves(b, &bf16);
    if (ig_gemm_bf16_fast()) time_halves(b, &fast);
}
