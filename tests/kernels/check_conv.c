/* check_conv.c - convolution and depthwise convolution: every bit of the scalar chain. */
#include "tests/kernels/kernel_check.h"

#include "kernels/conv/conv.h"

#include <math.h>
#include <stdio.h>

enum { SHAPES = 200 };

static void halve(float *y, const float *x, size_t n, float a, float b)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] * a + b;
}

/* A random layer of a size that a scalar reference finishes soon; every pad, stride, dilation. */
static ig_conv_f32_args random_layer(bool depthwise)
{
    static const size_t windows[] = {1, 2, 3, 3, 3, 4, 5, 6, 7, 9};
    ig_conv_f32_args c = {.batch = check_pick(1, 2)};
    c.kh = windows[check_pick(0, IG_LEN(windows) - 1)];
    c.kw = check_pick(0, 2) ? c.kh : windows[check_pick(0, IG_LEN(windows) - 1)];
    c.stride_h = check_pick(1, 3);
    c.stride_w = check_pick(0, 3) ? c.stride_h : check_pick(1, 2);
    c.dilation_h = check_pick(0, 3) ? 1 : 2;
    c.dilation_w = check_pick(0, 3) ? 1 : 2;
    c.groups = depthwise ? check_pick(1, 150) : check_pick(0, 3) ? 1 : check_pick(2, 3);
    c.in_c = depthwise ? c.groups : c.groups * check_pick(1, 20);
    c.out_c = depthwise ? c.groups : c.groups * check_pick(1, 40);
    c.in_h = check_pick(1, 9);
    c.in_w = check_pick(1, 22);
    c.pad_top = check_pick(0, c.kh / 2 + 1);
    c.pad_left = check_pick(0, c.kw / 2 + 1);
    const size_t high = c.in_h + c.pad_top + check_pick(0, c.kh),
                 reach_h = (c.kh - 1) * c.dilation_h;
    const size_t wide = c.in_w + c.pad_left + check_pick(0, c.kw),
                 reach_w = (c.kw - 1) * c.dilation_w;
    c.out_h = high > reach_h ? (high - reach_h - 1) / c.stride_h + 1 : 1;
    c.out_w = wide > reach_w ? (wide - reach_w - 1) / c.stride_w + 1 : 1;
    return c;
}

static void name_layer(char text[96], const ig_conv_f32_args *c)
{
    snprintf(text, 96, "%zux%zux%zux%zu -> %zux%zux%zu k%zux%zu s%zu,%zu d%zu,%zu p%zu,%zu g%zu",
             c->batch, c->in_h, c->in_w, c->in_c, c->out_h, c->out_w, c->out_c, c->kh, c->kw,
             c->stride_h, c->stride_w, c->dilation_h, c->dilation_w, c->pad_top, c->pad_left,
             c->groups);
}

/* Inputs and epilogue of a layer; returns the number of outputs. */
static size_t fill_layer(ig_conv_f32_args *c, bool depthwise, const size_t draw[3])
{
    const size_t y_size = c->batch * c->out_h * c->out_w * c->out_c;
    const size_t w_size = depthwise
                              ? c->kh * c->kw * c->in_c
                              : c->groups * ig_gemm_packed(ig_conv_depth(c), c->out_c / c->groups);
    const size_t x_size = c->batch * c->in_h * c->in_w * c->in_c;
    c->x = draw[0] % 4 == 3 ? check_f32_wild(x_size) : check_f32(x_size, -1, 1);
    /* infinite weights tell padding that is skipped from padding that takes part */
    c->w = draw[0] % 4 == 2 ? check_f32_wild(w_size) : check_f32(w_size, -1, 1);
    c->epilogue = (ig_epilogue){.act = (ig_act)draw[0], .a = 0.3f, .b = 0.6f, .map = halve};
    c->epilogue.ld_residual = c->out_c;
    if (draw[1]) c->epilogue.bias = check_f32(c->out_c, -1, 1);
    if (draw[2]) c->epilogue.residual = check_f32(y_size, -1, 1);
    return y_size;
}

/* Pixels so far apart that they meet in one set of L1. */
static ig_conv_f32_args clashing_layer(void)
{
    ig_conv_f32_args c = {.batch = 1, .kh = 1, .dilation_h = 1, .dilation_w = 1, .groups = 1};
    c.kw = check_pick(1, 2);
    c.stride_h = c.stride_w = check_pick(1, 2);
    c.in_c = 1024 / c.stride_w;
    c.in_h = check_pick(1, 3);
    c.in_w = check_pick(2, 20);
    c.out_h = (c.in_h - 1) / c.stride_h + 1;
    c.out_w = (c.in_w - c.kw) / c.stride_w + 1;
    c.out_c = check_pick(1, 70);
    return c;
}

/* A random layer of 1 .. 16 outputs a group; rows of some are longer than a block of pixels. */
static ig_conv_f32_args few_layer(void)
{
    ig_conv_f32_args c = random_layer(false);
    c.out_c = c.groups * check_pick(1, IG_PANEL);
    if (check_pick(0, 3)) return c;
    c.in_w = check_pick(250, 700);
    c.in_c = c.groups * check_pick(1, 3);
    const size_t reach = (c.kw - 1) * c.dilation_w;
    c.out_w = (c.in_w + c.pad_left - reach - 1) / c.stride_w + 1;
    return c;
}

static size_t scratch_of(const ig_conv_f32_args *c, bool few)
{
    return few ? ig_conv_few_scratch(c) : ig_conv_f32_scratch(c);
}

static void check_random(conv_f32_fn *fn, const char *name, uint32_t needs, bool few)
{
    for (size_t i = 0; i < SHAPES; i++) {
        ig_conv_f32_args c = few            ? few_layer()
                             : i % 20 == 19 ? clashing_layer()
                                            : random_layer(false);
        const size_t m = c.batch * c.out_h * c.out_w, panels = c.groups * ig_conv_group_panels(&c);
        const size_t draw[3] = {check_pick(0, IG_ACT_MAP), check_pick(0, 1), check_pick(0, 1)};
        const size_t cut = check_pick(0, m), panel_cut = check_pick(0, panels);
        char layer[96];
        name_layer(layer, &c);
        if (!check_next(needs, name, "%s act%zu cut%zu,%zu", layer, draw[0], cut, panel_cut))
            continue;
        const size_t size = fill_layer(&c, false, draw);
        float *want = check_out_f32(size), *got = check_out_f32(size);
        float *scratch = check_out_f32(scratch_of(&c, few));
        c.y = want;
        (few ? conv_few_f32_ref : conv_f32_ref)(&c, NULL, 0, m, 0, panels);
        c.y = got;
        fn(&c, scratch, cut, m, 0, panels);
        fn(&c, scratch, 0, cut, panel_cut, panels);
        fn(&c, scratch, 0, cut, 0, panel_cut);
        check_same_f32(want, got, size);
    }
}

static void check_random_dw(conv_dw_f32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < SHAPES; i++) {
        ig_conv_f32_args c = random_layer(true);
        const size_t rows = c.batch * c.out_h, cut = check_pick(0, rows);
        const size_t at = check_pick(0, 5) * IG_PANEL, split = IG_MIN(at, c.out_c);
        const size_t draw[3] = {check_pick(0, IG_ACT_MAP), check_pick(0, 1), check_pick(0, 1)};
        char layer[96];
        name_layer(layer, &c);
        if (!check_next(needs, name, "%s act%zu cut%zu,%zu", layer, draw[0], cut, split)) continue;
        const size_t size = fill_layer(&c, true, draw);
        float *want = check_out_f32(size), *got = check_out_f32(size);
        c.y = want;
        conv_dw_f32_ref(&c, 0, rows, 0, c.out_c);
        c.y = got;
        fn(&c, cut, rows, 0, c.out_c);
        fn(&c, 0, cut, split, c.out_c);
        fn(&c, 0, cut, 0, split);
        check_same_f32(want, got, size);
    }
}

/* One output by the definition, in double, from plain weights [out_c][ky][kx][c]; *size becomes the
 * sum of |x w|. */
static double one_output(const ig_conv_f32_args *c, const float *w, size_t at, double *size)
{
    const size_t o = at % c->out_c, pixel = at / c->out_c, each = c->in_c / c->groups;
    const size_t first = o / (c->out_c / c->groups) * each;
    const ptrdiff_t top = (ptrdiff_t)(pixel / c->out_w % c->out_h * c->stride_h - c->pad_top);
    const ptrdiff_t left = (ptrdiff_t)(pixel % c->out_w * c->stride_w - c->pad_left);
    const float *x = c->x + pixel / c->out_w / c->out_h * c->in_h * c->in_w * c->in_c;
    double y = 0;
    *size = 0;
    for (size_t i = 0; i < c->kh * c->kw * each; i++) {
        const ptrdiff_t iy = top + (ptrdiff_t)(i / each / c->kw * c->dilation_h);
        const ptrdiff_t ix = left + (ptrdiff_t)(i / each % c->kw * c->dilation_w);
        if (iy < 0 || ix < 0 || iy >= (ptrdiff_t)c->in_h || ix >= (ptrdiff_t)c->in_w) continue;
        const size_t from = ((size_t)iy * c->in_w + (size_t)ix) * c->in_c + first + i % each;
        const double term = (double)x[from] * (double)w[o * c->kh * c->kw * each + i];
        y += term;
        *size += fabs(term);
    }
    return y;
}

/* The references against the definition. A chain of n rounded steps is off by at most
 * n * 2^-24 * sum |x w|, a little more than 2^-24 each for their compounding: 1.01 is enough below
 * n = 10^5; the double sum's own error is far below that. */
static void check_definition(const ig_conv_f32_args *c, const float *w)
{
    const size_t n = c->batch * c->out_h * c->out_w * c->out_c, depth = ig_conv_depth(c);
    for (size_t at = 0; at < n; at++) {
        double size;
        const double want = one_output(c, w, at, &size), off = fabs(want - (double)c->y[at]);
        if (off > 1.01 * (double)depth * 0x1p-24 * size)
            check_true(false, "[%zu] of %zu: definition %.9g, got %.9g", at, n, want,
                       (double)c->y[at]);
    }
}

static void check_oracle(conv_f32_fn *fn, const char *name, uint32_t needs, bool few)
{
    for (size_t i = 0; i < 40; i++) {
        ig_conv_f32_args c = few ? few_layer() : random_layer(false);
        char layer[96];
        name_layer(layer, &c);
        if (!check_next(needs, name, "definition %s", layer)) continue;
        const size_t depth = ig_conv_depth(&c), each = c.out_c / c.groups;
        const size_t size = fill_layer(&c, false, (size_t[3]){IG_ACT_NONE, 0, 0});
        const float *w = check_f32(c.out_c * depth, -1, 1);
        float *packed = check_out_f32(c.groups * ig_gemm_packed(depth, each));
        for (size_t g = 0; g < c.groups; g++)
            gemm_pack_f32_ref(packed + g * ig_gemm_packed(depth, each), w + g * each * depth, depth,
                              each, 1, depth, 0, ig_gemm_panels(each));
        c.w = packed;
        c.y = check_out_f32(size);
        fn(&c, check_out_f32(scratch_of(&c, few)), 0, c.batch * c.out_h * c.out_w, 0,
           c.groups * ig_conv_group_panels(&c));
        check_definition(&c, w);
    }
}

static void check_oracle_dw(conv_dw_f32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 40; i++) {
        ig_conv_f32_args c = random_layer(true);
        char layer[96];
        name_layer(layer, &c);
        if (!check_next(needs, name, "definition %s", layer)) continue;
        const size_t taps = c.kh * c.kw,
                     size = fill_layer(&c, true, (size_t[3]){IG_ACT_NONE, 0, 0});
        float *w = check_out_f32(taps * c.out_c);
        for (size_t j = 0; j < taps * c.out_c; j++) w[j % c.out_c * taps + j / c.out_c] = c.w[j];
        c.y = check_out_f32(size);
        fn(&c, 0, c.batch * c.out_h, 0, c.out_c);
        check_definition(&c, w);
    }
}

void check_conv(void)
{
#define K(family, fn, needs)             \
    check_oracle(fn, #fn, needs, false); \
    check_random(fn, #fn, needs, false);
#include "kernels/conv/conv.kern"
#undef K
#define K(family, fn, needs)            \
    check_oracle(fn, #fn, needs, true); \
    check_random(fn, #fn, needs, true);
#include "kernels/conv/conv_few.kern"
#undef K
#define K(family, fn, needs)         \
    check_oracle_dw(fn, #fn, needs); \
    check_random_dw(fn, #fn, needs);
#include "kernels/conv/conv_dw.kern"
#undef K
}
