/* pool_window.h - which taps of a pooling window count, the same for every ISA. */
#ifndef IG_POOL_WINDOW_H
#define IG_POOL_WINDOW_H

#include "kernels/pool/pool.h"

/* The window of one output pixel, cut to the image. */
typedef struct {
    const float *x; /* first tap, channel 0; not to be read when rows or cols is 0 */
    float *y;
    size_t rows, cols;         /* taps inside */
    size_t row_step, col_step; /* elements between taps */
    float count;               /* what the mean divides by */
} pool_window;

/* The taps of one axis inside [low, high): how many, and in *first the first one. */
static inline size_t taps_inside(ptrdiff_t at, size_t taps, size_t apart, ptrdiff_t low,
                                 ptrdiff_t high, size_t *first)
{
    size_t from = 0, to = taps;
    while (from < taps && at + (ptrdiff_t)(from * apart) < low) from++;
    while (to > from && at + (ptrdiff_t)((to - 1) * apart) >= high) to--;
    *first = from;
    return to - from;
}

static inline pool_window pool_window_at(const ig_pool_f32_args *p, size_t r, size_t ox)
{
    const size_t image = r / p->out_h, oy = r % p->out_h, line = p->in_w * p->channels;
    const ptrdiff_t h = (ptrdiff_t)p->in_h, w = (ptrdiff_t)p->in_w;
    const ptrdiff_t top = (ptrdiff_t)(oy * p->stride_h) - (ptrdiff_t)p->pad_top;
    const ptrdiff_t left = (ptrdiff_t)(ox * p->stride_w) - (ptrdiff_t)p->pad_left;
    size_t ky, kx, unused;
    pool_window v = {.row_step = p->dilation_h * line, .col_step = p->dilation_w * p->channels};
    v.rows = taps_inside(top, p->kh, p->dilation_h, 0, h, &ky);
    v.cols = taps_inside(left, p->kw, p->dilation_w, 0, w, &kx);
    size_t count = v.rows * v.cols;
    if (p->count_pad)
        count = taps_inside(top, p->kh, p->dilation_h, -(ptrdiff_t)p->pad_top,
                            h + (ptrdiff_t)p->pad_bottom, &unused) *
                taps_inside(left, p->kw, p->dilation_w, -(ptrdiff_t)p->pad_left,
                            w + (ptrdiff_t)p->pad_right, &unused);
    v.count = (float)(count ? count : 1);
    v.x = p->x + image * p->in_h * line;
    if (v.rows && v.cols)
        v.x += (size_t)(top + (ptrdiff_t)(ky * p->dilation_h)) * line +
               (size_t)(left + (ptrdiff_t)(kx * p->dilation_w)) * p->channels;
    else
        v.rows = v.cols = 0;
    v.y = p->y + (r * p->out_w + ox) * p->channels;
    return v;
}

/* Where the run of taps that begins at column kx ends. */
static inline size_t pool_run_end(const pool_window *w, size_t kx)
{
    return w->cols - kx > IG_POOL_RUN ? kx + IG_POOL_RUN : w->cols;
}

#endif
