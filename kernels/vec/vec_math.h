/* vec_math.h - exp, log, tanh, erf and their kin over sixteen lanes, in one fixed order of
 * operations for every ISA. Include after a vec_<isa>.h.
 *
 * Minimax coefficients are our own, from Sollya's fpminimax with coefficients rounded to float. The
 * errors in ulp are the largest over all floats of the range, measured against libm's double
 * functions by tests/kernels/check_unary.c. NaN gives NaN; infinities give the limits. */
#ifndef IG_VEC_MATH_H
#define IG_VEC_MATH_H

/* exp_part - q(r) of exp(r) = 1 + r + r^2 q(r) for |r| <= ln(2) / 2; relative error 2^-28. */
VEC_INLINE vf exp_part(vf r)
{
    vf q = vf_set(0x1.6a5a4p-10f);
    q = vf_fma(q, r, vf_set(0x1.123aeap-7f));
    q = vf_fma(q, r, vf_set(0x1.5558a6p-5f));
    q = vf_fma(q, r, vf_set(0x1.55549p-3f));
    return vf_fma(q, r, vf_set(0x1.fffffcp-2f));
}

/* exp_reduce - r and the integral n of x = n ln(2) + r. ln(2) is split so that n * high is exact.
 */
VEC_INLINE vf exp_reduce(vf x, vf *n)
{
    const vf to_integer = vf_set(0x1.8p23f);
    *n = vf_sub(vf_fma(x, vf_set(0x1.715476p0f), to_integer), to_integer);
    const vf r = vf_fnma(vf_set(0x1.62e4p-1f), *n, x);
    return vf_fnma(vf_set(0x1.7f7d1cp-20f), *n, r);
}

/* vf_exp - subnormal results included. */
VEC_INLINE vf vf_exp(vf x)
{
    x = vf_max(vf_set(-104.0f), vf_min(vf_set(89.0f), x)); /* beyond: 0 and infinity all the same */
    vf n;
    const vf r = exp_reduce(x, &n);
    const vf p = vf_fma(vf_fma(exp_part(r), r, vf_set(1.0f)), r, vf_set(1.0f));
    return vf_scale(p, n);
}

/* vf_expm1 - exp(x) - 1 without cancellation, for x <= 88. */
VEC_INLINE vf vf_expm1(vf x)
{
    x = vf_max(vf_set(-18.0f), x);
    vf n;
    const vf r = exp_reduce(x, &n);
    const vf p = vf_fma(vf_mul(r, r), exp_part(r), r); /* exp(r) - 1 */
    const vf power = vf_scale(vf_set(1.0f), n);
    return vf_fma(power, p, vf_sub(power, vf_set(1.0f)));
}

/* log_part - log(1 + f) for f within sqrt(1/2) - 1 .. sqrt(2) - 1, relative error 2^-27. */
VEC_INLINE vf log_part(vf f)
{
    vf p = vf_set(-0x1.2a6f78p-4f);
    p = vf_fma(p, f, vf_set(0x1.015974p-3f));
    p = vf_fma(p, f, vf_set(-0x1.0e96ccp-3f));
    p = vf_fma(p, f, vf_set(0x1.239ce2p-3f));
    p = vf_fma(p, f, vf_set(-0x1.5466fep-3f));
    p = vf_fma(p, f, vf_set(0x1.99944ep-3f));
    p = vf_fma(p, f, vf_set(-0x1.000234p-2f));
    p = vf_fma(p, f, vf_set(0x1.55557p-2f));
    p = vf_fma(p, f, vf_set(-0.5f));
    return vf_fma(vf_mul(f, f), p, f);
}

VEC_INLINE vf vf_log(vf x)
{
    const vm tiny = vf_lt(x, vf_set(0x1p-126f));
    const vf normal = vf_pick(tiny, vf_mul(x, vf_set(0x1p24f)), x);
    vf e;
    const vf m = vf_split(normal, &e);
    e = vf_sub(e, vf_pick(tiny, vf_set(24.0f), vf_set(0.0f)));
    const vf part = vf_fma(e, vf_set(0x1.7f7d1cp-20f), log_part(vf_sub(m, vf_set(1.0f))));
    vf y = vf_fma(e, vf_set(0x1.62e4p-1f), part);
    y = vf_pick(vf_lt(x, vf_set(__builtin_inff())), y, x); /* infinity and NaN as they are */
    y = vf_pick(vf_eq(x, vf_set(0.0f)), vf_set(-__builtin_inff()), y);
    return vf_pick(vf_lt(x, vf_set(0.0f)), vf_set(__builtin_nanf("")), y);
}

/* vf_log1p_unit - log(1 + x) for 0 <= x <= 1: 1 + x is halved, exactly, where it is over sqrt(2).
 */
VEC_INLINE vf vf_log1p_unit(vf x)
{
    const vm halve = vf_lt(vf_set(0x1.a8279ap-2f), x);
    const vf f = vf_pick(halve, vf_fma(x, vf_set(0.5f), vf_set(-0.5f)), x);
    return vf_add(log_part(f), vf_pick(halve, vf_set(0x1.62e43p-1f), vf_set(0.0f)));
}

/* vf_tanh - u / (u + 2) of u = exp(2|x|) - 1. */
VEC_INLINE vf vf_tanh(vf x)
{
    const vf size = vf_min(vf_set(10.0f), vf_abs(x)); /* tanh(9.02) rounds to 1 */
    const vf u = vf_expm1(vf_add(size, size));
    return vf_copysign(vf_div(u, vf_add(u, vf_set(2.0f))), x);
}

/* vf_sigmoid - 1 / (1 + exp(-x)), through exp(-|x|), so that the low end keeps its precision. */
VEC_INLINE vf vf_sigmoid(vf x)
{
    const vf one = vf_set(1.0f), e = vf_exp(vf_neg(vf_abs(x)));
    return vf_div(vf_pick(vf_lt(x, vf_set(0.0f)), e, one), vf_add(one, e));
}

/* vf_erf - x + x p(x^2) up to 0.92, from there 1 - exp(-q(|x|)), q = -log(erfc). */
VEC_INLINE vf vf_erf(vf x)
{
    const vf size = vf_min(vf_set(4.0f), vf_abs(x)), s = vf_mul(size, size);
    vf p = vf_set(0x1.3c0ad8p-14f);
    p = vf_fma(p, s, vf_set(-0x1.a11cecp-11f));
    p = vf_fma(p, s, vf_set(0x1.53dbdcp-8f));
    p = vf_fma(p, s, vf_set(-0x1.b7f994p-6f));
    p = vf_fma(p, s, vf_set(0x1.ce2d3cp-4f));
    p = vf_fma(p, s, vf_set(-0x1.81274p-2f));
    p = vf_fma(p, s, vf_set(0x1.06eba8p-3f));
    p = vf_fma(p, size, size);

    vf q = vf_set(-0x1.ae39b6p-20f);
    q = vf_fma(q, size, vf_set(0x1.7c8044p-15f));
    q = vf_fma(q, size, vf_set(-0x1.35ba0cp-11f));
    q = vf_fma(q, size, vf_set(0x1.36046ep-8f));
    q = vf_fma(q, size, vf_set(-0x1.af7dep-6f));
    q = vf_fma(q, size, vf_set(0x1.c24222p-4f));
    q = vf_fma(q, size, vf_set(0x1.4394b8p-1f));
    q = vf_fma(q, size, vf_set(0x1.21505ap0f));
    q = vf_fma(q, size, vf_set(-0x1.34cb9ap-12f));
    vf n;
    const vf r = exp_reduce(vf_neg(q), &n);
    const vf e = vf_fma(vf_fma(exp_part(r), r, vf_set(1.0f)), r, vf_set(1.0f));
    const vf far = vf_sub(vf_set(1.0f), vf_scale(e, n));
    return vf_copysign(vf_pick(vf_lt(size, vf_set(0.921875f)), p, far), x);
}

#endif
