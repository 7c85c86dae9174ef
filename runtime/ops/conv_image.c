/* conv_image.c - see conv_image.h. */
#include "runtime/ops/conv_image.h"
#include "runtime/ops/act.h"
#include "runtime/ops/wide.h"
#include "runtime/base/checked.h"

#include <string.h>

enum {
    WORTH = 1 << 17,     /* multiplications that are worth a thread */
    ITEMS = 8,           /* of a thread: so that threads end together */
    TILE = 14,           /* pixels of the largest tile */
    RESIDENT = 96 << 10, /* elements: 384 KB of weights, which stay in L2 */
};

void ig_conv_image_choose(ig_conv_image *c, bool depthwise)
{
    const ig_conv_f32_args *a = &c->args;
    c->depthwise = depthwise ? ig_conv_dw_f32() : NULL;
    c->panels = depthwise ? 1 : a->groups * ig_conv_group_panels(a);
    c->few = !depthwise && ig_conv_few_suits(a);
    c->dense = c->few ? ig_conv_few_f32() : ig_conv_f32();
    c->scratch = depthwise ? 0 : c->few ? ig_conv_few_scratch(a) : ig_conv_f32_scratch(a);
}

ingot_status ig_conv_image_bind(ig_conv_image *c, ig_bind *b, const ig_window *w, int64_t batch,
                                int64_t in_c, int64_t out_c, int64_t groups, bool depthwise,
                                int act, double act_a, double act_b)
{
    const int x = w->n - 1, y = w->n - 2; /* a 1-D image has height 1 */
    *c = (ig_conv_image){0};
    c->args = (ig_conv_f32_args){.batch = (size_t)batch,
                                 .in_c = (size_t)in_c,
                                 .out_c = (size_t)out_c,
                                 .groups = (size_t)groups,
                                 .in_w = (size_t)w->in[x],
                                 .out_w = (size_t)w->out[x],
                                 .kw = (size_t)w->kernel[x],
                                 .stride_w = (size_t)w->stride[x],
                                 .dilation_w = (size_t)w->dilation[x],
                                 .pad_left = (size_t)w->begin[x],
                                 .in_h = 1,
                                 .out_h = 1,
                                 .kh = 1,
                                 .stride_h = 1,
                                 .dilation_h = 1};
    if (y >= 0) {
        c->args.in_h = (size_t)w->in[y], c->args.out_h = (size_t)w->out[y];
        c->args.kh = (size_t)w->kernel[y], c->args.stride_h = (size_t)w->stride[y];
        c->args.dilation_h = (size_t)w->dilation[y], c->args.pad_top = (size_t)w->begin[y];
    }
    ig_act_set(&c->args.epilogue, act, act_a, act_b);
    c->args.epilogue.ld_residual = (size_t)out_c;
    ig_conv_image_choose(c, depthwise);
    size_t n;
    return ig_mul_ok(c->scratch, b->n_threads, &n) ? INGOT_OK
                                                   : ig_bind_fail(b, "too large for scratch");
}

ingot_status ig_conv_image_room(const ig_conv_image *c, ig_bind *b, size_t *at)
{
    return ig_scratch_add(b, c->scratch * b->n_threads, sizeof(float), at);
}

/* A grid: shares of the panels, in each of them blocks of pixels. */
typedef struct {
    const ig_conv_image *c;
    ig_conv_f32_args args;
    float *scratch;
    size_t shares, blocks, block; /* block: pixels of one */
} job;

/* Depthwise: shares of the channels, in each of them rows. */
static void rows_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    const size_t units = ig_gemm_panels(j->args.out_c);
    while (begin < end) {
        const size_t share = begin / j->blocks, from = begin % j->blocks;
        const size_t to = IG_MIN(j->blocks, from + (end - begin));
        const size_t c0 = share * units / j->shares * IG_PANEL;
        const size_t c1 = (share + 1) * units / j->shares * IG_PANEL;
        j->c->depthwise(&j->args, from, to, c0, IG_MIN(c1, j->args.out_c));
        begin += to - from;
    }
}

static void grid_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    const size_t pixels = j->args.batch * j->args.out_h * j->args.out_w;
    float *scratch = j->scratch + worker * j->c->scratch;
    while (begin < end) {
        const size_t share = begin / j->blocks, from = begin % j->blocks;
        const size_t to = IG_MIN(j->blocks, from + (end - begin));
        const size_t p0 = share * j->c->panels / j->shares;
        const size_t p1 = (share + 1) * j->c->panels / j->shares;
        j->c->dense(&j->args, scratch, from * j->block, IG_MIN(to * j->block, pixels), p0, p1);
        begin += to - from;
    }
}

/* Weights that stay in L2 are shared by all pixels; others are read once, two panels at a time.
 * conv_few_f32 takes whole rows where there are enough: it turns kh input rows for the first. */
static void make_grid(job *j, size_t threads)
{
    const size_t pixels = j->args.batch * j->args.out_h * j->args.out_w, items = threads * ITEMS;
    const size_t weights = ig_conv_depth(&j->args) * j->c->panels * IG_PANEL;
    j->shares = weights <= RESIDENT ? 1 : IG_MIN((j->c->panels + 1) / 2, items);
    const size_t blocks = (items + j->shares - 1) / j->shares;
    const bool rows = j->c->few && j->args.batch * j->args.out_h >= items;
    const size_t unit = rows ? j->args.out_w : (size_t)TILE;
    j->block = ((pixels - 1) / blocks / unit + 1) * unit;
    j->blocks = (pixels - 1) / j->block + 1;
}

void ig_conv_image_run(const ig_conv_image *c, ig_pool *pool, float *scratch, float *y,
                       const float *x, const float *w, const float *bias, const float *residual)
{
    job j = {.c = c, .args = c->args, .scratch = scratch};
    j.args.y = y, j.args.x = x, j.args.w = w;
    j.args.epilogue.bias = bias;
    j.args.epilogue.residual = residual;
    const size_t rows = c->args.batch * c->args.out_h, threads = ig_pool_threads(pool);
    const size_t pixels = rows * c->args.out_w;
    const double work = (double)pixels * (double)c->args.out_c * (double)ig_conv_depth(&c->args);
    if (!pixels || !c->args.out_c) return;
    if (c->depthwise) {
        const size_t many = (ITEMS * threads + rows - 1) / rows;
        j.blocks = rows;
        j.shares = threads == 1 ? 1 : IG_MIN(many, ig_gemm_panels(c->args.out_c));
        const size_t items = j.shares * j.blocks;
        const size_t grain = (size_t)(WORTH / (work / (double)items)) + 1;
        ig_parallel(pool, items, threads == 1 ? items : grain, 0, rows_part, &j);
        return;
    }
    if (threads == 1 || work < 2 * WORTH) {
        c->dense(&j.args, scratch, 0, pixels, 0, c->panels);
        return;
    }
    make_grid(&j, threads);
    const size_t items = j.shares * j.blocks;
    ig_parallel(pool, items, (size_t)(WORTH / (work / (double)items)) + 1, 0, grid_part, &j);
}

/* ---- weights
 * -------------------------------------------------------------------------------------- */

size_t ig_conv_weights_elements(const ig_conv_image *c)
{
    const ig_conv_f32_args *a = &c->args;
    return c->depthwise ? a->kh * a->kw * a->out_c : c->panels * IG_PANEL * ig_conv_depth(a);
}

size_t ig_conv_weights_room(const ig_conv_image *c)
{
    return c->depthwise ? 0 : ig_conv_depth(&c->args) * (c->args.out_c / c->args.groups);
}

void ig_conv_weights_oihw(float *packed, float *room, const float *w, const ig_conv_image *c)
{
    const ig_conv_f32_args *a = &c->args;
    const size_t taps = a->kh * a->kw, in = a->in_c / a->groups, n = a->out_c / a->groups;
    if (c->depthwise) {
        for (size_t m = 0; m < a->out_c; m++)
            for (size_t t = 0; t < taps; t++) packed[t * a->out_c + m] = w[m * taps + t];
        return;
    }
    const size_t k = taps * in, each = ig_gemm_packed(k, n);
    for (size_t g = 0; g < a->groups; g++) {
        for (size_t o = 0; o < n; o++)
            for (size_t i = 0; i < in; i++)
                for (size_t t = 0; t < taps; t++)
                    room[(t * in + i) * n + o] = w[((g * n + o) * in + i) * taps + t];
        ig_gemm_pack_f32()(packed + g * each, room, k, n, n, 1, 0, ig_gemm_panels(n));
    }
}
