/* check_winograd.c - Winograd's transforms: every bit of the scalar ones, and the whole method
 * within its bound of the convolution it stands for. */
#include "tests/kernels/kernel_check.h"

#include "kernels/winograd/winograd.h"

#include <math.h>
#include <stdlib.h>

enum { SHAPES = 60, POINTS = IG_WINOGRAD_POINTS };

static void halve(float *y, const float *x, size_t n, float a, float b)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] * a + b;
}

static ig_conv_f32_args random_layer(size_t most)
{
    ig_conv_f32_args c = {.batch = check_pick(1, 2),
                          .in_c = check_pick(1, most),
                          .out_c = check_pick(1, most),
                          .kh = 3,
                          .kw = 3,
                          .stride_h = 1,
                          .stride_w = 1,
                          .dilation_h = 1,
                          .dilation_w = 1,
                          .groups = 1};
    c.pad_top = check_pick(0, 2);
    c.pad_left = check_pick(0, 2);
    c.in_h = check_pick(3, 11);
    c.in_w = check_pick(3, 11);
    c.out_h = c.in_h + c.pad_top + check_pick(0, 2) - 2;
    c.out_w = c.in_w + c.pad_left + check_pick(0, 2) - 2;
    return c;
}

static size_t tiles_of(const ig_conv_f32_args *c)
{
    return c->batch * ig_winograd_tiles_h(c) * ig_winograd_tiles_w(c);
}

static void check_in(winograd_in_f32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < SHAPES; i++) {
        ig_conv_f32_args c = random_layer(70);
        const size_t tiles = tiles_of(&c), t0 = check_pick(0, tiles - 1), wild = check_pick(0, 3);
        const size_t n = POINTS * (tiles - t0) * c.in_c;
        if (!check_next(needs, name, "%zux%zux%zux%zu p%zu,%zu from%zu%s", c.batch, c.in_h, c.in_w,
                        c.in_c, c.pad_top, c.pad_left, t0, wild ? "" : " wild"))
            continue;
        const size_t x_size = c.batch * c.in_h * c.in_w * c.in_c;
        c.x = wild ? check_f32(x_size, -2, 2) : check_f32_wild(x_size);
        float *want = check_out_f32(n), *got = check_out_f32(n);
        winograd_in_f32_ref(want, &c, t0, tiles);
        fn(got, &c, t0, tiles);
        check_same_f32(want, got, n);
    }
}

static void check_out(winograd_out_f32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < SHAPES; i++) {
        ig_conv_f32_args c = random_layer(70);
        const size_t tiles = tiles_of(&c), y_size = c.batch * c.out_h * c.out_w * c.out_c;
        const size_t act = check_pick(0, IG_ACT_MAP), bias = check_pick(0, 1);
        const size_t residual = check_pick(0, 1), wild = check_pick(0, 3);
        if (!check_next(needs, name, "%zux%zux%zux%zu act%zu%s%s%s", c.batch, c.out_h, c.out_w,
                        c.out_c, act, bias ? " bias" : "", residual ? " residual" : "",
                        wild ? "" : " wild"))
            continue;
        const size_t n = POINTS * tiles * c.out_c;
        const float *m = wild ? check_f32(n, -2, 2) : check_f32_wild(n);
        c.epilogue = (ig_epilogue){.act = (ig_act)act, .a = 0.3f, .b = 0.6f, .map = halve};
        c.epilogue.ld_residual = c.out_c;
        if (bias) c.epilogue.bias = check_f32(c.out_c, -1, 1);
        if (residual) c.epilogue.residual = check_f32(y_size, -1, 1);
        float *want = check_out_f32(y_size), *got = check_out_f32(y_size);
        c.y = want;
        winograd_out_f32_ref(&c, m, 0, tiles);
        c.y = got;
        fn(&c, m, 0, tiles);
        check_same_f32(want, got, y_size);
    }
}

/* ---- the whole method ---- */

static const double BT[6][6] = {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
                                {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
static const double G[6][3] = {{1.0 / 4, 0, 0},
                               {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                               {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                               {1.0 / 24, 1.0 / 12, 1.0 / 6},
                               {1.0 / 24, -1.0 / 12, 1.0 / 6},
                               {0, 0, 1}};
static const double AT[4][6] = {
    {1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}};

static double input(const ig_conv_f32_args *c, size_t image, size_t y, size_t x, size_t channel)
{
    const size_t iy = y - c->pad_top, ix = x - c->pad_left;
    if (iy >= c->in_h || ix >= c->in_w) return 0;
    return (double)c->x[((image * c->in_h + iy) * c->in_w + ix) * c->in_c + channel];
}

/* The definition of output `at`, and S of winograd.h at it; w is [3, 3, in_c, out_c]. */
static double define(const ig_conv_f32_args *c, const float *w, size_t at, double *size)
{
    const size_t o = at % c->out_c, pixel = at / c->out_c, x = pixel % c->out_w;
    const size_t y = pixel / c->out_w % c->out_h, image = pixel / c->out_w / c->out_h;
    double sum = 0;
    *size = 0;
    for (size_t k = 0; k < c->in_c; k++) {
        double g[3][3];
        for (size_t t = 0; t < 9; t++) {
            g[t / 3][t % 3] = (double)w[(t * c->in_c + k) * c->out_c + o];
            sum += g[t / 3][t % 3] * input(c, image, y + t / 3, x + t % 3, k);
        }
        for (size_t p = 0; p < POINTS; p++) {
            double u = 0, v = 0;
            for (size_t t = 0; t < 9; t++)
                u += fabs(G[p / 6][t / 3] * G[p % 6][t % 3] * g[t / 3][t % 3]);
            for (size_t t = 0; t < 36; t++)
                v += fabs(BT[p / 6][t / 6] * BT[p % 6][t % 6] *
                          input(c, image, y / 4 * 4 + t / 6, x / 4 * 4 + t % 6, k));
            *size += fabs(AT[y % 4][p / 6] * AT[x % 4][p % 6]) * u * v;
        }
    }
    return sum;
}

static void check_method(winograd_in_f32_fn *in, winograd_out_f32_fn *out, const char *name,
                         uint32_t needs)
{
    for (size_t i = 0; i < 6; i++) {
        ig_conv_f32_args c = random_layer(i % 2 ? 40 : 150);
        c.out_c = check_pick(1, 20);
        const bool panels = i % 3 == 0;
        if (!check_next(needs, name, "method %zux%zux%zux%zu -> %zux%zux%zu%s", c.batch, c.in_h,
                        c.in_w, c.in_c, c.out_h, c.out_w, c.out_c, panels ? " panels" : ""))
            continue;
        const size_t n = c.batch * c.out_h * c.out_w * c.out_c, tiles = tiles_of(&c);
        const size_t k = 9 * c.in_c, each = ig_gemm_packed(c.in_c, c.out_c);
        c.x = check_f32(c.batch * c.in_h * c.in_w * c.in_c, -2, 2);
        const float *w = check_f32(k * c.out_c, -1, 1);
        float *packed = check_out_f32(ig_gemm_packed(k, c.out_c));
        gemm_pack_f32_ref(packed, w, k, c.out_c, c.out_c, 1, 0, ig_gemm_panels(c.out_c));
        float *u = check_out_f32(POINTS * each), *v = check_out_f32(POINTS * tiles * c.in_c);
        float *m = check_out_f32(POINTS * tiles * c.out_c);
        ig_winograd_weights(u, panels ? packed : w, panels, c.in_c, c.out_c);
        in(v, &c, 0, tiles);
        for (size_t p = 0; p < POINTS; p++) {
            const ig_gemm_f32_args g = {.c = m + p * tiles * c.out_c,
                                        .a = v + p * tiles * c.in_c,
                                        .b = u + p * each,
                                        .ldc = c.out_c,
                                        .lda = c.in_c,
                                        .n = c.out_c,
                                        .k = c.in_c};
            gemm_f32_ref(&g, 0, tiles, 0, ig_gemm_panels(c.out_c));
        }
        c.y = check_out_f32(n);
        out(&c, m, 0, tiles);
        for (size_t at = 0; at < n; at++) {
            double size;
            const double want = define(&c, w, at, &size), off = fabs(want - (double)c.y[at]);
            if (!(off <= 1.01 * (double)(c.in_c + 20) * 0x1p-24 * size))
                check_true(false, "[%zu] of %zu: definition %.9g, got %.9g", at, n, want,
                           (double)c.y[at]);
        }
    }
}

void check_winograd(void)
{
#define K(family, fn, needs)  \
    check_in(fn, #fn, needs); \
    check_method(fn, winograd_out_f32_ref, #fn, needs);
#include "kernels/winograd/winograd_in.kern"
#undef K
#define K(family, fn, needs)   \
    check_out(fn, #fn, needs); \
    check_method(winograd_in_f32_ref, fn, #fn, needs);
#include "kernels/winograd/winograd_out.kern"
#undef K
}
