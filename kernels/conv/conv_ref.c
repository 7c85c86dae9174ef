/* conv_ref.c - the scalar truth of conv_f32 and conv_few_f32 in conv.h. */
#include "kernels/conv/conv.h"

#include <math.h>

/* One output channel of one pixel; b is its column of the panel. skips: rows of taps that are above
 * or below the image. */
static float sum(const ig_conv_f32_args *c, size_t image, size_t oy, size_t ox, size_t group,
                 const float *b, bool skips)
{
    const size_t channels = c->in_c / c->groups;
    float y = 0, run = 0;
    size_t k = 0;
    for (size_t ky = 0; ky < c->kh; ky++)
        for (size_t kx = 0; kx < c->kw; kx++) {
            const size_t iy = oy * c->stride_h + ky * c->dilation_h - c->pad_top;
            const size_t ix = ox * c->stride_w + kx * c->dilation_w - c->pad_left;
            const bool inside = iy < c->in_h && ix < c->in_w; /* below 0 wraps to far above */
            const size_t pixel = (image * c->in_h + iy) * c->in_w + ix;
            for (size_t i = 0; i < channels; i++, k++, b += IG_PANEL) {
                if (k && k % IG_GEMM_RUN == 0) {
                    y = k == IG_GEMM_RUN ? run : y + run;
                    run = 0;
                }
                if (skips && iy >= c->in_h) continue;
                run = fmaf(inside ? c->x[pixel * c->in_c + group * channels + i] : 0, *b, run);
            }
        }
    return k <= IG_GEMM_RUN ? run : y + run;
}

static void outputs(const ig_conv_f32_args *c, size_t m0, size_t m1, size_t p0, size_t p1,
                    bool skips)
{
    const ig_epilogue *e = &c->epilogue;
    const size_t depth = ig_conv_depth(c), per_group = c->out_c / c->groups;
    for (size_t pixel = m0; pixel < m1; pixel++)
        for (size_t p = p0; p < p1; p++) {
            const size_t group = p / ig_conv_group_panels(c), panel = p % ig_conv_group_panels(c);
            const size_t row = pixel / c->out_w;
            for (size_t j = 0; j < IG_PANEL && panel * IG_PANEL + j < per_group; j++) {
                const size_t o = group * per_group + panel * IG_PANEL + j;
                float *y = c->y + pixel * c->out_c + o;
                float s = sum(c, row / c->out_h, row % c->out_h, pixel % c->out_w, group,
                              c->w + p * depth * IG_PANEL + j, skips);
                if (e->bias) s += e->bias[o];
                if (e->residual) s += e->residual[pixel * e->ld_residual + o];
                *y = ig_act_f32(e, s);
                if (e->act == IG_ACT_MAP) e->map(y, y, 1, e->a, e->b);
            }
        }
}

void conv_f32_ref(const ig_conv_f32_args *c, float *scratch, size_t m0, size_t m1, size_t p0,
                  size_t p1)
{
    (void)scratch;
    outputs(c, m0, m1, p0, p1, ig_conv_skips_rows(c));
}

void conv_few_f32_ref(const ig_conv_f32_args *c, float *scratch, size_t m0, size_t m1, size_t p0,
                      size_t p1)
{
    (void)scratch;
    outputs(c, m0, m1, p0, p1, false);
}
