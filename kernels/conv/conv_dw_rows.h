/* conv_dw_rows.h - the geometry of one output row of a depthwise convolution, the same for every
 * ISA.
 *
 *     ox:  0 .. inner_from | inner_from .. inner_to | .. out_w
 *          taps lie left     every tap of kx is       taps lie right
 *          of the image      inside the image         of it
 *
 * A row is worked through a block of channels at a time, along ox in strips of up to 8 pixels: the
 * block's weights stay in L1, whole cache lines are used while they are there, and neighbouring
 * pixels share their loads. */
#ifndef IG_CONV_DW_ROWS_H
#define IG_CONV_DW_ROWS_H

#include "kernels/conv/conv.h"
#include "runtime/base/checked.h"

typedef struct {
    const float *x; /* the first input row under the window, channel 0 */
    const float *w; /* the weights of that row's taps, channel 0 */
    size_t rows;    /* how many rows of taps are inside the image */
    size_t row_step;
    size_t inner_from, inner_to;
    float *y; /* the output row, channel 0 */
    const float *residual;
    float low, high;
} dw_row;

/* The taps [*from, *to) of `taps`, `apart` from each other, that fall into [0, size) when the first
 * would be at `at`. */
static inline void inside(ptrdiff_t at, size_t taps, size_t apart, size_t size, size_t *from,
                          size_t *to)
{
    *from = 0;
    while (*from < taps && at + (ptrdiff_t)(*from * apart) < 0) ++*from;
    *to = taps;
    while (*to > *from && at + (ptrdiff_t)((*to - 1) * apart) >= (ptrdiff_t)size) --*to;
}

static inline dw_row dw_row_at(const ig_conv_f32_args *c, size_t r)
{
    const size_t image = r / c->out_h, oy = r % c->out_h, line = c->in_w * c->in_c;
    const size_t reach = (c->kw - 1) * c->dilation_w; /* from the first tap to the last */
    const ptrdiff_t top = (ptrdiff_t)(oy * c->stride_h) - (ptrdiff_t)c->pad_top;
    size_t ky0, ky1;
    inside(top, c->kh, c->dilation_h, c->in_h, &ky0, &ky1);
    dw_row d = {.rows = ky1 - ky0, .row_step = c->dilation_h * line};
    d.x = c->x + image * c->in_h * line;
    if (d.rows) d.x += (size_t)(top + (ptrdiff_t)(ky0 * c->dilation_h)) * line;
    d.w = c->w + ky0 * c->kw * c->in_c;
    d.inner_from = IG_MIN((c->pad_left + c->stride_w - 1) / c->stride_w, c->out_w);
    if (c->in_w + c->pad_left > reach)
        d.inner_to = IG_MIN((c->in_w + c->pad_left - reach - 1) / c->stride_w + 1, c->out_w);
    d.inner_to = IG_MAX(d.inner_to, d.inner_from);
    d.y = c->y + r * c->out_w * c->out_c;
    if (c->epilogue.residual)
        d.residual = c->epilogue.residual + r * c->out_w * c->epilogue.ld_residual;
    ig_act_bounds(&c->epilogue, &d.low, &d.high);
    return d;
}

#endif
