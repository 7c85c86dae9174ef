// convert_sm80.cuh - elements from one dtype to another, and the simple kernels that repeat or mask
// elements. All are bound by memory: packs of four, two in flight a thread.
#pragma once
#include "kernels/convert/element.cuh"

enum { CONVERT_THREADS = 256, CONVERT_LOADS = 2 };

// ---- casts ----
typedef struct {
    int from, to, from_bytes, to_bytes, round;
    bool saturate, narrow; // narrow: at most 32 bits, signed
} cast_how;

EL_INLINE int64_t cast_clip_i64(double v)
{
    if (!(v > -0x1p63)) return v != v ? 0 : INT64_MIN;
    return v >= 0x1p63 ? INT64_MAX : (int64_t)v;
}
EL_INLINE uint64_t cast_clip_u64(double v)
{
    if (!(v > 0)) return (uint64_t)cast_clip_i64(v); // -1 keeps its bits, as an integer would
    return v >= 0x1p64 ? UINT64_MAX : (uint64_t)v;
}

EL_INLINE uint64_t cast_int_to(uint64_t x, const cast_how &h)
{
    return h.to_bytes == 8   ? x
           : h.to_bytes == 4 ? el_code<uint64_t, 4>::to(x, h.to)
           : h.to_bytes == 2 ? el_code<uint64_t, 2>::to(x, h.to)
                             : el_code<uint64_t, 1>::to(x, h.to);
}

EL_INLINE uint64_t cast_float_to(float x, const cast_how &h)
{
    return h.to_bytes == 4   ? el_code<float, 4>::to(x, h.to)
           : h.to_bytes == 2 ? el_code<float, 2>::to(x, h.to)
                             : el_to_f8(x, h.to, h.saturate, h.round);
}

EL_INLINE uint64_t cast_real_to(double v, const cast_how &h)
{
    if (h.to == INGOT_BOOL) return v != 0; // NaN is true
    if (!el_signed(h.to)) return cast_int_to(cast_clip_u64(v), h);
    int64_t i = cast_clip_i64(v);
    if (h.narrow) i = i > INT32_MAX ? INT32_MAX : i < INT32_MIN ? INT32_MIN : i;
    return cast_int_to((uint64_t)i, h);
}

EL_INLINE uint64_t cast_one(uint64_t r, const cast_how &h)
{
    const el_kind from = el_kind_of(h.from), to = el_kind_of(h.to);
    if (from == EL_F32) {
        const float x = el_float_of(r, h.from_bytes, h.from);
        return to == EL_F32   ? cast_float_to(x, h)
               : to == EL_F64 ? el_bits64((double)x)
                              : cast_real_to((double)x, h);
    }
    if (from == EL_F64) {
        const double x = el_f64(r);
        if (to == EL_F64) return r;
        if (to == EL_INT) return cast_real_to(x, h);
        return cast_float_to(h.to_bytes == 2 ? el_round_odd(x) : (float)x, h);
    }
    const uint64_t x = el_int_of(r, h.from_bytes, h.from);
    const bool is_signed = el_signed(h.from);
    if (to == EL_INT) return cast_int_to(x, h);
    if (to == EL_F64) return el_bits64(is_signed ? (double)(int64_t)x : (double)x);
    return cast_float_to(is_signed ? (float)(int64_t)x : (float)x, h);
}

template <int S, int D>
__global__ void __launch_bounds__(CONVERT_THREADS)
    cast_k(const void *x, void *y, uint32_t n, const __grid_constant__ cast_how h)
{
    const uint32_t units = n / 4,
                   first = blockIdx.x * CONVERT_THREADS * CONVERT_LOADS + threadIdx.x;
    el_pack<S> in[CONVERT_LOADS] = {};
#pragma unroll
    for (int u = 0; u < CONVERT_LOADS; u++) {
        const uint32_t at = first + u * CONVERT_THREADS;
        if (at < units) in[u] = el_load4<S>(x, (int64_t)at * 4, 1);
    }
#pragma unroll 1
    for (uint32_t at = first, u = 0; u < CONVERT_LOADS && at < units; u++, at += CONVERT_THREADS) {
        el_pack<D> out = {};
#pragma unroll 1
        for (int k = 0; k < 4; k++)
            el_put<D>(out, (typename el_raw<D>::type)cast_one(el_take<S>(in[0]), h));
        el_store4<D>(y, (int64_t)at * 4, out);
        in[0] = in[1];
    }
    if (blockIdx.x == 0 && threadIdx.x < n % 4) {
        const int64_t at = (int64_t)units * 4 + threadIdx.x;
        el_store<D>(y, at, (typename el_raw<D>::type)cast_one(el_load<S>(x, at), h));
    }
}

// ---- bytes by a table, which lies in shared memory ----
__global__ void __launch_bounds__(CONVERT_THREADS)
    byte_table_k(const uint8_t *x, const uint8_t *table, uint8_t *y, uint32_t n)
{
    enum { LOADS = 4 };
    IGT_SMEM(smem);
    uint8_t *t = (uint8_t *)smem;
    t[threadIdx.x] = table[threadIdx.x];
    __syncthreads();
    const uint32_t units = n / 4, first = blockIdx.x * CONVERT_THREADS * LOADS + threadIdx.x;
    uint32_t in[LOADS] = {};
#pragma unroll
    for (int u = 0; u < LOADS; u++)
        if (first + u * CONVERT_THREADS < units)
            in[u] = ((const uint32_t *)x)[first + u * CONVERT_THREADS];
#pragma unroll
    for (int u = 0; u < LOADS; u++) {
        const uint32_t v = in[u];
        if (first + u * CONVERT_THREADS < units)
            ((uint32_t *)y)[first + u * CONVERT_THREADS] =
                t[v & 255] | (uint32_t)t[v >> 8 & 255] << 8 | (uint32_t)t[v >> 16 & 255] << 16 |
                (uint32_t)t[v >> 24] << 24;
    }
    if (blockIdx.x == 0 && threadIdx.x < n % 4) {
        const uint32_t at = units * 4 + threadIdx.x;
        y[at] = t[x[at]];
    }
}

__global__ void __launch_bounds__(CONVERT_THREADS) ones_k(uint8_t *y, uint32_t n)
{
    for (uint32_t i = cu_thread(); i < n / 4; i += cu_threads()) ((uint32_t *)y)[i] = 0x01010101u;
    if (blockIdx.x == 0 && threadIdx.x < n % 4) y[n / 4 * 4 + threadIdx.x] = 1;
}

// ---- triangles and indices: an element a thread ----
template <int S>
__global__ void __launch_bounds__(CONVERT_THREADS)
    trilu_k(const void *x, void *y, uint32_t total, const __grid_constant__ cu_div rows,
            const __grid_constant__ cu_div columns, int64_t k, bool upper)
{
    for (uint32_t i = cu_thread(); i < total; i += cu_threads()) {
        uint32_t row = i;
        const uint32_t column = cu_remainder(row, columns), at = cu_remainder(row, rows);
        const int64_t edge = (int64_t)at + k;
        const bool kept = upper ? (int64_t)column >= edge : (int64_t)column <= edge;
        el_store<S>(y, i, kept ? el_load<S>(x, i) : 0);
    }
}

// The index as a place in [0, depth), or -1: floats count only when they are whole.
EL_INLINE int64_t one_hot_place(const void *index, int bytes, int dtype, int64_t at, int64_t depth)
{
    int64_t v;
    if (el_kind_of(dtype) == EL_INT) {
        v = (int64_t)el_int_of(el_load_any(index, bytes, at), bytes, dtype);
        if (!el_signed(dtype) && v < 0) return -1; // above all places
    } else {
        const double x = el_double_at(index, bytes, dtype, at);
        if (!(x > -9e15 && x < 9e15) || x != rint(x)) return -1;
        v = (int64_t)x;
    }
    if (v < 0) v += depth;
    return v >= 0 && v < depth ? v : -1;
}

template <int S>
__global__ void __launch_bounds__(CONVERT_THREADS)
    one_hot_k(const void *index, const void *values, void *y, uint32_t total,
              const __grid_constant__ cu_div depth, const __grid_constant__ cu_div inner, int bytes,
              int dtype, uint64_t one)
{
    typename el_raw<S>::type off = 0, on = (typename el_raw<S>::type)one;
    if (values) off = el_load<S>(values, 0), on = el_load<S>(values, 1);
    for (uint32_t i = cu_thread(); i < total; i += cu_threads()) {
        uint32_t outer = i;
        const uint32_t in = cu_remainder(outer, inner), at = cu_remainder(outer, depth);
        const int64_t place =
            one_hot_place(index, bytes, dtype, (int64_t)outer * inner.d + in, (int64_t)depth.d);
        el_store<S>(y, i, place == (int64_t)at ? on : off);
    }
}
