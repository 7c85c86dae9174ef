// binary_sm80.cuh - elementwise functions of two and three broadcast operands, any numeric dtype.
//
// Bound by memory, as unary_sm80.cuh: each thread has two packs of four neighbours of every operand
// in flight. A pack is one vector load where the operand's innermost step is 1 and its other steps
// are multiples of four, and one element where the step is 0; shapes that are not so go element by
// element in the second loop, and so do the last elements of flat ones.
#pragma once
#include "kernels/binary/binary_cuda.h"
#include "kernels/convert/element.cuh"

enum { BINARY_THREADS = 256, BINARY_LOADS = 2 };

// ---- functions ----
template <class T> EL_INLINE T bin_floor_mod(T a, T b)
{
    const T m = fmod(a, b);
    if (m == 0) return copysign((T)0, b);
    return (b < 0) != (m < 0) ? m + b : m;
}
EL_INLINE float bin_pow(float a, float b)
{
    return b == 2 ? a * a : b == 3 ? a * a * a : powf(a, b);
}
EL_INLINE double bin_pow(double a, double b)
{
    return b == 2 ? a * a : b == 3 ? a * a * a : pow(a, b);
}

template <class T> EL_INLINE T bin_value(int fn, T a, T b, bool, int)
{
    switch (fn) {
    case CU_BINARY_add:
        return a + b;
    case CU_BINARY_sub:
        return a - b;
    case CU_BINARY_mul:
        return a * b;
    case CU_BINARY_div:
        return a / b;
    case CU_BINARY_pow:
        return bin_pow(a, b);
    case CU_BINARY_max:
        return a > b || a != a ? a : b;
    case CU_BINARY_min:
        return a < b || a != a ? a : b;
    case CU_BINARY_mod:
        return bin_floor_mod(a, b);
    case CU_BINARY_fmod:
        return fmod(a, b);
    case CU_BINARY_prelu:
        return a < 0 ? a * b : a;
    }
    return a;
}

// a^b modulo 2^64; a negative power is the truncated fraction.
EL_INLINE uint64_t bin_int_pow(uint64_t a, uint64_t b)
{
    if ((int64_t)b < 0) return a == 1 ? 1 : a == ~(uint64_t)0 ? (b & 1 ? ~(uint64_t)0 : 1) : 0;
    uint64_t y = 1;
    for (; b; b >>= 1, a *= a)
        if (b & 1) y *= a;
    return y;
}

// Quotient and remainder of magnitudes with their signs put back; by 0: both 0.
EL_INLINE uint64_t bin_quotient(uint64_t a, uint64_t b, bool is_signed, uint64_t &rem)
{
    const bool minus_a = is_signed && (int64_t)a < 0, minus_b = is_signed && (int64_t)b < 0;
    const uint64_t x = minus_a ? 0 - a : a, y = minus_b ? 0 - b : b;
    const uint64_t q = y ? x / y : 0, r = y ? x - q * y : 0;
    rem = minus_a ? 0 - r : r;
    return minus_a != minus_b ? 0 - q : q;
}

template <> EL_INLINE uint64_t bin_value(int fn, uint64_t a, uint64_t b, bool is_signed, int bits)
{
    const bool less = is_signed ? (int64_t)a < (int64_t)b : a < b;
    const bool minus_a = is_signed && (int64_t)a < 0, minus_b = is_signed && (int64_t)b < 0;
    uint64_t rem, q;
    switch (fn) {
    case CU_BINARY_add:
        return a + b;
    case CU_BINARY_sub:
        return a - b;
    case CU_BINARY_mul:
        return a * b;
    case CU_BINARY_div:
    case CU_BINARY_mod:
    case CU_BINARY_fmod:
        q = bin_quotient(a, b, is_signed, rem);
        if (fn == CU_BINARY_div) return q;
        return fn == CU_BINARY_mod && rem && minus_a != minus_b ? rem + b : rem;
    case CU_BINARY_pow:
        return bin_int_pow(a, b);
    case CU_BINARY_max:
        return less ? b : a;
    case CU_BINARY_min:
        return less ? a : b;
    case CU_BINARY_prelu:
        return minus_a ? a * b : a;
    case CU_BINARY_bitwise_and:
        return a & b;
    case CU_BINARY_bitwise_or:
        return a | b;
    case CU_BINARY_bitwise_xor:
        return a ^ b;
    case CU_BINARY_shift_left:
        return minus_b || b >= (uint64_t)bits ? 0 : a << b;
    case CU_BINARY_shift_right:
        if (minus_b || b >= (uint64_t)bits) return minus_a ? ~(uint64_t)0 : 0;
        return is_signed ? (uint64_t)((int64_t)a >> b) : a >> b;
    case CU_BINARY_and:
        return a && b;
    case CU_BINARY_or:
        return a || b;
    case CU_BINARY_xor:
        return !a != !b;
    }
    return a;
}

template <class T> EL_INLINE bool bin_test(int fn, T a, T b, bool)
{
    switch (fn) {
    case CU_BINARY_equal:
        return a == b;
    case CU_BINARY_less:
        return a < b;
    case CU_BINARY_less_or_equal:
        return a <= b;
    case CU_BINARY_greater:
        return a > b;
    default:
        return a >= b;
    }
}
template <> EL_INLINE bool bin_test(int fn, uint64_t a, uint64_t b, bool is_signed)
{
    const uint64_t flip = is_signed ? (uint64_t)1 << 63 : 0; // signed values in unsigned order
    const uint64_t x = a ^ flip, y = b ^ flip;
    switch (fn) {
    case CU_BINARY_equal:
        return x == y;
    case CU_BINARY_less:
        return x < y;
    case CU_BINARY_less_or_equal:
        return x <= y;
    case CU_BINARY_greater:
        return x > y;
    default:
        return x >= y;
    }
}

// ---- what is done with an element of each operand ----
template <class T, int S> struct bin_op {
    enum { N = 2, A = S, B = S, C = 1, Y = S };
    int fn, dtype, bits;
    bool test;
    EL_INLINE typename el_raw<S>::type of(typename el_raw<S>::type a, typename el_raw<S>::type b,
                                          uint32_t) const
    {
        const T x = el_code<T, S>::of(a, dtype), y = el_code<T, S>::of(b, dtype);
        const bool is_signed = el_signed(dtype);
        if (test) return bin_test<T>(fn, x, y, is_signed);
        return el_code<T, S>::to(bin_value<T>(fn, x, y, is_signed, bits), dtype);
    }
};

template <int S> struct where_op { // operands: a, b, condition
    enum { N = 3, A = S, B = S, C = 1, Y = S };
    bool test;
    EL_INLINE typename el_raw<S>::type of(typename el_raw<S>::type a, typename el_raw<S>::type b,
                                          uint32_t condition) const
    {
        return condition ? a : b;
    }
};

template <class T, int S> struct scale_shift_op { // operands: scale, shift, x
    enum { N = 3, A = sizeof(T), B = sizeof(T), C = S, Y = S };
    int dtype;
    bool test;
    EL_INLINE typename el_raw<S>::type of(typename el_raw<A>::type a, typename el_raw<B>::type b,
                                          typename el_raw<S>::type x) const
    {
        const T scale = el_code<T, A>::of(a, INGOT_F32), shift = el_code<T, B>::of(b, INGOT_F32);
        return el_code<T, S>::to(el_code<T, S>::of(x, dtype) * scale + shift, dtype);
    }
};

struct i8_op {
    enum { N = 2, A = 1, B = 1, C = 1, Y = 1 };
    int fn, a_zero, b_zero, y_zero;
    bool a_signed, b_signed, test;
    float a_scale, b_scale, y_scale, low, high;
    EL_INLINE float widened(uint32_t r, bool is_signed, int zero, float scale) const
    {
        const int v = is_signed ? (int)(int8_t)r : (int)r;
        return el_mul((float)(v - zero), scale);
    }
    EL_INLINE uint32_t of(uint32_t a, uint32_t b, uint32_t) const
    {
        const float x = widened(a, a_signed, a_zero, a_scale);
        const float y = widened(b, b_signed, b_zero, b_scale);
        const float v = fn == 0 ? el_add(x, y) : fn == 1 ? el_add(x, -y) : el_mul(x, y);
        const float r = rintf(v / y_scale), above = r > low ? r : low; // NaN: low
        return (uint32_t)((int)(above < high ? above : high) + y_zero) & 0xffu;
    }
};

// ---- the walk ----
template <class Op>
__global__ void __launch_bounds__(BINARY_THREADS)
    walk_k(const void *a, const void *b, const void *c, void *y, uint32_t units,
           const __grid_constant__ cu_walk w, const __grid_constant__ Op op)
{
    const uint32_t first = blockIdx.x * BINARY_THREADS * BINARY_LOADS + threadIdx.x;
    el_pack<Op::A> pa[BINARY_LOADS] = {};
    el_pack<Op::B> pb[BINARY_LOADS] = {};
    el_pack<Op::C> pc[BINARY_LOADS] = {};
#pragma unroll
    for (int u = 0; u < BINARY_LOADS; u++) {
        const uint32_t unit = first + u * BINARY_THREADS;
        int64_t at[Op::N];
        if (unit >= units) continue;
        cu_offsets(at, w, unit * 4);
        pa[u] = el_load4<Op::A>(a, at[0], w.stride[0][0]);
        pb[u] = el_load4<Op::B>(b, at[1], w.stride[1][0]);
        if constexpr (Op::N > 2) pc[u] = el_load4<Op::C>(c, at[2], w.stride[2][0]);
    }
#pragma unroll 1
    for (uint32_t unit = first, u = 0; u < BINARY_LOADS && unit < units;
         u++, unit += BINARY_THREADS) {
        el_pack<Op::Y> out = {};
        el_pack<1> tests = {};
#pragma unroll 1
        for (int k = 0; k < 4; k++) {
            const typename el_raw<Op::Y>::type r =
                op.of(el_take<Op::A>(pa[0]), el_take<Op::B>(pb[0]), el_take<Op::C>(pc[0]));
            if (op.test)
                el_put<1>(tests, (uint32_t)r);
            else
                el_put<Op::Y>(out, r);
        }
        if (op.test)
            el_store4<1>(y, (int64_t)unit * 4, tests);
        else
            el_store4<Op::Y>(y, (int64_t)unit * 4, out);
        pa[0] = pa[1], pb[0] = pb[1], pc[0] = pc[1];
    }
    for (uint32_t i = units * 4 + cu_thread(); i < w.total; i += cu_threads()) {
        int64_t at[Op::N];
        cu_offsets(at, w, i);
        typename el_raw<Op::C>::type third = 0;
        if constexpr (Op::N > 2) third = el_load<Op::C>(c, at[2]);
        const typename el_raw<Op::Y>::type r =
            op.of(el_load<Op::A>(a, at[0]), el_load<Op::B>(b, at[1]), third);
        if (op.test)
            el_store<1>(y, i, (uint32_t)r);
        else
            el_store<Op::Y>(y, i, r);
    }
}
