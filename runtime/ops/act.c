/* act.c - see act.h; act.def lists the activations. */
#include "runtime/ops/act.h"
#include "kernels/unary/unary.h"

const char *const ig_act_names[] = {
#define A(name, kind, kernel, f64) #name,
#include "runtime/ops/act.def"
#undef A
    NULL,
};

enum {
#define A(name, kind, kernel, f64) ACT_##name,
#include "runtime/ops/act.def"
#undef A
};

void ig_act_set(ig_epilogue *e, int act, double a, double b)
{
    e->a = (float)a;
    e->b = (float)b;
    switch (act) {
#define A(name, kind, kernel, f64) \
    case ACT_##name:               \
        e->act = kind;             \
        e->map = kernel;           \
        break;
#include "runtime/ops/act.def"
#undef A
    }
}

void ig_act_set_map(ig_epilogue *e, int act, double a, double b)
{
    ig_act_set(e, act, a, b);
    switch (e->act) {
    case IG_ACT_NONE:
        e->map = ig_affine_f32();
        e->a = 1;
        e->b = 0;
        break;
    case IG_ACT_RELU:
        e->map = ig_relu_f32();
        break;
    case IG_ACT_CLIP:
        e->map = ig_clip_f32();
        break;
    case IG_ACT_LEAKY_RELU:
        e->map = ig_leaky_relu_f32();
        break;
    case IG_ACT_HARD_SIGMOID:
        e->map = ig_hard_sigmoid_f32();
        break;
    case IG_ACT_HARD_SWISH:
        e->map = ig_hard_swish_f32();
        break;
    case IG_ACT_MAP:
        break;
    }
    e->act = IG_ACT_MAP;
}

static double clip(double x, double low, double high)
{
    const double t = low > x ? low : x;
    return high < t ? high : t;
}
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

double ig_act_f64(int act, double a, double b, double x)
{
    switch (act) {
#define A(name, kind, kernel, f64) \
    case ACT_##name:               \
        return f64;
#include "runtime/ops/act.def"
#undef A
    }
    return x;
}

void ig_act_rows(float *x, size_t rows, size_t cols, size_t ld, float scale, const ig_epilogue *e)
{
    for (size_t r = 0; r < rows; r++) {
        float *y = x + r * ld;
        const float *more = e->residual ? e->residual + r * e->ld_residual : NULL;
        for (size_t i = 0; i < cols; i++) {
            float v = y[i] * scale;
            if (e->bias) v += e->bias[i];
            if (more) v += more[i];
            y[i] = ig_act_f32(e, v);
        }
        if (e->act == IG_ACT_MAP) e->map(y, y, cols, e->a, e->b);
    }
}

void ig_act_rows_f64(double *x, size_t rows, size_t cols, size_t ld, double scale,
                     const ig_epilogue_f64 *e)
{
    for (size_t r = 0; r < rows; r++) {
        double *y = x + r * ld;
        const double *more = e->residual ? e->residual + r * e->ld_residual : NULL;
        for (size_t i = 0; i < cols; i++) {
            double v = y[i] * scale;
            if (e->bias) v += e->bias[i];
            if (more) v += more[i];
            y[i] = ig_act_f64(e->act, e->a, e->b, v);
        }
    }
}
