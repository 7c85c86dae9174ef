/* bench_gemm_16.c - fp32 rows times weights of 16 bits, widened in the registers: decoding (one
 * row, weights that no cache holds) and prompts. */
#include "bench/kernels/bench.h"
#include "bench/kernels/peers.h"
#include "runtime/ops/product.h"

typedef struct {
    ig_product_kernels kernels;
    ig_product p;
} job;

static void run(void *arg, ig_pool *pool)
{
    const job *j = arg;
    ig_product_run(&j->kernels, pool, &j->p, 1, NULL, NULL);
}

typedef struct {
    const char *gemm, *gemv, *family;
    ingot_dtype weights;
} kind;

/* The values of halves: 0x3f80 .. 0x3fff are 1.875 .. 2, as bf16 1 .. 2. */
static void time_product(bench *b, const kind *t, bool uncached, size_t m, size_t n, size_t k)
{
    const double md = (double)m, nd = (double)n, kd = (double)k, weights = 2 * kd * nd;
    const bench_case c = {.name = uncached ? t->gemv : t->gemm,
                          .family = t->family,
                          .compute = BENCH_FMA_F32,
                          .unit = uncached ? BENCH_BYTES : BENCH_NEAREST,
                          .flop = 2 * md * nd * kd,
                          .bytes = uncached ? weights : weights + 4 * (md * kd + md * nd)};
    if (!bench_next(b, &c, "M=%zu,N=%zu,K=%zu", m, n, k)) return;
    job j = {ig_product_choose_b(IG_CALC_F32, t->weights),
             {.m = m, .n = n, .k = k, .ldc = n, .lda = k, .scale = 1}};
    j.p.a = bench_f32(b, m * k, -1, 1);
    j.p.b = bench_bf16(b, ig_gemm_packed(ig_gemm_even(k), n));
    j.p.c = bench_f32(b, m * n, 0, 0);
    bench_add(b, "ingot", run, &j);
    bench_run(b);
}

void bench_gemm_16(bench *b)
{
    static const kind kinds[] = {
        {"gemm_f16", "gemv_f16", "gemm_f16", INGOT_F16},
        {"gemm_bf16", "gemv_bf16", "gemm_bf16", INGOT_BF16},
    };
    const size_t k = 4096, n = bench_uncached(b) / (2 * k);
    size_t one[3];
    for (size_t i = 0; i < IG_LEN(kinds); i++) {
        if (bench_product(b, one)) {
            time_product(b, &kinds[i], false, one[0], one[1], one[2]);
            continue;
        }
        time_product(b, &kinds[i], true, 1, n, k);
        time_product(b, &kinds[i], false, 16, 4096, 4096);
        if (!bench_quick(b)) time_product(b, &kinds[i], false, 4, 4096, 4096);
        time_product(b, &kinds[i], false, 128, 768, 768);
    }
}
