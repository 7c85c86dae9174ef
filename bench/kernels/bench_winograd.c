/* bench_winograd.c - 3 x 3 convolutions under math=fast, with the operations of the plain method:
 * so more than 100 % of the limit. The exact ones are in bench_conv.c. */
#include "bench/kernels/bench.h"
#include "runtime/ops/conv_winograd.h"

typedef struct {
    ig_conv_winograd s;
    ig_conv_f32_args a;
    float *scratch;
} job;

static void run(void *arg, ig_pool *pool)
{
    const job *j = arg;
    ig_conv_winograd_run(&j->s, pool, j->scratch, &j->a);
}

static void time_layer(bench *b, size_t side, size_t channels)
{
    job j = {.a = {.batch = 1, .kh = 3, .kw = 3, .stride_h = 1, .stride_w = 1, .groups = 1}};
    ig_conv_f32_args *a = &j.a;
    a->in_h = a->in_w = a->out_h = a->out_w = side;
    a->in_c = a->out_c = channels;
    a->dilation_h = a->dilation_w = a->pad_top = a->pad_left = 1;
    a->epilogue = (ig_epilogue){.act = IG_ACT_RELU, .ld_residual = channels};
    const double outputs = (double)(side * side * channels), depth = 9 * (double)channels;
    const bench_case c = {.name = "winograd_f32",
                          .family = "winograd_in_f32",
                          .compute = BENCH_FMA_F32,
                          .unit = BENCH_OPS,
                          .flop = 2 * outputs * depth,
                          .bytes = 4 * (2 * outputs + 4 * depth * (double)channels)};
    if (!bench_next(b, &c, "H=%zu,W=%zu,C=%zu,O=%zu,R=3,S=1", side, side, channels, channels))
        return;
    const size_t weights = IG_WINOGRAD_POINTS * ig_gemm_packed(channels, channels);
    a->x = bench_f32(b, side * side * channels, -1, 1);
    a->y = bench_take(b, side * side * channels * sizeof(float));
    a->epilogue.bias = bench_f32(b, channels, -1, 1);
    ig_conv_winograd_plan(&j.s, a, bench_threads(b));
    j.s.weights = bench_f32(b, weights, -1, 1);
    j.scratch = bench_take(b, bench_threads(b) * j.s.scratch * sizeof(float));
    bench_add(b, "ingot", run, &j);
    bench_run(b);
}

void bench_winograd(bench *b)
{
    time_layer(b, 56, 64);
    time_layer(b, 28, 128);
    if (!bench_quick(b)) time_layer(b, 14, 256);
    if (!bench_quick(b)) time_layer(b, 224, 64);
}
