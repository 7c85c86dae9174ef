/* bench_conv.c - fp32 convolutions of NHWC images: layers of ResNet, MobileNetV2, EfficientNet,
 * super resolution. */
#include "bench/kernels/bench.h"
#include "bench/kernels/peers.h"
#include "runtime/ops/conv_image.h"

typedef struct {
    size_t side, in_c, out_c, k, stride;
    bool detail; /* left out by --quick */
} layer;

typedef struct {
    ig_conv_image c;
    float *scratch, *y;
    const float *x, *w, *bias;
} job;

static void run(void *arg, ig_pool *pool)
{
    const job *j = arg;
    ig_conv_image_run(&j->c, pool, j->scratch, j->y, j->x, j->w, j->bias, NULL);
}

static ig_conv_f32_args square(const layer *l, bool depthwise)
{
    const size_t out = (l->side - 1) / l->stride + 1;
    return (ig_conv_f32_args){.batch = 1,
                              .in_h = l->side,
                              .in_w = l->side,
                              .in_c = l->in_c,
                              .out_h = out,
                              .out_w = out,
                              .out_c = l->out_c,
                              .kh = l->k,
                              .kw = l->k,
                              .stride_h = l->stride,
                              .stride_w = l->stride,
                              .dilation_h = 1,
                              .dilation_w = 1,
                              .pad_top = (l->k - 1) / 2,
                              .pad_left = (l->k - 1) / 2,
                              .groups = depthwise ? l->in_c : 1,
                              .epilogue = {.act = IG_ACT_RELU, .ld_residual = l->out_c}};
}

static void fill(bench *b, job *j, bool depthwise)
{
    const ig_conv_f32_args *a = &j->c.args;
    const size_t taps = a->kh * a->kw;
    ig_conv_image_choose(&j->c, depthwise);
    j->scratch = bench_take(b, bench_threads(b) * j->c.scratch * sizeof(float));
    j->x = bench_f32(b, a->in_h * a->in_w * a->in_c, -1, 1);
    j->w = bench_f32(b, depthwise ? taps * a->out_c : ig_gemm_packed(ig_conv_depth(a), a->out_c),
                     -1, 1);
    j->bias = bench_f32(b, a->out_c, -1, 1);
    j->y = bench_take(b, a->out_h * a->out_w * a->out_c * sizeof(float));
}

static void time_layer(bench *b, const layer *l, bool depthwise)
{
    job j = {.c = {.args = square(l, depthwise)}};
    const ig_conv_f32_args *a = &j.c.args;
    const double outputs = (double)(a->out_h * a->out_w * a->out_c);
    const double depth = (double)ig_conv_depth(a);
    const bench_case c = {
        .name = depthwise ? "conv_dw_f32" : "conv_f32",
        .family = depthwise ? "conv_dw_f32" : "conv_f32",
        .compute = BENCH_FMA_F32,
        .flop = 2 * outputs * depth,
        .bytes = 4 * (outputs + (double)(a->in_h * a->in_w * a->in_c) + depth * (double)a->out_c)};
    if (!bench_next(b, &c, "H=%zu,W=%zu,C=%zu,O=%zu,R=%zu,S=%zu", a->in_h, a->in_w, a->in_c,
                    a->out_c, a->kh, a->stride_h))
        return;
    fill(b, &j, depthwise);
    bench_add(b, "ingot", run, &j);
    const bench_image image = {a->batch, a->in_h,   a->in_w, a->in_c, a->out_h,    a->out_w,
                               a->out_c, a->groups, a->kh,   a->kw,   a->stride_h, a->pad_top};
    bench_vs_conv_f32(b, &image);
    bench_run(b);
}

static const layer dense[] = {
    {56, 64, 64, 3, 1, false},   {28, 128, 128, 3, 1, false}, {14, 256, 256, 3, 1, false},
    {7, 512, 512, 3, 1, false},  {224, 3, 64, 7, 2, false},   {224, 3, 32, 3, 2, false},
    {56, 256, 512, 1, 2, false}, {56, 64, 256, 1, 1, false},  {56, 256, 64, 1, 1, true},
    {14, 1024, 256, 1, 1, true}, {7, 2048, 512, 1, 1, true},  {112, 32, 16, 1, 1, true},
    {56, 24, 144, 1, 1, true},   {14, 384, 64, 1, 1, true},   {7, 320, 1280, 1, 1, true},
    {56, 144, 24, 1, 1, true},   {112, 16, 96, 1, 1, true},   {7, 160, 960, 1, 1, true},
    {224, 1, 64, 5, 1, true},    {224, 64, 32, 3, 1, true},   {224, 32, 9, 3, 1, true},
};
static const layer depthwise[] = {
    {112, 32, 32, 3, 1, false},  {112, 96, 96, 3, 2, false},  {56, 144, 144, 3, 1, false},
    {56, 144, 144, 5, 2, true},  {28, 240, 240, 5, 1, false}, {14, 480, 480, 5, 1, true},
    {14, 576, 576, 3, 1, false}, {7, 960, 960, 3, 1, false},  {7, 1152, 1152, 5, 1, true},
    {56, 96, 96, 7, 1, true},
};

void bench_conv(bench *b)
{
    for (size_t i = 0; i < IG_LEN(dense); i++)
        if (!bench_quick(b) || !dense[i].detail) time_layer(b, &dense[i], false);
    for (size_t i = 0; i < IG_LEN(depthwise); i++)
        if (!bench_quick(b) || !depthwise[i].detail) time_layer(b, &depthwise[i], true);
}
