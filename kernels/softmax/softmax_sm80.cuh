// softmax_sm80.cuh - softmax and log softmax along any axis.
//
// Bound by memory: x is read once and y written once where a row fits the registers, of a warp up
// to 1024 elements, of a block of 256 threads up to 8192, of one of 512 up to 16384; all loads of a
// row are on their way together, and two blocks of 256 share a multiprocessor (128 registers a
// thread): 32 KB in flight at 4096 columns of f32. Longer rows, f64 and inner axes go over x twice:
// the first time the running maximum and the sum relative to it (Milakov & Gimelshein 2018, "Online
// normalizer calculation for softmax"), the second time the result.
#pragma once
#include "kernels/reduce/rows.cuh"
#include "kernels/softmax/softmax_cuda.h"
#include "kernels/unary/functions.cuh"

enum { SOFTMAX_THREADS = 256, SOFTMAX_PACKS = 8 };

template <int S, int LANES>
__global__ void __launch_bounds__(LANES == 32 ? SOFTMAX_THREADS : LANES, LANES == 512 ? 1 : 2)
    softmax_rows_k(const void *x, void *y, uint32_t rows, int n, int dtype, bool log)
{
    IGT_SMEM(smem);
    float *room = (float *)smem;
    const uint32_t row = blockIdx.x * (blockDim.x / LANES) + threadIdx.x / LANES;
    if (row >= rows) return;
    const int64_t from = (int64_t)row * n;
    rows_tile<S, LANES, SOFTMAX_PACKS> t(n, (int)(threadIdx.x % LANES));
    const float lowest = px_float(0xff800000u);
    t.load(x, from, dtype, lowest);
    float top = lowest, sum = 0;
    t.each([&](float &v, int) { top = rows_max(top, v); });
    top = rows_join<LANES>(top, rows_max<float>, room);
    if (log) {
        t.each([&](float &v, int) { sum += px_exp(v - top); });
    } else {
        t.each([&](float &v, int) { sum += v = px_exp(v - top); });
    }
    sum = rows_join<LANES>(
        sum, [](float a, float b) { return a + b; }, room);
    if (log) {
        const float by = px_log(sum);
        t.each([&](float &v, int) { v = v - top - by; });
    } else {
        const float by = 1 / sum;
        t.each([&](float &v, int) { v *= by; });
    }
    t.store(y, from, dtype);
}

// The sum of exp(x - max) and that maximum, of some elements.
template <class T> struct softmax_part {
    T max, sum;
    EL_INLINE void take(T x)
    {
        if (x > max) { // x - x: an infinity makes the sum a NaN, as it does in two passes
            sum = sum * fn_exp(max - x) + fn_exp(x - x);
            max = x;
        } else if (x != x || max - max == 0) {
            sum += fn_exp(x - max);
        }
    }
};

// Lines of n elements that lie `inner` apart. together: the block shares a line; else a thread has
// one, beside its neighbours'.
template <class T, int S>
__global__ void __launch_bounds__(SOFTMAX_THREADS)
    softmax_lines_k(const void *x, void *y, uint32_t lines, int n,
                    const __grid_constant__ cu_div inner, int dtype, bool log, bool together)
{
    IGT_SMEM(smem);
    T *room = (T *)smem;
    uint32_t outer = together ? blockIdx.x : cu_thread();
    if (outer >= lines) return; // the whole block, where it is together
    const uint32_t in = cu_remainder(outer, inner);
    const int first = together ? (int)threadIdx.x : 0, step = together ? SOFTMAX_THREADS : 1;
    const int64_t from = (int64_t)outer * n * inner.d + in;
    softmax_part<T> p = {(T)-INFINITY, 0};
    for (int i = first; i < n; i += step)
        p.take(el_code<T, S>::of(el_load<S>(x, from + (int64_t)i * inner.d), dtype));
    if (together) {
        const T top = rows_block(p.max, rows_max<T>, room);
        // a thread without elements above -infinity has nothing to add
        const T mine = p.sum == 0 ? 0 : p.sum * fn_exp(p.max - top);
        p.sum = rows_block(
            mine, [](T a, T b) { return a + b; }, room);
        p.max = top;
    }
    const T by = log ? fn_log(p.sum) : 0;
    for (int i = first; i < n; i += step) {
        const int64_t at = from + (int64_t)i * inner.d;
        const T v = el_code<T, S>::of(el_load<S>(x, at), dtype) - p.max;
        el_store<S>(y, at, el_code<T, S>::to(log ? v - by : fn_exp(v) / p.sum, dtype));
    }
}
