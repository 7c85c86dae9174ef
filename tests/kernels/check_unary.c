/* check_unary.c - elementwise functions: every variant against the scalar truth bit for bit, and
 * the scalar truth against libm's double functions over a comb through all floats. */
#include "tests/kernels/kernel_check.h"
#include "kernels/unary/unary.h"
#include "runtime/base/half.h"

#include <float.h>
#include <math.h>
#include <string.h>

static double d_affine(double x, double a, double b) { return x * a + b; }
static double d_celu(double x, double a, double b)
{
    (void)b;
    return x < 0 ? a * expm1(x / a) : x;
}
static double d_clip(double x, double a, double b) { return x < a ? a : x > b ? b : x; }
static double d_elu(double x, double a, double b)
{
    (void)b;
    return x < 0 ? a * expm1(x) : x;
}
static double d_gelu_erf(double x, double a, double b)
{
    (void)a, (void)b;
    return x == -INFINITY ? -0.0 : x / 2 * erfc(-x * M_SQRT1_2);
}
static double d_sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double d_gelu_tanh(double x, double a, double b)
{
    (void)a, (void)b;
    if (isinf(x)) return x < 0 ? -0.0 : x;
    return x * d_sigmoid(2 * sqrt(M_2_PI) * (x + 0.044715 * x * x * x));
}
static double d_hard_sigmoid(double x, double a, double b) { return d_clip(x * a + b, 0, 1); }
static double d_hard_swish(double x, double a, double b)
{
    (void)a, (void)b;
    return x == -INFINITY ? -0.0 : x * d_hard_sigmoid(x, 1.0 / 6, 0.5);
}
static double d_leaky_relu(double x, double a, double b)
{
    (void)b;
    return x < 0 ? a * x : x;
}
static double d_mish(double x, double a, double b)
{
    (void)a, (void)b;
    return x == -INFINITY ? -0.0 : x > 40 ? x : x * tanh(log1p(exp(x)));
}
static double d_selu(double x, double a, double b) { return x < 0 ? b * a * expm1(x) : b * x; }
static double d_silu(double x, double a, double b)
{
    (void)b;
    return x == -INFINITY ? -0.0 : x * d_sigmoid(a * x);
}
static double d_softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }
static double d_softsign(double x) { return isinf(x) ? copysign(1, x) : x / (1 + fabs(x)); }
static double d_thresholded(double x, double a, double b)
{
    (void)b;
    return x <= a ? 0 : x;
}
static double d_relu(double x) { return x < 0 ? 0 : x; }
static double d_neg(double x) { return -x; }
static double d_reciprocal(double x) { return 1 / x; }
static double d_rsqrt(double x) { return 1 / sqrt(x); }
static double d_sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
static double d_square(double x) { return x * x; }

/* The largest error: `ulp` units in the last place of the true result, plus `of_x` times |x|,
 * where the function itself takes a difference of nearly equal numbers (erf's 1 + erf), or where
 * the rounding of an intermediate value counts (the argument of gelu's sigmoid, for which a
 * relative error e of u gives u e). */
typedef struct {
    const char *family;
    double (*plain)(double);
    double (*with)(double, double, double);
    float a, b;
    double ulp, of_x;
} oracle;

static const oracle oracles[] = {
    {"abs_f32", fabs, NULL, 0, 0, 0, 0},
    {"affine_f32", NULL, d_affine, 1.7f, -0.3f, 0.501, 0},
    {"ceil_f32", ceil, NULL, 0, 0, 0, 0},
    {"celu_f32", NULL, d_celu, 1.5f, 0, 3, 0},
    {"clip_f32", NULL, d_clip, -1, 6, 0, 0},
    {"elu_f32", NULL, d_elu, 1.5f, 0, 2.5, 0},
    {"erf_f32", erf, NULL, 0, 0, 1.1, 0},
    {"exp_f32", exp, NULL, 0, 0, 1.1, 0},
    {"floor_f32", floor, NULL, 0, 0, 0, 0},
    {"gelu_erf_f32", NULL, d_gelu_erf, 0, 0, 0.5, 0x1p-24},
    {"gelu_tanh_f32", NULL, d_gelu_tanh, 0, 0, 4, 0x1p-24},
    {"hard_sigmoid_f32", NULL, d_hard_sigmoid, 0.2f, 0.5f, 0.51, 0},
    {"hard_swish_f32", NULL, d_hard_swish, 0, 0, 2, 0x1p-25},
    {"leaky_relu_f32", NULL, d_leaky_relu, 0.01f, 0, 0.501, 0},
    {"log_f32", log, NULL, 0, 0, 1.1, 0},
    {"mish_f32", NULL, d_mish, 0, 0, 4.5, 0x1p-149},
    {"neg_f32", d_neg, NULL, 0, 0, 0, 0},
    {"reciprocal_f32", d_reciprocal, NULL, 0, 0, 0.501, 0},
    {"relu_f32", d_relu, NULL, 0, 0, 0, 0},
    {"round_f32", rint, NULL, 0, 0, 0, 0},
    {"rsqrt_f32", d_rsqrt, NULL, 0, 0, 1.5, 0},
    {"selu_f32", NULL, d_selu, 1.67326319217681884765625f, 1.05070102214813232421875f, 3, 0},
    {"sigmoid_f32", d_sigmoid, NULL, 0, 0, 2.5, 0},
    {"sign_f32", d_sign, NULL, 0, 0, 0, 0},
    {"silu_f32", NULL, d_silu, 1, 0, 3.5, 0x1p-149},
    {"softplus_f32", d_softplus, NULL, 0, 0, 2, 0},
    {"softsign_f32", d_softsign, NULL, 0, 0, 1.5, 0},
    {"sqrt_f32", sqrt, NULL, 0, 0, 0.501, 0},
    {"square_f32", d_square, NULL, 0, 0, 0.501, 0},
    {"tanh_f32", tanh, NULL, 0, 0, 2.6, 0},
    {"thresholded_relu_f32", NULL, d_thresholded, 1, 0, 0, 0},
};

static const oracle *find_oracle(const char *family)
{
    for (size_t i = 0; i < IG_LEN(oracles); i++)
        if (!strcmp(oracles[i].family, family)) return &oracles[i];
    return NULL;
}

static double ulp_of(double x)
{
    const int e = x != 0 && isfinite(x) ? ilogb(x) : -126;
    return ldexp(1, IG_MIN(IG_MAX(e, -126), 127) - 23);
}

static double error_in_ulp(const oracle *o, float x, float got)
{
    const double want = o->plain ? o->plain(x) : o->with(x, o->a, o->b);
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (isinf((float)want) || isinf(got))
        return (double)got == want || (double)(float)want == (double)got ||
                       fabs(want) > 0x1.fffffcp127
                   ? 0
                   : INFINITY;
    return IG_MAX(fabs(got - want) - o->of_x * fabs((double)x), 0) / ulp_of(want);
}

/* A comb through all bit patterns, a different one for each start, and the tricky ones. */
static void check_oracle(const oracle *o, unary_f32_fn *fn, uint32_t start, uint32_t step)
{
    enum { BLOCK = 1024 };
    static const float special[] = {0.0f,      -0.0f,      INFINITY,  -INFINITY, NAN,
                                    0x1p-149f, -0x1p-149f, 0x1p-126f, 88.7228f,  88.73f,
                                    -87.34f,   -103.97f,   -104.5f,   1,         -1,
                                    0.5f,      1.5f,       2.5f,      FLT_MAX,   -FLT_MAX};
    float x[BLOCK] = {0}, y[BLOCK];
    double worst = 0, at = 0;
    memcpy(x, special, sizeof special);
    size_t n = IG_LEN(special);
    for (uint64_t bits = start; bits < UINT64_C(1) << 32;) {
        for (; n < BLOCK && bits < UINT64_C(1) << 32; n++, bits += step)
            x[n] = ig_f32_from_bits((uint32_t)bits);
        fn(y, x, n, o->a, o->b);
        for (size_t i = 0; i < n; i++) {
            const double e = error_in_ulp(o, x[i], y[i]);
            if (e > worst) worst = e, at = (double)x[i];
        }
        n = 0;
    }
    check_true(worst <= o->ulp, "error of %.3f ulp at %.9g (%a), allowed %.3f", worst, at, at,
               o->ulp);
}

/* On x86, whose instructions keep a NaN as it is, one that comes in goes out the same on every
 * level, sign and all: but of the two that silu and gelu_tanh multiply, of different signs, the
 * compiler chooses. */
static void check_nan(const oracle *o, unary_f32_fn *fn, unary_f32_fn *ref)
{
    static const uint32_t nans[] = {0x7fc00000u, 0xffc00000u, 0x7fc12345u};
    for (size_t i = 0; i < IG_LEN(nans) && IG_X86; i++) {
        const float x = ig_f32_from_bits(nans[i]);
        float want, got;
        ref(&want, &x, 1, o->a, o->b);
        fn(&got, &x, 1, o->a, o->b);
        check_true(ig_f32_bits(want) == ig_f32_bits(got), "%x of %x, wanted %x", ig_f32_bits(got),
                   nans[i], ig_f32_bits(want));
    }
}

static void check_one(const char *family, unary_f32_fn *fn, unary_f32_fn *ref, const char *name,
                      uint32_t needs)
{
    const oracle *o = find_oracle(family);
    const uint32_t start = (uint32_t)check_pick(0, 20000);
    if (check_next(needs, name, "oracle comb from %u", start)) {
        check_true(o != NULL, "no oracle");
        if (o) check_oracle(o, fn, start, 20011);
    }
    const bool two = !strcmp(family, "silu_f32") || !strcmp(family, "gelu_tanh_f32");
    if (o && !two && check_next(needs, name, "NaN")) check_nan(o, fn, ref);
    for (size_t i = 0; o && i < 40; i++) {
        const size_t n = i < 36 ? i : check_pick(36, 5000);
        const bool in_place = check_pick(0, 1), wild = check_pick(0, 1);
        if (!check_next(needs, name, "%zu%s%s", n, in_place ? " in place" : "",
                        wild ? " wild" : ""))
            continue;
        float *x = wild ? check_f32_wild(n) : check_f32(n, -6, 6);
        float *want = check_out_f32(n), *got = check_out_f32(n);
        ref(want, x, n, o->a, o->b);
        if (in_place && n) memcpy(got, x, n * sizeof *x);
        fn(got, in_place ? got : x, n, o->a, o->b);
        check_same_f32(want, got, n);
    }
}

void check_unary(void);
void check_unary(void)
{
#define K(family, fn, needs) check_one(#family, fn, family##_ref, #fn, needs);
#include "kernels/unary/unary.kern"
#undef K
    if (check_next(IG_CPU_REF, "exp_f32_dispatch", "each family has a variant")) {
#define U(op) check_true(ig_##op##_f32() != NULL, "%s has no variant", #op);
#include "kernels/unary/unary.def"
#undef U
    }
}
