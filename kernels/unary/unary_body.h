/* unary_body.h - the functions of unary.def over the sixteen-lane vector of the including file. */
#include "kernels/gemm/epilogue.h"
#include "kernels/unary/unary.h"
#include "kernels/vec/vec_math.h"

typedef vf lane_fn(vf x, vf a, vf b);

VEC_INLINE void map(float *y, const float *x, size_t n, float a, float b, lane_fn *f)
{
    const vf va = vf_set(a), vb = vf_set(b);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) vf_store(y + i, f(vf_load(x + i), va, vb));
    if (i < n) vf_store_n(y + i, f(vf_load_n(x + i, n - i, vf_set(1.0f)), va, vb), n - i);
}

/* A function's expression in x, a and b, and the kernel that maps it. */
#define UNARY(op, expression)                                                   \
    VEC_INLINE vf op##_lanes(vf x, vf a, vf b)                                  \
    {                                                                           \
        (void)a, (void)b;                                                       \
        return expression;                                                      \
    }                                                                           \
    void IG_ISA(op##_f32)(float *y, const float *x, size_t n, float a, float b) \
    {                                                                           \
        map(y, x, n, a, b, op##_lanes);                                         \
    }

VEC_INLINE vf zero(void) { return vf_set(0.0f); }
VEC_INLINE vf one(void) { return vf_set(1.0f); }

/* finite_below - minus infinity becomes the lowest float, so that times 0 gives 0, the limit. */
VEC_INLINE vf finite_below(vf x) { return vf_max(vf_set(-0x1.fffffep127f), x); }

/* expm1_below - exp(x) - 1 where x < 0, of 0 elsewhere, so that nothing overflows. */
VEC_INLINE vf expm1_below(vf x) { return vf_expm1(vf_min(zero(), x)); }
VEC_INLINE vf below_zero(vf x, vf yes, vf no) { return vf_pick(vf_lt(x, zero()), yes, no); }
VEC_INLINE vf unit_clip(vf x) { return vf_min(one(), vf_max(zero(), x)); }

/* gelu_by_erf - max(x, 0) - |x| E, where E = erfc(|x| / sqrt(2)) / 2 = 2^w. One polynomial gives w:
 * E errs by 8e-9 at most for |x| <= 5.5, from where it is below 2^-25 and may fall faster than the
 * truth; one more gives 2^r of w's fraction, within 2^-28. Both are minimax by iterated weights,
 * their coefficients rounded to float one after the other. Nothing cancels. */
VEC_INLINE vf gelu_by_erf(vf x)
{
    const vf size = vf_min(vf_abs(x), vf_set(10.5f)); /* E is 0 there, and a NaN's: it stays x */
    vf w = vf_set(-0x1.7d7ef4p-19f);
    w = vf_fma(w, size, vf_set(0x1.4b0e82p-15f));
    w = vf_fma(w, size, vf_set(-0x1.874f1ep-13f));
    w = vf_fma(w, size, vf_set(-0x1.1d18ap-13f));
    w = vf_fma(w, size, vf_set(0x1.ced28p-8f));
    w = vf_fma(w, size, vf_set(-0x1.ae0a82p-5f));
    w = vf_fma(w, size, vf_set(-0x1.d63ac2p-2f));
    w = vf_fma(w, size, vf_set(-0x1.26aed4p+0f));
    w = vf_fma(w, size, vf_set(-1.0f));
    const vf to_integer = vf_set(0x1.8p23f), n = vf_sub(vf_add(w, to_integer), to_integer);
    const vf r = vf_sub(w, n);
    vf p = vf_set(0x1.4174b6p-13f);
    p = vf_fma(p, r, vf_set(0x1.5f096ep-10f));
    p = vf_fma(p, r, vf_set(0x1.3b2dd8p-7f));
    p = vf_fma(p, r, vf_set(0x1.c6af7ap-5f));
    p = vf_fma(p, r, vf_set(0x1.ebfbdcp-3f));
    p = vf_fma(p, r, vf_set(0x1.62e43p-1f));
    p = vf_fma(p, r, vf_set(1.0f));
    return vf_fnma(size, vf_scale(p, n), vf_max(zero(), x));
}

/* (1 + tanh(u)) / 2 is sigmoid(2u), which keeps its precision where tanh goes to -1. */
VEC_INLINE vf gelu_by_tanh(vf x)
{
    x = finite_below(x);
    const vf cubic = vf_fma(vf_mul(x, x), vf_mul(x, vf_set(0.044715f)), x);
    return vf_mul(x, vf_sigmoid(vf_mul(cubic, vf_set(0x1.988454p0f))));
}

/* tanh(log(1 + e)) = u / (u + 2) with u = e (e + 2); 1 from x = 20 on. */
VEC_INLINE vf mish(vf x)
{
    x = finite_below(x);
    const vf e = vf_exp(vf_min(vf_set(20.0f), x));
    const vf u = vf_mul(e, vf_add(e, vf_set(2.0f)));
    return vf_mul(x, vf_div(u, vf_add(u, vf_set(2.0f))));
}

VEC_INLINE vf swish(vf x, vf a)
{
    x = finite_below(x);
    return vf_mul(x, vf_sigmoid(vf_mul(a, x)));
}

VEC_INLINE vf softplus(vf x)
{
    return vf_add(vf_max(zero(), x), vf_log1p_unit(vf_exp(vf_neg(vf_abs(x)))));
}

VEC_INLINE vf softsign(vf x)
{
    const vf size = vf_min(vf_set(0x1.fffffep127f), vf_abs(x)); /* infinity has the limit 1 */
    return vf_copysign(vf_div(size, vf_add(one(), size)), x);
}

/* t / 6 with 1/6 in two pieces: its bias in fp32 would add up over the layers of a deep net. */
VEC_INLINE vf sixth(vf t) { return vf_fma(t, vf_set(IG_SIXTH), vf_mul(t, vf_set(IG_SIXTH_REST))); }

VEC_INLINE vf sign_of(vf x)
{
    const vf unit = vf_copysign(one(), x);
    return vf_pick(vf_lt(zero(), vf_abs(x)), unit, x); /* zero and NaN as they are */
}

UNARY(abs, vf_abs(x))
UNARY(affine, vf_fma(x, a, b))
UNARY(ceil, vf_ceil(x))
UNARY(celu, below_zero(x, vf_mul(a, expm1_below(vf_div(x, a))), x))
UNARY(clip, vf_min(b, vf_max(a, x)))
UNARY(elu, below_zero(x, vf_mul(a, expm1_below(x)), x))
UNARY(erf, vf_erf(x))
UNARY(exp, vf_exp(x))
UNARY(floor, vf_floor(x))
UNARY(gelu_erf, gelu_by_erf(x))
UNARY(gelu_tanh, gelu_by_tanh(x))
UNARY(hard_sigmoid, unit_clip(vf_fma(x, a, b)))
UNARY(hard_swish,
      vf_mul(finite_below(x), sixth(vf_min(vf_set(6), vf_max(zero(), vf_add(x, vf_set(3)))))))
UNARY(leaky_relu, below_zero(x, vf_mul(a, x), x))
UNARY(log, vf_log(x))
UNARY(mish, mish(x))
UNARY(neg, vf_neg(x))
UNARY(reciprocal, vf_div(one(), x))
UNARY(relu, vf_max(zero(), x))
UNARY(round, vf_rint(x))
UNARY(rsqrt, vf_div(one(), vf_sqrt(x)))
UNARY(selu, below_zero(x, vf_mul(vf_mul(b, a), expm1_below(x)), vf_mul(b, x)))
UNARY(sigmoid, vf_sigmoid(x))
UNARY(sign, sign_of(x))
UNARY(silu, swish(x, a))
UNARY(softplus, softplus(x))
UNARY(softsign, softsign(x))
UNARY(sqrt, vf_sqrt(x))
UNARY(square, vf_mul(x, x))
UNARY(tanh, vf_tanh(x))
UNARY(thresholded_relu, vf_pick(vf_lt(x, a), zero(), vf_pick(vf_eq(x, a), zero(), x)))
