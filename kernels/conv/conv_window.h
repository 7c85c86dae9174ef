/* conv_window.h - windows of fp32 convolutions: where they lie, and copying them into rows.
 *
 *     row of a pixel: [ky][kx][c]   with the taps of one ky contiguous in x as well (dilation_w 1,
 *     one group): kh runs of kw * in_c elements, else kh * kw runs of in_c / groups. */
#ifndef IG_CONV_WINDOW_H
#define IG_CONV_WINDOW_H

#include "kernels/conv/conv.h"
#include "runtime/base/checked.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum {
    OVERRUN = 16,
    CLASH = 1024,     /* pixels this many elements apart meet in one set of L1 .. */
    CLASH_PIXELS = 8, /* .. which holds so many */
    MOST_PIXELS = 28, /* whose windows lie in rows at a time */
};

/* copy - n elements, n > 0; inlined into the ISA's file. It may write up to a vector, OVERRUN
 * elements, past n: rows are gathered in rising order of k and have that much room at their end. */
typedef void copy_fn(float *to, const float *from, size_t n);

static inline size_t conv_row_length(const ig_conv_f32_args *c)
{
    const size_t k = ig_conv_depth(c) + OVERRUN;
    return k % (CLASH / 2) ? k : k + OVERRUN;
}

static inline bool conv_clashes(const ig_conv_f32_args *c)
{
    return c->stride_w * c->in_c % CLASH == 0;
}

/* Scratch: zeros for a tap in the padding, then rows. */
static inline size_t conv_zeros_length(const ig_conv_f32_args *c)
{
    return (c->in_c / c->groups + OVERRUN - 1) / OVERRUN * OVERRUN;
}
static inline size_t conv_rows_room(const ig_conv_f32_args *c)
{
    return ig_conv_copies(c) ? MOST_PIXELS * conv_row_length(c) : 0;
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

/* The window n pixels on. */
static inline void window_pass(const ig_conv_f32_args *c, window *w, size_t n)
{
    for (size_t some; n; n -= some) {
        some = IG_MIN(n, c->out_w - w->ox);
        window_step(c, w, some);
    }
}

/* How many pixels from this one on have the same rows of taps inside the image. */
static inline size_t same_rows(const ig_conv_f32_args *c, const window *w)
{
    const ptrdiff_t reach = (ptrdiff_t)((c->kh - 1) * c->dilation_h);
    const ptrdiff_t room = (ptrdiff_t)c->in_h - 1 - w->y - reach; /* below the last tap */
    const size_t rows = w->y < 0 || room < 0 ? 1 : (size_t)room / c->stride_h + 1;
    return IG_MIN(rows, c->out_h - w->oy) * c->out_w - w->ox;
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
    const size_t channels = c->in_c / c->groups, ld = conv_row_length(c),
                 step = c->stride_w * c->in_c;
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

/* `pixels` pixels from this window on. */
INLINE void gather(const ig_conv_f32_args *c, window w, float *to, size_t pixels, copy_fn *copy)
{
    for (size_t n; pixels; pixels -= n, to += n * conv_row_length(c)) {
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

#endif
