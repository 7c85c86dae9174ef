/* bench_pool.c - max and average pooling of NHWC images. */
#include "bench/kernels/bench.h"
#include "kernels/pool/pool.h"

typedef struct {
    ig_pool_f32_args p;
    pool_max_f32_fn *kernel; /* both kinds have this type */
} job;

static void part(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    j->kernel(&j->p, begin, end);
}

static void time_window(bench *b, bool max, size_t side, size_t channels, size_t k, size_t stride)
{
    const size_t out = (side - k) / stride + 1;
    const size_t in_n = side * side * channels, out_n = out * out * channels;
    const bench_case c = {.name = max ? "pool_max_f32" : "pool_avg_f32",
                          .family = max ? "pool_max_f32" : "pool_avg_f32",
                          .unit = BENCH_BYTES,
                          .bytes = 4 * (double)(in_n + out_n)};
    if (!bench_next(b, &c, "H=%zu,W=%zu,C=%zu,R=%zu,S=%zu", side, side, channels, k, stride))
        return;
    job j = {.kernel = max ? ig_pool_max_f32() : ig_pool_avg_f32()};
    j.p = (ig_pool_f32_args){.y = bench_take(b, out_n * sizeof(float)),
                             .x = bench_f32(b, in_n, -1, 1),
                             .batch = 1,
                             .in_h = side,
                             .in_w = side,
                             .out_h = out,
                             .out_w = out,
                             .channels = channels,
                             .kh = k,
                             .kw = k,
                             .stride_h = stride,
                             .stride_w = stride,
                             .dilation_h = 1,
                             .dilation_w = 1};
    bench_add_parts(b, "ingot", part, &j, out, (64 << 10) / (out * k * k * channels) + 1);
    bench_run(b);
}

void bench_pool(bench *b)
{
    time_window(b, true, 112, 64, 3, 2);
    if (!bench_quick(b)) time_window(b, true, 56, 64, 2, 2);
    time_window(b, false, 7, 1280, 7, 7);
}
