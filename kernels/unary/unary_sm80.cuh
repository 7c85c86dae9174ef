// unary_sm80.cuh - elementwise functions of one operand, any numeric dtype.
//
// Bound by memory: a thread has two vector loads of four elements in flight, 32 bytes of f32, so
// that 1024 threads of a multiprocessor keep 32 KB on their way. The function is chosen inside a
// loop that is not unrolled, elements moving through registers (element.cuh): each function is
// there once an instance. f32 at full bandwidth leaves about 50 instructions an element (4.3 TB/s
// over 132 multiprocessors of 128 lanes); the loop takes about 15.
#pragma once
#include "kernels/unary/functions.cuh"

enum { UNARY_THREADS = 256, UNARY_LOADS = 2 };

typedef struct {
    int fn, dtype;
    bool test; // gives bool
    double a, b;
    const void *low, *high;
} unary_how;

template <class T, int S> struct unary_limits {
    T low, high;
    bool has_low, has_high;
    EL_INLINE unary_limits(const unary_how &h)
    {
        has_low = h.fn == CU_UNARY_clip && h.low;
        has_high = h.fn == CU_UNARY_clip && h.high;
        low = has_low ? el_code<T, S>::of(el_load<S>(h.low, 0), h.dtype) : T(0);
        high = has_high ? el_code<T, S>::of(el_load<S>(h.high, 0), h.dtype) : T(0);
    }
};

// A limit that the value passes takes its place; NaN stays.
template <class T> EL_INLINE bool unary_less(T a, T b, bool) { return a < b; }
template <> EL_INLINE bool unary_less(uint64_t a, uint64_t b, bool is_signed)
{
    return is_signed ? (int64_t)a < (int64_t)b : a < b;
}

template <class T> EL_INLINE T unary_value(const unary_how &h, T x)
{
    return fn_real<T>(h.fn, x, (T)h.a, (T)h.b);
}
template <> EL_INLINE uint64_t unary_value(const unary_how &h, uint64_t x)
{
    return fn_int(h.fn, x, el_signed(h.dtype), h.a, h.b);
}

template <class T, int S>
EL_INLINE typename el_raw<S>::type unary_one(const unary_how &h, const unary_limits<T, S> &l,
                                             typename el_raw<S>::type r)
{
    T x = el_code<T, S>::of(r, h.dtype);
    if (h.fn == CU_UNARY_clip) {
        const bool is_signed = el_signed(h.dtype);
        if (l.has_low && unary_less(x, l.low, is_signed)) x = l.low;
        if (l.has_high && unary_less(l.high, x, is_signed)) x = l.high;
    } else {
        x = unary_value<T>(h, x);
        if (h.test) return x != T(0);
    }
    return el_code<T, S>::to(x, h.dtype);
}

template <class T, int S>
__global__ void __launch_bounds__(UNARY_THREADS)
    unary_k(const void *x, void *y, uint32_t n, const __grid_constant__ unary_how h)
{
    const unary_limits<T, S> limits(h);
    const uint32_t units = n / 4, first = blockIdx.x * UNARY_THREADS * UNARY_LOADS + threadIdx.x;
    el_pack<S> in[UNARY_LOADS] = {};
#pragma unroll
    for (int u = 0; u < UNARY_LOADS; u++) {
        const uint32_t at = first + u * UNARY_THREADS;
        if (at < units) in[u] = el_load4<S>(x, (int64_t)at * 4, 1);
    }
#pragma unroll 1
    for (uint32_t at = first, u = 0; u < UNARY_LOADS && at < units; u++, at += UNARY_THREADS) {
        el_pack<S> out = {};
        el_pack<1> tests = {};
#pragma unroll 1
        for (int k = 0; k < 4; k++) {
            const typename el_raw<S>::type r = unary_one<T, S>(h, limits, el_take<S>(in[0]));
            if (h.test)
                el_put<1>(tests, (uint32_t)r);
            else
                el_put<S>(out, r);
        }
        if (h.test)
            el_store4<1>(y, (int64_t)at * 4, tests);
        else
            el_store4<S>(y, (int64_t)at * 4, out);
        in[0] = in[1];
    }
    if (blockIdx.x == 0 && threadIdx.x < n % 4) {
        const int64_t at = (int64_t)units * 4 + threadIdx.x;
        const typename el_raw<S>::type r = unary_one<T, S>(h, limits, el_load<S>(x, at));
        if (h.test)
            el_store<1>(y, at, (uint32_t)r);
        else
            el_store<S>(y, at, r);
    }
}
