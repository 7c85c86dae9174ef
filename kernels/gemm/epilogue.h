/* epilogue.h - what happens to a finished sum before it is stored, in every fp32 GEMM and
 * convolution.
 *
 *     y = act(acc + bias[n] + residual[m, n])
 *
 * in this order, each addition rounded; a NULL bias or residual is left out, not added as zero. The
 * activations, with the comparison that decides NaN and -0 (NaN stays NaN, relu(-0) = -0):
 *
 *     NONE           y
 *     RELU           0 > y ? 0 : y
 *     CLIP           t = a > y ? a : y;  b < t ? b : t        (relu6: a = 0, b = 6)
 *     LEAKY_RELU     y < 0 ? a * y : y
 *     HARD_SIGMOID   clip(fma(a, y, b), 0, 1)
 *     HARD_SWISH     y * fma(t, 1/6, t * rest), t = clip(y + 3, 0, 6): the gate is t / 6 without
 *                    the bias of 1/6 in fp32, which deep nets add up
 *     MAP            map(y, y, n, a, b) over rows of the finished tile, while it is in L1: every
 *                    other activation (silu, gelu, tanh ...), from kernels/unary
 */
#ifndef IG_EPILOGUE_H
#define IG_EPILOGUE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum {
    IG_ACT_NONE,
    IG_ACT_RELU,
    IG_ACT_CLIP,
    IG_ACT_LEAKY_RELU,
    IG_ACT_HARD_SIGMOID,
    IG_ACT_HARD_SWISH,
    IG_ACT_MAP,
} ig_act;

/* 1/6 in two pieces. */
#define IG_SIXTH      0x1.555556p-3f
#define IG_SIXTH_REST -0x1.555556p-28f

/* y[i] = f(x[i]) for i < n; y may be x. */
typedef void ig_map_f32_fn(float *y, const float *x, size_t n, float a, float b);

typedef struct {
    const float *bias;     /* [N] or NULL */
    const float *residual; /* [M, N] or NULL; must not overlap the output */
    size_t ld_residual;    /* elements between its rows */
    ig_act act;
    float a, b;         /* see above */
    ig_map_f32_fn *map; /* IG_ACT_MAP only */
} ig_epilogue;

/* ig_act_bounds - NONE, RELU and CLIP as one clip; the rest is clipped to nothing and finished by
 * ig_act_row afterwards. */
static inline void ig_act_bounds(const ig_epilogue *e, float *low, float *high)
{
    *low = e->act == IG_ACT_RELU ? 0 : e->act == IG_ACT_CLIP ? e->a : -INFINITY;
    *high = e->act == IG_ACT_CLIP ? e->b : INFINITY;
}
static inline bool ig_act_is_clip(ig_act act) { return act <= IG_ACT_CLIP; }

static inline float ig_clamp_f32(float y, float low, float high)
{
    const float t = low > y ? low : y;
    return high < t ? high : t;
}

static inline float ig_act_f32(const ig_epilogue *e, float y)
{
    switch (e->act) {
    case IG_ACT_RELU:
        return 0 > y ? 0 : y;
    case IG_ACT_CLIP:
        return ig_clamp_f32(y, e->a, e->b);
    case IG_ACT_LEAKY_RELU:
        return y < 0 ? e->a * y : y;
    case IG_ACT_HARD_SIGMOID:
        return ig_clamp_f32(fmaf(e->a, y, e->b), 0, 1);
    case IG_ACT_HARD_SWISH: {
        const float t = ig_clamp_f32(y + 3, 0, 6);
        return y * fmaf(t, IG_SIXTH, t * IG_SIXTH_REST);
    }
    case IG_ACT_NONE:
    case IG_ACT_MAP:
        break;
    }
    return y;
}

#endif
