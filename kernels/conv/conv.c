/* conv.c - which variant this machine uses (see the .kern lists), and the scratch it needs. */
#include "kernels/conv/conv_few.h"
#include "kernels/conv/conv_window.h"

size_t ig_conv_f32_scratch(const ig_conv_f32_args *c)
{
    return conv_zeros_length(c) + conv_rows_room(c);
}

/* Clocks for one product of one output pixel with all outputs, fitted to layers of 7 x 7 to 224 x
 * 224 pixels on Zen 4. conv_few_f32: sums, of which the last vector of a row wastes some; turning
 * x, once for all taps; weights and lines, which come from L2 for each row again; storing.
 * conv_f32: a half or a whole panel, and placing the tile. */
static double few_cost(const ig_conv_f32_args *c, const few_shape *s)
{
    const size_t vecs = (c->out_w + FEW_LANES - 1) / FEW_LANES;
    const double outs = (double)s->outs, depth = (double)ig_conv_depth(c);
    const double turned = (double)(c->stride_h * c->stride_w) / (double)(c->kh * c->kw);
    const double together = (double)(c->out_w < s->block ? c->out_w : s->block);
    return outs * (double)vecs / (double)c->out_w + 0.5 * turned + 5.3 / together +
           0.75 * outs / depth;
}
static double dense_cost(const ig_conv_f32_args *c, const few_shape *s)
{
    return (s->outs <= IG_PANEL / 2 ? 0.8 : 1.15) + 10 / (double)ig_conv_depth(c);
}

bool ig_conv_few_suits(const ig_conv_f32_args *args)
{
    enum { MOST_LINES = 1 << 20 };
    const ig_conv_f32_args flat = conv_flat(args), *c = &flat;
    const few_shape s = conv_few_shape(c);
    if (!s.outs || s.outs > IG_PANEL || !s.channels || !c->out_w) return false;
    return (double)c->kh * (double)s.row <= MOST_LINES && few_cost(c, &s) < dense_cost(c, &s);
}

size_t ig_conv_few_scratch(const ig_conv_f32_args *args)
{
    const ig_conv_f32_args flat = conv_flat(args), *c = &flat;
    const few_shape s = conv_few_shape(c);
    return s.pitch + c->kh * s.row + s.outs * s.block + ig_conv_depth(c) + c->kh;
}

#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;

conv_f32_fn *ig_conv_f32(void)
{
    conv_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/conv/conv.kern"
    return best;
}

conv_few_f32_fn *ig_conv_few_f32(void)
{
    conv_few_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/conv/conv_few.kern"
    return best;
}

conv_dw_f32_fn *ig_conv_dw_f32(void)
{
    conv_dw_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/conv/conv_dw.kern"
    return best;
}
