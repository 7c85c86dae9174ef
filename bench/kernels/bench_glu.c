/* bench_glu.c - gated products: y = act(x up) * (x gate) of a feed-forward layer, one pass over
 * both weights. */
#include "bench/kernels/bench.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/glu.h"

typedef struct {
    ig_glu_args g;
    size_t m;
} job;

static void part(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    ig_glu(&j->g, 0, j->m, begin, end);
}

static void time_layer(bench *b, size_t m, size_t n, size_t k)
{
    const double md = (double)m, nd = (double)n, kd = (double)k;
    const bench_case c = {.name = "gemm_glu_f32",
                          .family = "gemm_f32",
                          .compute = BENCH_FMA_F32,
                          .flop = 4 * md * nd * kd,
                          .bytes = 4 * (2 * nd * kd + md * kd + md * nd)};
    if (!bench_next(b, &c, "M=%zu,N=%zu,K=%zu", m, n, k)) return;
    job j = {.m = m};
    j.g = (ig_glu_args){.kernel = ig_gemm_f32(),
                        .panel_bytes = k * IG_PANEL * sizeof(float),
                        .y = bench_f32(b, m * n, 0, 0),
                        .a = bench_f32(b, m * k, -1, 1),
                        .b = bench_f32(b, ig_glu_panels(n) * IG_PANEL * k, -1, 1),
                        .ldy = n,
                        .lda = k,
                        .n = n,
                        .k = k};
    bench_add_parts(b, "ingot", part, &j, ig_glu_panels(n), 1);
    bench_run(b);
}

void bench_glu(bench *b)
{
    time_layer(b, 64, 1024, 1024);
    if (!bench_quick(b)) time_layer(b, 1, 5632, 2048);
}
