/* bench_conv_i8.c - convolutions of u8 images with s8 weights, channels last, finished to u8:
 * layers of ResNet, MobileNetV2, EfficientNet. Timed as the op runs them, gathering included. */
#include "bench/kernels/bench.h"
#include "runtime/ops/conv_i8.h"

#include <string.h>

typedef struct {
    size_t side, in_c, out_c, k, stride;
    bool detail; /* left out by --quick */
} layer;

typedef struct {
    ig_conv_i8 conv;
    ig_i8_weights w;
    ig_conv_i8_job job;
    ig_heap heap;
    ig_arena arena;
} operands;

static void run(void *arg, ig_pool *pool)
{
    const operands *o = arg;
    ig_conv_i8_run(&o->job, pool);
}

static void release(void *arg)
{
    operands *o = arg;
    ig_arena_clear(&o->arena);
}

static ig_conv_i8 square(const layer *l, bool depthwise)
{
    const size_t out = (l->side - 1) / l->stride + 1;
    ig_conv_i8 s = {.batch = 1,
                    .c = l->in_c,
                    .m = l->out_c,
                    .groups = depthwise ? l->in_c : 1,
                    .p_in = l->side * l->side,
                    .p_out = out * out,
                    .taps = l->k * l->k};
    s.c_each = s.c / s.groups;
    s.m_each = s.m / s.groups;
    s.win.n = 2;
    for (size_t d = 0; d < 2; d++) {
        s.win.kernel[d] = (int64_t)l->k;
        s.win.stride[d] = (int64_t)l->stride;
        s.win.dilation[d] = 1;
        s.win.begin[d] = s.win.end[d] = (int64_t)(l->k - 1) / 2;
        s.win.in[d] = (int64_t)l->side;
        s.win.out[d] = (int64_t)out;
    }
    return s;
}

/* Weights, numbers of the columns, images. false: no memory. */
static bool fill(bench *b, operands *o, bool depthwise)
{
    ig_conv_i8 *s = &o->conv;
    ig_heap_init(&o->heap, NULL);
    ig_arena_init(&o->arena, &o->heap);
    bench_defer(b, release, o);
    ig_bind bind = {.n_threads = bench_threads(b), .arena = &o->arena};
    size_t panels = 0;
    if (ig_conv_i8_bind(s, &bind, depthwise)) return false;
    const size_t n16 = depthwise ? (s->c + 63) / 64 * 64 : (s->m + 15) / 16 * 16;
    if (!(depthwise ? ig_conv_dw_i8_bytes(s->c, s->dw_groups, &panels)
                    : ig_gemm_i8_weight_bytes(s->m, s->k, &panels)))
        return false;
    o->w = (ig_i8_weights){.count = 1, .n = s->m, .n16 = n16, .k = s->k, .bytes = panels};
    uint8_t *border = bench_take(b, s->c);
    memset(border, 128, s->c);
    o->job = (ig_conv_i8_job){.s = s,
                              .w = &o->w,
                              .panels = bench_bytes(b, panels),
                              .columns.finish = {.to = I8_TO_BYTES,
                                                 .start = bench_i32(b, n16, -1000, 1000),
                                                 .scale = bench_f32(b, n16, 1e-4f, 1e-3f),
                                                 .high = 255,
                                                 .small = true},
                              .y = bench_take(b, s->p_out * s->m),
                              .y_bytes = 1,
                              .x = bench_bytes(b, s->p_in * s->c),
                              .border = border,
                              .workers = bench_take(b, bench_threads(b) * s->worker_bytes)};
    return true;
}

static void time_layer(bench *b, const layer *l, bool depthwise)
{
    const ig_conv_i8 shape = square(l, depthwise), *s = &shape;
    const double outputs = (double)(s->p_out * s->m), depth = (double)(s->taps * s->c_each);
    const bench_case c = {
        .name = depthwise ? "conv_dw_i8" : "conv_i8",
        .family = depthwise ? "conv_dw_i8" : "gemm_i8",
        .compute = BENCH_MAC_I8,
        .flop = 2 * outputs * depth,
        .bytes = outputs + (double)(s->p_in * s->c) + depth * (double)s->m,
    };
    if (!bench_next(b, &c, "H=%zu,W=%zu,C=%zu,O=%zu,R=%zu,S=%zu", l->side, l->side, l->in_c,
                    l->out_c, l->k, l->stride))
        return;
    operands *o = bench_take(b, sizeof *o); /* until the arena is released */
    o->conv = shape;
    if (!fill(b, o, depthwise)) return;
    bench_add(b, "ingot", run, o);
    bench_run(b);
}

static const layer dense[] = {
    {56, 64, 64, 3, 1, false},   {28, 128, 128, 3, 1, false}, {14, 256, 256, 3, 1, false},
    {7, 512, 512, 3, 1, false},  {224, 3, 64, 7, 2, false},   {224, 3, 32, 3, 2, false},
    {56, 256, 512, 1, 2, true},  {56, 64, 256, 1, 1, false},  {112, 16, 96, 1, 1, false},
    {56, 24, 144, 1, 1, true},   {28, 240, 40, 1, 1, true},   {14, 672, 112, 1, 1, false},
    {14, 1024, 256, 1, 1, true}, {7, 1152, 192, 1, 1, true},  {7, 320, 1280, 1, 1, true},
};
static const layer depthwise[] = {
    {112, 32, 32, 3, 1, false},  {112, 96, 96, 3, 2, false}, {56, 144, 144, 3, 1, false},
    {56, 144, 144, 5, 2, true},  {28, 240, 240, 5, 1, true}, {14, 672, 672, 5, 1, false},
    {7, 1152, 1152, 5, 1, true},
};

void bench_conv_i8(bench *b)
{
    for (size_t i = 0; i < IG_LEN(dense); i++)
        if (!bench_quick(b) || !dense[i].detail) time_layer(b, &dense[i], false);
    for (size_t i = 0; i < IG_LEN(depthwise); i++)
        if (!bench_quick(b) || !depthwise[i].detail) time_layer(b, &depthwise[i], true);
}
