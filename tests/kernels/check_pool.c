/* check_pool.c - max and average pooling: every bit of the scalar loops. */
#include "tests/kernels/kernel_check.h"

#include "kernels/pool/pool.h"

#include <math.h>

enum { SHAPES = 200 };

static ig_pool_f32_args random_pool(void)
{
    ig_pool_f32_args p = {.batch = check_pick(1, 2), .channels = check_pick(1, 150)};
    p.kh = check_pick(1, 4);
    p.kw = check_pick(1, 4);
    p.stride_h = check_pick(1, 3);
    p.stride_w = check_pick(1, 3);
    p.dilation_h = check_pick(0, 3) ? 1 : 2;
    p.dilation_w = check_pick(0, 3) ? 1 : 2;
    p.in_h = check_pick(1, 8);
    p.in_w = check_pick(1, 8);
    p.pad_top = check_pick(0, p.kh);
    p.pad_left = check_pick(0, p.kw);
    p.pad_bottom = check_pick(0, p.kh);
    p.pad_right = check_pick(0, p.kw);
    p.count_pad = check_pick(0, 1);
    const size_t high = p.in_h + p.pad_top + p.pad_bottom, wide = p.in_w + p.pad_left + p.pad_right;
    const size_t reach_h = (p.kh - 1) * p.dilation_h, reach_w = (p.kw - 1) * p.dilation_w;
    const size_t ceil = check_pick(0, 1); /* one more window, partly beyond the padding */
    p.out_h = (high > reach_h ? (high - reach_h - 1) / p.stride_h + 1 : 1) + ceil;
    p.out_w = (wide > reach_w ? (wide - reach_w - 1) / p.stride_w + 1 : 1) + ceil;
    return p;
}

static void check_random(pool_max_f32_fn *fn, pool_max_f32_fn *ref, const char *name,
                         uint32_t needs)
{
    for (size_t i = 0; i < SHAPES; i++) {
        ig_pool_f32_args p = random_pool();
        const size_t rows = p.batch * p.out_h, cut = check_pick(0, rows), wild = check_pick(0, 3);
        if (!check_next(needs, name,
                        "%zux%zux%zux%zu k%zux%zu s%zu,%zu d%zu,%zu p%zu,%zu,%zu,%zu n%d", p.batch,
                        p.in_h, p.in_w, p.channels, p.kh, p.kw, p.stride_h, p.stride_w,
                        p.dilation_h, p.dilation_w, p.pad_top, p.pad_left, p.pad_bottom,
                        p.pad_right, p.count_pad))
            continue;
        const size_t x_size = p.batch * p.in_h * p.in_w * p.channels;
        const size_t y_size = rows * p.out_w * p.channels;
        p.x = wild ? check_f32(x_size, -1, 1) : check_f32_wild(x_size);
        float *want = check_out_f32(y_size), *got = check_out_f32(y_size);
        p.y = want;
        ref(&p, 0, rows);
        p.y = got;
        fn(&p, cut, rows);
        fn(&p, 0, cut);
        check_same_f32(want, got, y_size);
    }
}

/* One output by the definition; the reference shares its window arithmetic with the other variants.
 */
static float one_output(const ig_pool_f32_args *p, size_t at, bool max)
{
    const size_t c = at % p->channels, pixel = at / p->channels,
                 image = pixel / p->out_w / p->out_h;
    const ptrdiff_t h = (ptrdiff_t)p->in_h, w = (ptrdiff_t)p->in_w;
    const ptrdiff_t top = (ptrdiff_t)(pixel / p->out_w % p->out_h * p->stride_h - p->pad_top);
    const ptrdiff_t left = (ptrdiff_t)(pixel % p->out_w * p->stride_w - p->pad_left);
    float y = max ? -INFINITY : 0, run = 0;
    size_t count = 0, in_run = 0;
    for (size_t i = 0; i < p->kh * p->kw; i++) {
        if (i % p->kw == 0 || in_run == IG_POOL_RUN) { /* a run ends */
            if (!max) y += run;
            run = 0;
            in_run = 0;
        }
        const ptrdiff_t iy = top + (ptrdiff_t)(i / p->kw * p->dilation_h);
        const ptrdiff_t ix = left + (ptrdiff_t)(i % p->kw * p->dilation_w);
        const bool inside = iy >= 0 && iy < h && ix >= 0 && ix < w;
        const bool padded = iy < h + (ptrdiff_t)p->pad_bottom && ix < w + (ptrdiff_t)p->pad_right;
        count += p->count_pad ? padded : inside;
        if (!inside) continue;
        const float x =
            p->x[((image * p->in_h + (size_t)iy) * p->in_w + (size_t)ix) * p->channels + c];
        if (max) y = fmaxf(x, y);
        run += x;
        in_run++;
    }
    if (!max) y += run;
    return max || !count ? y : y / (float)count;
}

static void check_oracle(pool_max_f32_fn *fn, bool max, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 60; i++) {
        ig_pool_f32_args p = random_pool();
        p.channels = 1 + p.channels % 5;
        const size_t rows = p.batch * p.out_h, y_size = rows * p.out_w * p.channels;
        if (!check_next(needs, name, "definition %zu: %zux%zux%zux%zu", i, p.batch, p.in_h, p.in_w,
                        p.channels))
            continue;
        p.x = check_f32(p.batch * p.in_h * p.in_w * p.channels, -1, 1);
        float *want = check_out_f32(y_size);
        p.y = check_out_f32(y_size);
        for (size_t at = 0; at < y_size; at++) want[at] = one_output(&p, at, max);
        fn(&p, 0, rows);
        check_same_f32(want, p.y, y_size);
    }
}

void check_pool(void)
{
#define K(family, fn, needs)                                        \
    check_oracle(fn, family##_ref == pool_max_f32_ref, #fn, needs); \
    check_random(fn, family##_ref, #fn, needs);
#include "kernels/pool/pool_max.kern"
#include "kernels/pool/pool_avg.kern"
#undef K
}
