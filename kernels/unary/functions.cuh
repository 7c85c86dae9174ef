// functions.cuh - functions of one element, in float, double and 64-bit integers; what they give is
// said in runtime/ops/unary.c.
//
// T is float or double. Nothing here keeps an array or calls a function that does: sine, cosine and
// tangent are our own (trig.cuh).
#pragma once
#include "kernels/unary/trig.cuh"
#include "kernels/unary/unary_cuda.h"

#define FN_OF(name)                                             \
    EL_INLINE float fn_##name(float x) { return ::name##f(x); } \
    EL_INLINE double fn_##name(double x) { return ::name(x); }
FN_OF(fabs)
FN_OF(floor)
FN_OF(ceil)
FN_OF(rint)
FN_OF(sqrt)
FN_OF(exp)
FN_OF(expm1)
FN_OF(log)
FN_OF(log1p)
FN_OF(asin)
FN_OF(acos)
FN_OF(atan)
FN_OF(sinh)
FN_OF(cosh)
FN_OF(tanh)
FN_OF(asinh)
FN_OF(acosh)
FN_OF(atanh)
FN_OF(erf)
#undef FN_OF
EL_INLINE float fn_pow(float x, float y) { return ::powf(x, y); }
EL_INLINE double fn_pow(double x, double y) { return ::pow(x, y); }

template <class T> EL_INLINE T fn_ramp(T x, T a, T b)
{
    const T y = a * x + b;
    return y < 0 ? 0 : y > 1 ? 1 : y;
}
template <class T> EL_INLINE T fn_softplus(T x)
{
    return x != x ? x : (x > 0 ? x : 0) + fn_log1p(fn_exp(-fn_fabs(x)));
}

// x times a gate in [0, 2], 0 where that is closed. The CPU's f32 kernels take their functions to
// the limit at -infinity, its doubles follow the formula; so it is here.
template <class T> EL_INLINE T fn_gated(T x, T gate)
{
    if (sizeof(T) == 4 && gate == 0) return x < 0 ? (T)-0.0 : x > 0 ? (T)0 : x;
    return x * gate;
}

template <class T> EL_INLINE T fn_real(int fn, T x, T a, T b)
{
    switch (fn) {
    case CU_UNARY_abs:
        return fn_fabs(x);
    case CU_UNARY_neg:
        return -x;
    case CU_UNARY_sign:
        return x != x ? x : (T)((x > 0) - (x < 0));
    case CU_UNARY_floor:
        return fn_floor(x);
    case CU_UNARY_ceil:
        return fn_ceil(x);
    case CU_UNARY_round:
        return fn_rint(x);
    case CU_UNARY_sqrt:
        return fn_sqrt(x);
    case CU_UNARY_reciprocal:
        return 1 / x;
    case CU_UNARY_exp:
        return fn_exp(x);
    case CU_UNARY_log:
        return fn_log(x);
    case CU_UNARY_sin:
    case CU_UNARY_cos:
    case CU_UNARY_tan:
        return (T)trig_apply(fn - CU_UNARY_sin, (double)x);
    case CU_UNARY_asin:
        return fn_asin(x);
    case CU_UNARY_acos:
        return fn_acos(x);
    case CU_UNARY_atan:
        return fn_atan(x);
    case CU_UNARY_sinh:
        return fn_sinh(x);
    case CU_UNARY_cosh:
        return fn_cosh(x);
    case CU_UNARY_tanh:
        return fn_tanh(x);
    case CU_UNARY_asinh:
        return fn_asinh(x);
    case CU_UNARY_acosh:
        return fn_acosh(x);
    case CU_UNARY_atanh:
        return fn_atanh(x);
    case CU_UNARY_erf:
        return fn_erf(x);
    case CU_UNARY_relu:
        return x < 0 ? 0 : x;
    case CU_UNARY_sigmoid:
        return 1 / (1 + fn_exp(-x));
    case CU_UNARY_softplus:
        return fn_softplus(x);
    case CU_UNARY_softsign:
        return sizeof(T) == 4 && fn_fabs(x) > (T)1e30 ? (x < 0 ? -1 : 1) : x / (1 + fn_fabs(x));
    case CU_UNARY_elu:
        return x < 0 ? a * fn_expm1(x) : x;
    case CU_UNARY_selu:
        return b * (x < 0 ? a * fn_expm1(x) : x);
    case CU_UNARY_celu:
        return x < 0 ? a * fn_expm1(x / a) : x;
    case CU_UNARY_leaky_relu:
        return x < 0 ? a * x : x;
    case CU_UNARY_thresholded_relu:
        return x > a || (sizeof(T) == 4 && x != x) ? x : 0;
    case CU_UNARY_hard_sigmoid:
        return fn_ramp(x, a, b);
    case CU_UNARY_hard_swish:
        return x * fn_ramp(x, a, b);
    case CU_UNARY_shrink:
        return x < -a ? x + b : x > a ? x - b : 0;
    case CU_UNARY_gelu:
        return fn_gated((T)0.5 * x, 1 + fn_erf(x * (T)0.70710678118654752440));
    case CU_UNARY_gelu_tanh:
        return fn_gated((T)0.5 * x,
                        1 + fn_tanh((T)0.79788456080286535588 * (x + (T)0.044715 * x * x * x)));
    case CU_UNARY_mish:
        return fn_gated(x, fn_tanh(fn_softplus(x)));
    case CU_UNARY_swish:
        return sizeof(T) == 4 && x < 0 && a > 0 ? fn_gated(x, 1 / (1 + fn_exp(-a * x)))
                                                : x / (1 + fn_exp(-a * x));
    case CU_UNARY_isnan:
        return x != x;
    case CU_UNARY_isinf:
        return (a != 0 && x < 0 && x - x != x - x && x == x) ||
               (b != 0 && x > 0 && x - x != x - x && x == x);
    }
    return x;
}

// x + by: exact when `by` is whole, else cut to an integer like a float that is stored as one.
EL_INLINE uint64_t fn_shrunk(uint64_t x, double by)
{
    if (by == (double)(int32_t)by) return x + (uint64_t)(int64_t)by;
    return (uint64_t)(int64_t)((double)(int64_t)x + by);
}

EL_INLINE uint64_t fn_int(int fn, uint64_t x, bool is_signed, double a, double b)
{
    const bool negative = is_signed && (int64_t)x < 0;
    switch (fn) {
    case CU_UNARY_abs:
        return negative ? 0 - x : x;
    case CU_UNARY_neg:
        return 0 - x;
    case CU_UNARY_sign:
        return negative ? ~(uint64_t)0 : x != 0;
    case CU_UNARY_relu:
        return negative ? 0 : x;
    case CU_UNARY_bitwise_not:
        return ~x;
    case CU_UNARY_not:
        return !x;
    case CU_UNARY_shrink: {
        const double v = is_signed ? (double)(int64_t)x : (double)x;
        return v < -a ? fn_shrunk(x, b) : v > a ? fn_shrunk(x, -b) : 0;
    }
    }
    return x;
}
