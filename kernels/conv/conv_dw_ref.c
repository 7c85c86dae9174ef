/* conv_dw_ref.c - the scalar truth of conv_dw_f32 in conv.h. */
#include "kernels/conv/conv.h"

#include <math.h>

static float sum(const ig_conv_f32_args *c, size_t image, size_t oy, size_t ox, size_t channel)
{
    float y = 0;
    for (size_t ky = 0; ky < c->kh; ky++)
        for (size_t kx = 0; kx < c->kw; kx++) {
            const size_t iy = oy * c->stride_h + ky * c->dilation_h - c->pad_top;
            const size_t ix = ox * c->stride_w + kx * c->dilation_w - c->pad_left;
            if (iy >= c->in_h || ix >= c->in_w) continue; /* below 0 wraps to far above */
            y = fmaf(c->x[((image * c->in_h + iy) * c->in_w + ix) * c->in_c + channel],
                     c->w[(ky * c->kw + kx) * c->in_c + channel], y);
        }
    return y;
}

void conv_dw_f32_ref(const ig_conv_f32_args *c, size_t r0, size_t r1, size_t c0, size_t c1)
{
    const ig_epilogue *e = &c->epilogue;
    for (size_t pixel = r0 * c->out_w; pixel < r1 * c->out_w; pixel++) {
        const size_t row = pixel / c->out_w;
        float *y = c->y + pixel * c->out_c;
        for (size_t i = c0; i < c1; i++) {
            float s = sum(c, row / c->out_h, row % c->out_h, pixel % c->out_w, i);
            if (e->bias) s += e->bias[i];
            if (e->residual) s += e->residual[pixel * e->ld_residual + i];
            y[i] = ig_act_f32(e, s);
        }
        if (e->act == IG_ACT_MAP) e->map(y + c0, y + c0, c1 - c0, e->a, e->b);
    }
}
