/* bench_gemm_f64.c - products in double precision: classic models. */
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

static void time_product(bench *b, size_t m, size_t n, size_t k)
{
    const double md = (double)m, nd = (double)n, kd = (double)k;
    const bench_case c = {.name = "gemm_f64",
                          .family = "gemm_f64",
                          .compute = BENCH_FMA_F64,
                          .flop = 2 * md * nd * kd,
                          .bytes = 8 * (md * kd + kd * nd + md * nd)};
    if (!bench_next(b, &c, "M=%zu,N=%zu,K=%zu", m, n, k)) return;
    job j = {ig_product_choose(IG_CALC_F64),
             {.m = m, .n = n, .k = k, .ldc = n, .lda = k, .scale = 1}};
    j.p.a = bench_f64(b, m * k, -1, 1);
    j.p.b = bench_f64(b, ig_gemm_packed(k, n), -1, 1);
    j.p.c = bench_f64(b, m * n, 0, 0);
    bench_add(b, "ingot", run, &j);
    bench_vs_gemm_f64(b, m, n, k);
    bench_run(b);
}

void bench_gemm_f64(bench *b)
{
    static const size_t products[][3] = {{512, 512, 512}, {1000, 10, 64}, {1, 1000, 1000}};
    size_t one[3];
    if (bench_product(b, one)) {
        time_product(b, one[0], one[1], one[2]);
        return;
    }
    for (size_t i = 0; i < IG_LEN(products); i++)
        if (!bench_quick(b) || i < 2)
            time_product(b, products[i][0], products[i][1], products[i][2]);
}
