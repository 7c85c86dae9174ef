/* conv_rows.h - convolution as GEMM over blocks of gathered rows, the same for every ISA.
 *
 * For a block of output pixels the inputs under the window are gathered into scratch, one row of K
 * elements a pixel, and multiplied by the GEMM of the same ISA. The block is small enough for L2,
 * so gathering costs about 16 / N of the product and the register tile never sees windows or edges.
 *
 *     row of a pixel: [ky][kx][c]   with the taps of one ky contiguous in x as well (dilation_w 1,
 *     one group): kh runs of kw * in_c elements, else kh * kw runs of in_c / groups. */
#ifndef IG_CONV_ROWS_H
#define IG_CONV_ROWS_H

#include "kernels/conv/conv.h"
#include "runtime/base/checked.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum {
    BLOCK_ELEMENTS = 128 << 10, /* scratch: half a MB, half of a typical L2 */
    MOST_PIXELS = 168,          /* whole tiles of 14, 12 and 6 rows */
    LEAST_PIXELS = 28,
    OVERRUN = 16,
    CLASH = 512, /* rows this many elements apart share sets of L1 */
};

/* copy - n elements, n > 0; inlined into the ISA's file. It may write up to a vector, OVERRUN
 * elements, past n: rows are gathered in rising order of k and have that much room at their end. */
typedef void copy_fn(float *to, const float *from, size_t n);

static inline bool is_product(const ig_conv_f32_args *c)
{
    return c->kh == 1 && c->kw == 1 && c->stride_h == 1 && c->stride_w == 1 && c->groups == 1 &&
           c->in_h == c->out_h && c->in_w == c->out_w && c->pad_top == 0 && c->pad_left == 0;
}

static inline size_t row_length(const ig_conv_f32_args *c)
{
    const size_t k = ig_conv_depth(c) + OVERRUN;
    return k % CLASH ? k : k + OVERRUN;
}

static inline size_t block_pixels(const ig_conv_f32_args *c)
{
    const size_t fit = BLOCK_ELEMENTS / IG_MAX(row_length(c), 1) / 14 * 14;
    return IG_MIN(IG_MAX(fit, LEAST_PIXELS), MOST_PIXELS);
}

/* Output pixel `at` of all: where its window begins in x, which may be outside. */
typedef struct {
    const float *image;
    ptrdiff_t y, x;
    size_t oy, ox;
} window;

static inline window window_at(const ig_conv_f32_args *c, size_t at, size_t group)
{
    const size_t row = at / c->out_w, ox = at % c->out_w;
    const size_t image = row / c->out_h, oy = row % c->out_h;
    return (window){
        .image = c->x + image * c->in_h * c->in_w * c->in_c + group * (c->in_c / c->groups),
        .y = (ptrdiff_t)(oy * c->stride_h) - (ptrdiff_t)c->pad_top,
        .x = (ptrdiff_t)(ox * c->stride_w) - (ptrdiff_t)c->pad_left,
        .oy = oy,
        .ox = ox,
    };
}

/* The window n pixels on, at most to the end of the output row and onto the next. */
static inline void window_step(const ig_conv_f32_args *c, window *w, size_t n)
{
    w->x += (ptrdiff_t)(n * c->stride_w);
    w->ox += n;
    if (w->ox < c->out_w) return;
    w->ox = 0;
    w->x = -(ptrdiff_t)c->pad_left;
    w->y += (ptrdiff_t)c->stride_h;
    if (++w->oy < c->out_h) return;
    w->oy = 0;
    w->y = -(ptrdiff_t)c->pad_top;
    w->image += c->in_h * c->in_w * c->in_c;
}

/* How many pixels from this one on, in its output row, have all their taps within [0, in_w). */
static inline size_t inner_pixels(const ig_conv_f32_args *c, const window *w)
{
    const ptrdiff_t room = (ptrdiff_t)c->in_w - 1 - w->x - (ptrdiff_t)((c->kw - 1) * c->dilation_w);
    if (w->x < 0 || room < 0) return 0;
    return IG_MIN((size_t)room / c->stride_w + 1, c->out_w - w->ox);
}

/* Such pixels, all at once: run by run, so that the inner loop is one short copy. */
INLINE void gather_inner(const ig_conv_f32_args *c, const window *w, float *to, size_t pixels,
                         copy_fn *copy)
{
    const size_t channels = c->in_c / c->groups, ld = row_length(c), step = c->stride_w * c->in_c;
    const bool joined = c->dilation_w == 1 && c->groups == 1;
    const size_t runs = joined ? 1 : c->kw, length = joined ? c->kw * channels : channels;
    for (size_t ky = 0; ky < c->kh; ky++) {
        const size_t iy = (size_t)w->y + ky * c->dilation_h; /* above the image it wraps */
        for (size_t run = 0; run < runs; run++, to += length) {
            if (iy >= c->in_h) {
                for (size_t p = 0; p < pixels; p++) memset(to + p * ld, 0, length * sizeof *to);
                continue;
            }
            const size_t ix = (size_t)w->x + run * c->dilation_w;
            const float *from = w->image + (iy * c->in_w + ix) * c->in_c;
            for (size_t p = 0; p < pixels; p++) copy(to + p * ld, from + p * step, length);
        }
    }
}

/* A pixel at the left or right edge, tap by tap. */
INLINE void gather_edge(const ig_conv_f32_args *c, const window *w, float *to, copy_fn *copy)
{
    const size_t channels = c->in_c / c->groups;
    for (size_t ky = 0; ky < c->kh; ky++)
        for (size_t kx = 0; kx < c->kw; kx++, to += channels) {
            const size_t iy = (size_t)w->y + ky * c->dilation_h;
            const size_t ix = (size_t)w->x + kx * c->dilation_w;
            if (iy < c->in_h && ix < c->in_w)
                copy(to, w->image + (iy * c->in_w + ix) * c->in_c, channels);
            else
                memset(to, 0, channels * sizeof *to);
        }
}

/* `pixels` pixels from the output pixel `at`. */
INLINE void gather(const ig_conv_f32_args *c, size_t at, size_t group, float *to, size_t pixels,
                   copy_fn *copy)
{
    window w = window_at(c, at, group);
    for (size_t n; pixels; pixels -= n, to += n * row_length(c)) {
        n = IG_MIN(inner_pixels(c, &w), pixels);
        if (n) {
            gather_inner(c, &w, to, n, copy);
        } else {
            gather_edge(c, &w, to, copy);
            n = 1;
        }
        window_step(c, &w, n);
    }
}

/* Pixels [at, end) of one group, panels [p0, p1) of that group. */
INLINE void conv_group(const ig_conv_f32_args *c, float *scratch, size_t at, size_t end,
                       size_t group, size_t p0, size_t p1, gemm_f32_fn *gemm, copy_fn *copy)
{
    const size_t first = group * (c->out_c / c->groups), depth = ig_conv_depth(c);
    ig_gemm_f32_args g = {.ldc = c->out_c, .n = c->out_c / c->groups, .k = depth};
    g.b = c->w + group * ig_conv_group_panels(c) * IG_PANEL * depth;
    g.epilogue = c->epilogue;
    if (g.epilogue.bias) g.epilogue.bias += first;
    if (g.epilogue.residual) g.epilogue.residual += first;
    g.c = c->y + first;
    if (is_product(c)) {
        g.a = c->x;
        g.lda = c->in_c;
        gemm(&g, at, end, p0, p1);
        return;
    }
    g.lda = row_length(c);
    g.a = scratch;
    const float *residual = g.epilogue.residual;
    for (size_t pixels; at < end; at += pixels) {
        pixels = IG_MIN(end - at, block_pixels(c));
        gather(c, at, group, scratch, pixels, copy);
        g.c = c->y + at * c->out_c + first;
        if (residual) g.epilogue.residual = residual + at * c->epilogue.ld_residual;
        gemm(&g, 0, pixels, p0, p1);
    }
}

INLINE void conv_rows(const ig_conv_f32_args *c, float *scratch, size_t r0, size_t r1, size_t p0,
                      size_t p1, gemm_f32_fn *gemm, copy_fn *copy)
{
    const size_t each = ig_conv_group_panels(c);
    for (size_t group = p0 / IG_MAX(each, 1); group * each < p1; group++) {
        const size_t low = IG_MAX(p0, group * each) - group * each;
        const size_t high = IG_MIN(p1, (group + 1) * each) - group * each;
        conv_group(c, scratch, r0 * c->out_w, r1 * c->out_w, group, low, high, gemm, copy);
    }
}

#endif
