/* conv.h - fp32 2-D convolution, NHWC.
 *
 *     y[b, oy, ox, o] = epilogue(sum over ky, kx, c of x[b, iy, ix, c] w[o, ky, kx, c])
 *     iy = oy stride_h - pad_top + ky dilation_h          ix likewise
 *
 * A 1-D convolution is one of height 1; asymmetric and lower/right padding only show in out_h and
 * out_w. For threads conv_f32 is partitioned by pixels m = (b * out_h + oy) * out_w + ox and by
 * panels, conv_dw_f32 by rows r = b * out_h + oy and by channels. All variants give the same bits:
 *
 *   conv_f32     each output is a sum as in gemm.h, k in the order (ky, kx, c). Rows of taps above
 *                and below the image are skipped (ig_conv_skips_rows), other padding takes part as
 *                zeros: an infinite weight that meets it gives NaN.
 *   conv_few_f32 such sums, in which all padding takes part, for layers whose outputs would fill
 *                little of a panel (ig_conv_few_suits); scratch from ig_conv_few_scratch.
 *   conv_dw_f32  depthwise (groups = in_c = out_c): one fma chain from +0 in the order (ky, kx).
 *                Taps in the padding are skipped. */
#ifndef IG_CONV_H
#define IG_CONV_H

#include "kernels/gemm/gemm.h"

typedef struct {
    float *y;       /* [batch, out_h, out_w, out_c]; must not overlap x or the residual */
    const float *x; /* [batch, in_h, in_w, in_c] */
    const float *w; /* conv_f32: for each group, panels of B [kh * kw * in_c / groups, out_c /
                       groups], k in the order (ky, kx, c); conv_dw_f32: plain [kh * kw, C] */
    size_t batch, in_h, in_w, in_c, out_h, out_w, out_c;
    size_t kh, kw, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left, groups;
    ig_epilogue epilogue; /* residual rows are pixels, ld_residual at least out_c */
} ig_conv_f32_args;

/* The depth of one group's product, and its panels. */
static inline size_t ig_conv_depth(const ig_conv_f32_args *c)
{
    return c->kh * c->kw * (c->in_c / c->groups);
}
static inline size_t ig_conv_group_panels(const ig_conv_f32_args *c)
{
    return ig_gemm_panels(c->out_c / c->groups);
}

/* Windows of many taps or few channels are copied into rows, padding and all; others are not. */
enum { CONV_MOST_TAPS = 64, CONV_FEWEST_CHANNELS = 8 };
static inline bool ig_conv_copies(const ig_conv_f32_args *c)
{
    const size_t taps = c->kh * c->kw;
    return taps > CONV_MOST_TAPS || (taps > 1 && c->in_c / c->groups < CONV_FEWEST_CHANNELS);
}
/* ig_conv_skips_rows - whether conv_f32 leaves out the rows of taps that are above or below the
 * image: there are some, and windows are not copied. */
static inline bool ig_conv_skips_rows(const ig_conv_f32_args *c)
{
    const size_t last = (c->out_h - 1) * c->stride_h + (c->kh - 1) * c->dilation_h;
    return !ig_conv_copies(c) && c->out_h && (c->pad_top || last >= c->in_h + c->pad_top);
}

/* A window of one tap that meets each pixel once: one long row of pixels. */
static inline ig_conv_f32_args conv_flat(const ig_conv_f32_args *c)
{
    ig_conv_f32_args flat = *c;
    if (c->kh == 1 && c->kw == 1 && c->stride_h == 1 && c->stride_w == 1 && c->pad_top == 0 &&
        c->pad_left == 0 && c->in_h == c->out_h && c->in_w == c->out_w) {
        flat.in_w = flat.out_w = c->batch * c->out_h * c->out_w;
        flat.in_h = flat.out_h = flat.batch = 1;
    }
    return flat;
}

/* ig_conv_f32_scratch - elements of scratch that one call (one thread) of conv_f32 needs. */
size_t ig_conv_f32_scratch(const ig_conv_f32_args *c);

/* ig_conv_few_suits - whether conv_few_f32 is the faster one for a layer. A group has at most one
 * panel then. */
bool ig_conv_few_suits(const ig_conv_f32_args *c);
/* ig_conv_few_scratch - elements of scratch that one call of conv_few_f32 needs. */
size_t ig_conv_few_scratch(const ig_conv_f32_args *c);

/* Output pixels [m0, m1) of batch * out_h * out_w, panels [p0, p1) of groups *
 * ig_conv_group_panels. */
typedef void conv_f32_fn(const ig_conv_f32_args *c, float *scratch, size_t m0, size_t m1, size_t p0,
                         size_t p1);
typedef conv_f32_fn conv_few_f32_fn;
/* Output rows [r0, r1) of batch * out_h, channels [c0, c1), both multiples of IG_PANEL or the end.
 */
typedef void conv_dw_f32_fn(const ig_conv_f32_args *c, size_t r0, size_t r1, size_t c0, size_t c1);

#define K(family, fn, needs) family##_fn fn;
#include "kernels/conv/conv.kern"
#include "kernels/conv/conv_dw.kern"
#include "kernels/conv/conv_few.kern"
#undef K

conv_f32_fn *ig_conv_f32(void); /* asked once, when a node is bound */
conv_few_f32_fn *ig_conv_few_f32(void);
conv_dw_f32_fn *ig_conv_dw_f32(void);

#endif
