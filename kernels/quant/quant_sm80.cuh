// quant_sm80.cuh - to and from small integers and floats of a byte, with the very bits of the CPU's
// ops: division and rounding are IEEE's, and nothing is contracted.
//
// Bound by memory: packs of four, two in flight a thread; scales are read through the caches. f32
// is divided in f32; other precisions are computed in f64, where the quotient of two narrower
// numbers rounds to them as if at once.
#pragma once
#include "kernels/quant/quant_cuda.h"
#include "kernels/reduce/rows.cuh"

enum { QUANT_THREADS = 256, QUANT_LOADS = 2 };

typedef struct {
    cu_div n, inner, block;
    uint32_t blocks;
    bool whole, blocked;
} quant_grid;

EL_INLINE uint32_t quant_at(const quant_grid &g, uint32_t i)
{
    if (g.whole) return 0;
    const uint32_t in = cu_remainder(i, g.inner);
    const uint32_t at = cu_remainder(i, g.n);
    return g.blocked ? (i * g.blocks + cu_divide(at, g.block)) * g.inner.d + in : at;
}

typedef struct {
    const void *scale, *zero;
    quant_grid grid;
    int x_dtype, scale_dtype, y_dtype, precision, scale_bytes;
    double low, high;      // of integers
    bool saturate, single; // single: f32 throughout
} quant_how;

EL_INLINE double quant_rounded(double v, int precision)
{
    if (precision == INGOT_F64) return v;
    const float f = (float)v;
    if (precision == INGOT_F32) return (double)f;
    return (double)el_code<float, 2>::of(el_code<float, 2>::to(f, precision), precision);
}

template <int S> EL_INLINE double quant_wide(typename el_raw<S>::type r, int dtype)
{
    if constexpr (S == 8) return el_f64(r);
    if (S == 4 && dtype == INGOT_I32) return (double)(int32_t)r;
    if constexpr (S < 8) return (double)el_code<float, S>::of(r, dtype);
}

template <int S, int D>
EL_INLINE uint32_t quantize_one(const quant_how &h, typename el_raw<S>::type r, uint32_t i)
{
    const uint32_t at = quant_at(h.grid, i);
    const bool real = el_kind_of(h.y_dtype) == EL_F32;
    double q;
    if (h.single) {
        const float scale =
            el_float_of(el_load_any(h.scale, h.scale_bytes, at), h.scale_bytes, h.scale_dtype);
        float x = 0;
        if constexpr (S < 8) x = el_code<float, S>::of(r, h.x_dtype);
        q = (double)(x / scale);
    } else {
        const double x = quant_rounded(quant_wide<S>(r, h.x_dtype), h.precision);
        const double by = el_double_at(h.scale, h.scale_bytes, h.scale_dtype, at);
        q = quant_rounded(x / quant_rounded(by, h.precision), h.precision);
    }
    if (real) {
        if (h.y_dtype == INGOT_F4E2M1 && h.zero) q += el_double_at(h.zero, D, h.y_dtype, at);
        return el_to_f8((float)q, h.y_dtype, h.saturate, EL_ROUND_UP);
    }
    const double zero = h.zero ? el_double_at(h.zero, D, h.y_dtype, at) : 0;
    const double v = rint(q) + zero;
    const double in = v > h.low ? (v < h.high ? v : h.high) : h.low; // NaN: low
    return (uint32_t)el_code<uint64_t, D>::to((uint64_t)(int64_t)in, h.y_dtype);
}

template <int S, int D>
EL_INLINE uint32_t dequantize_one(const quant_how &h, typename el_raw<S>::type r, uint32_t i)
{
    const uint32_t at = quant_at(h.grid, i);
    const float scale =
        el_float_of(el_load_any(h.scale, h.scale_bytes, at), h.scale_bytes, h.scale_dtype);
    float x = 0;
    if (el_kind_of(h.x_dtype) == EL_F32) {
        if constexpr (S < 8) x = el_code<float, S>::of(r, h.x_dtype);
        if (h.zero) x = el_add(x, -el_float_of(el_load_any(h.zero, S, at), S, h.x_dtype));
    } else {
        int64_t v = (int64_t)el_code<uint64_t, S>::of(r, h.x_dtype);
        if (h.zero) v -= (int64_t)el_int_of(el_load_any(h.zero, S, at), S, h.x_dtype);
        x = (float)v;
    }
    return (uint32_t)el_code<float, D>::to(el_mul(x, scale), h.y_dtype);
}

template <int S, int D, bool BACK>
__global__ void __launch_bounds__(QUANT_THREADS)
    quant_k(const void *x, void *y, uint32_t n, const __grid_constant__ quant_how h)
{
    const uint32_t units = n / 4, first = blockIdx.x * QUANT_THREADS * QUANT_LOADS + threadIdx.x;
    const auto one = [&](typename el_raw<S>::type r, uint32_t i) {
        if constexpr (BACK)
            return dequantize_one<S, D>(h, r, i);
        else
            return quantize_one<S, D>(h, r, i);
    };
    el_pack<S> in[QUANT_LOADS] = {};
#pragma unroll
    for (int u = 0; u < QUANT_LOADS; u++) {
        const uint32_t at = first + u * QUANT_THREADS;
        if (at < units) in[u] = el_load4<S>(x, (int64_t)at * 4, 1);
    }
#pragma unroll 1
    for (uint32_t at = first, u = 0; u < QUANT_LOADS && at < units; u++, at += QUANT_THREADS) {
        el_pack<D> out = {};
#pragma unroll 1
        for (uint32_t k = 0; k < 4; k++) el_put<D>(out, one(el_take<S>(in[0]), at * 4 + k));
        el_store4<D>(y, (int64_t)at * 4, out);
        in[0] = in[1];
    }
    if (blockIdx.x == 0 && threadIdx.x < n % 4) {
        const uint32_t at = units * 4 + threadIdx.x;
        el_store<D>(y, at, one(el_load<S>(x, at), at));
    }
}

// ---- dynamic: the range, then the bytes ----
EL_INLINE float quant_low(float a, float b) { return a < b ? a : b; } // NaN in a: b
EL_INLINE float quant_high(float a, float b) { return a > b ? a : b; }

__global__ void __launch_bounds__(QUANT_THREADS) range_k(const float *x, float *part, uint32_t n)
{
    IGT_SMEM(smem);
    float low = 0, high = 0;
    const uint32_t packs = n / 4;
    for (uint32_t i = cu_thread(); i < packs; i += cu_threads()) {
        const float4 v = ((const float4 *)x)[i];
        low = quant_low(v.x, quant_low(v.y, quant_low(v.z, quant_low(v.w, low))));
        high = quant_high(v.x, quant_high(v.y, quant_high(v.z, quant_high(v.w, high))));
    }
    if (blockIdx.x == 0 && threadIdx.x < n % 4) {
        const float v = x[packs * 4 + threadIdx.x];
        low = quant_low(v, low), high = quant_high(v, high);
    }
    low = rows_block(low, quant_low, (float *)smem);
    high = rows_block(high, quant_high, (float *)smem);
    if (threadIdx.x == 0) part[2 * blockIdx.x] = low, part[2 * blockIdx.x + 1] = high;
}

__global__ void __launch_bounds__(QUANT_THREADS)
    dynamic_k(const float *x, const float *part, uint8_t *y, float *scale_out, uint8_t *zero_out,
              uint32_t n, uint32_t parts)
{
    IGT_SMEM(smem);
    float low = 0, high = 0;
    for (uint32_t i = threadIdx.x; i < parts; i += QUANT_THREADS)
        low = quant_low(part[2 * i], low), high = quant_high(part[2 * i + 1], high);
    low = rows_block(low, quant_low, (float *)smem);
    high = rows_block(high, quant_high, (float *)smem);
    const float scale = (high == low ? 1 : high - low) / 255;
    const float at = 0 - low / scale, clipped = at < 255 ? at : 255;
    const float zero = at > 0 ? rintf(clipped) : 0;
    const auto byte = [&](float v) {
        const float r = rintf(v / scale), above = r > -zero ? r : -zero; // NaN: lowest
        return (uint32_t)((above < 255 - zero ? above : 255 - zero) + zero);
    };
    const uint32_t packs = n / 4;
    for (uint32_t i = cu_thread(); i < packs; i += cu_threads()) {
        const float4 v = ((const float4 *)x)[i];
        ((uint32_t *)y)[i] = byte(v.x) | byte(v.y) << 8 | byte(v.z) << 16 | byte(v.w) << 24;
    }
    if (blockIdx.x) return;
    if (threadIdx.x < n % 4) y[packs * 4 + threadIdx.x] = (uint8_t)byte(x[packs * 4 + threadIdx.x]);
    if (threadIdx.x == 0) *scale_out = scale, *zero_out = (uint8_t)zero;
}
