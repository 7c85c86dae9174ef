// reduce_sm80.cuh - reductions over any dimensions, the place of an extreme, running totals.
//
// Bound by memory: each thread keeps 16 bytes of loads in flight and gathers them in four lanes, so
// that sums stay short; a multiprocessor full of threads has 32 KB on the way. An output has one
// thread where neighbours in memory are kept (loads coalesce over outputs), else a warp, or a block
// where its elements are many. Few outputs of many elements are split over blocks: a second launch
// gathers the parts, in their order, so that results do not depend on the schedule.
#pragma once
#include "kernels/reduce/key.cuh"
#include "kernels/reduce/reduce_cuda.h"
#include "kernels/reduce/rows.cuh"
#include "kernels/unary/functions.cuh"

enum { REDUCE_THREADS = 256, REDUCE_LANES = 4 };

typedef struct {
    const void *x, *shift;
    void *y;
    int kind, finish, dtype;
    int out_dtype;  // of y; as `part` says, values not finished go there in the computing type
    uint64_t start; // bits of what changes nothing
    uint32_t count; // elements an output, for the mean
    uint32_t piece; // elements of `gone` a split has
    bool part;
} reduce_job;

// ---- gathering ----
template <class T> EL_INLINE T reduce_of_bits(uint64_t u) { return u; }
template <> EL_INLINE float reduce_of_bits(uint64_t u) { return px_float((uint32_t)u); }
template <> EL_INLINE double reduce_of_bits(uint64_t u) { return el_f64(u); }

template <class T> EL_INLINE T reduce_join(int kind, T a, T x, bool)
{
    switch (kind) {
    case CU_REDUCE_PROD:
        return a * x;
    case CU_REDUCE_MAX:
        return a > x || a != a ? a : x;
    case CU_REDUCE_MIN:
        return a < x || a != a ? a : x;
    default:
        return a + x;
    }
}
template <> EL_INLINE uint64_t reduce_join(int kind, uint64_t a, uint64_t x, bool is_signed)
{
    const bool less = is_signed ? (int64_t)a < (int64_t)x : a < x;
    switch (kind) {
    case CU_REDUCE_PROD:
        return a * x;
    case CU_REDUCE_MAX:
        return less ? x : a;
    case CU_REDUCE_MIN:
        return less ? a : x;
    default:
        return a + x;
    }
}

template <class T> EL_INLINE T reduce_mapped(int kind, T x, T shift, bool)
{
    switch (kind) {
    case CU_REDUCE_ABS:
        return fn_fabs(x);
    case CU_REDUCE_SQUARE:
        return x * x;
    case CU_REDUCE_EXP:
        return fn_exp(x - shift);
    default:
        return x;
    }
}
template <> EL_INLINE uint64_t reduce_mapped(int kind, uint64_t x, uint64_t, bool is_signed)
{
    if (kind == CU_REDUCE_SQUARE) return x * x;
    return kind == CU_REDUCE_ABS && is_signed && (int64_t)x < 0 ? 0 - x : x;
}

template <class T> EL_INLINE T reduce_finished(const reduce_job &j, T v, T shift, bool)
{
    switch (j.finish) {
    case CU_FINISH_MEAN:
        return v / (T)j.count;
    case CU_FINISH_ROOT:
        return fn_sqrt(v);
    case CU_FINISH_LOG:
        return fn_log(v);
    case CU_FINISH_LOG_SHIFT:
        return fn_log(v) + shift;
    default:
        return v;
    }
}
template <>
EL_INLINE uint64_t reduce_finished(const reduce_job &j, uint64_t v, uint64_t, bool is_signed)
{
    if (j.finish != CU_FINISH_MEAN) return v;
    if (!j.count) return 0;
    return is_signed ? (uint64_t)((int64_t)v / (int64_t)j.count) : v / j.count;
}

template <class T> EL_INLINE void reduce_store(const reduce_job &j, uint32_t at, T v)
{
    const int bytes = el_bytes(j.out_dtype);
    if constexpr (sizeof(T) == 4)
        el_store_any(j.y, bytes, at,
                     bytes == 4   ? el_code<float, 4>::to(v, j.out_dtype)
                     : bytes == 2 ? el_code<float, 2>::to(v, j.out_dtype)
                                  : el_code<float, 1>::to(v, j.out_dtype));
    else if constexpr (T(0.5) != T(0))
        el_store<8>(j.y, at, el_bits64((double)v));
    else
        el_store_any(j.y, bytes, at,
                     bytes == 1 ? el_code<uint64_t, 1>::to((uint64_t)v, j.out_dtype) : (uint64_t)v);
}

template <class T> EL_INLINE T reduce_shift(const reduce_job &j, uint32_t output)
{
    const T v = j.shift ? ((const T *)j.shift)[output] : T(0);
    if constexpr (T(0.5) != T(0)) return v - v == 0 ? v : T(0);
    return v;
}

// Elements first, first + step, .. before end of `gone`, from x[base] on.
template <class T, int S>
EL_INLINE T reduce_gather(const reduce_job &j, const cu_walk &gone, int64_t base, uint32_t first,
                          uint32_t end, uint32_t step, T shift)
{
    enum { LOADS = S >= 4 ? 4 : 16 / S };
    const bool is_signed = el_signed(j.dtype);
    const int64_t stride = gone.stride[0][0];
    T acc[REDUCE_LANES];
#pragma unroll
    for (int l = 0; l < REDUCE_LANES; l++) acc[l] = reduce_of_bits<T>(j.start);
    for (uint32_t i = first; i < end; i += LOADS * step) {
        typename el_raw<S>::type raw[LOADS] = {};
#pragma unroll
        for (int u = 0; u < LOADS; u++) {
            const uint32_t k = i + u * step;
            int64_t at[1] = {(int64_t)k * stride};
            if (k >= end) continue;
            if (gone.rank > 1) cu_offsets(at, gone, k);
            raw[u] = el_load<S>(j.x, base + at[0]);
        }
#pragma unroll
        for (int u = 0; u < LOADS; u++) {
            if (i + u * step >= end) continue;
            const T x =
                reduce_mapped<T>(j.kind, el_code<T, S>::of(raw[u], j.dtype), shift, is_signed);
            acc[u % REDUCE_LANES] = reduce_join<T>(j.kind, acc[u % REDUCE_LANES], x, is_signed);
        }
    }
    return reduce_join<T>(j.kind, reduce_join<T>(j.kind, acc[0], acc[1], is_signed),
                          reduce_join<T>(j.kind, acc[2], acc[3], is_signed), is_signed);
}

// blockIdx.y: which split. An output has LANES threads.
template <class T, int S>
__global__ void __launch_bounds__(REDUCE_THREADS)
    reduce_k(const __grid_constant__ reduce_job j, const __grid_constant__ cu_walk kept,
             const __grid_constant__ cu_walk gone, int lanes)
{
    IGT_SMEM(smem);
    T *room = (T *)smem;
    const uint32_t output = cu_thread() / (uint32_t)lanes, lane = threadIdx.x % (uint32_t)lanes;
    if (output >= kept.total) return; // whole warps, and whole blocks where they share an output
    const bool is_signed = el_signed(j.dtype);
    int64_t base[1];
    cu_offsets(base, kept, output);
    const T shift = reduce_shift<T>(j, output);
    const uint32_t begin = blockIdx.y * j.piece, left = gone.total - begin;
    const uint32_t end = begin + (left < j.piece ? left : j.piece);
    T v = reduce_gather<T, S>(j, gone, base[0], begin + lane, end, (uint32_t)lanes, shift);
    const auto join = [&](T a, T b) { return reduce_join<T>(j.kind, a, b, is_signed); };
    if (lanes == 32) v = rows_warp(v, join);
    if (lanes > 32) v = rows_block(v, join, room);
    if (lane) return;
    if (j.part)
        ((T *)j.y)[(int64_t)blockIdx.y * kept.total + output] = v;
    else
        reduce_store<T>(j, output, reduce_finished<T>(j, v, shift, is_signed));
}

// ---- the place of an extreme ----
template <int S>
__global__ void __launch_bounds__(REDUCE_THREADS)
    arg_reduce_k(const void *x, int64_t *y, uint32_t lines, uint32_t n,
                 const __grid_constant__ cu_div inner, int dtype, bool smallest, bool last,
                 int lanes)
{
    IGT_SMEM(smem);
    const uint32_t line = cu_thread() / (uint32_t)lanes, lane = threadIdx.x % (uint32_t)lanes;
    if (line >= lines) return;
    uint32_t outer = line;
    const uint32_t in = cu_remainder(outer, inner);
    const int64_t from = (int64_t)outer * n * inner.d + in;
    uint64_t best = 0;
    uint32_t place = lane < n ? lane : 0; // a thread without elements loses, or ties with the first
    bool any = false;
    for (uint32_t i = lane; i < n; i += (uint32_t)lanes) {
        const uint64_t k = key_of<S>(el_load<S>(x, from + (int64_t)i * inner.d), dtype, smallest);
        if (any && (last ? k < best : k <= best)) continue;
        best = k, place = i, any = true;
    }
    const auto larger = [](uint64_t a, uint64_t b) { return a > b ? a : b; };
    const auto nearer = [last](uint32_t a, uint32_t b) { return (a < b) != last ? a : b; };
    const uint32_t none = last ? 0 : 0xffffffffu;
    if (lanes > 1) {
        const uint64_t mine = best;
        best = lanes == 32 ? rows_warp(best, larger) : rows_block(best, larger, (uint64_t *)smem);
        const uint32_t at = any && mine == best ? place : none;
        place = lanes == 32 ? rows_warp(at, nearer) : rows_block(at, nearer, (uint32_t *)smem);
    }
    if (lane == 0) y[line] = (int64_t)place;
}

// ---- running totals ----
template <class T> EL_INLINE T cumulate_of(const void *x, int bytes, int dtype, int64_t at)
{
    if constexpr (T(0.5) != T(0))
        return (T)el_double_at(x, bytes, dtype, at);
    else
        return (T)el_int_of(el_load_any(x, bytes, at), bytes, dtype);
}
template <class T> EL_INLINE void cumulate_put(void *y, int bytes, int dtype, int64_t at, T v)
{
    if constexpr (T(0.5) == T(0))
        el_store_any(y, bytes, at,
                     bytes == 1 ? el_code<uint64_t, 1>::to((uint64_t)v, dtype) : (uint64_t)v);
    else if (bytes == 8)
        el_store<8>(y, at, el_bits64((double)v));
    else {
        const float f = bytes == 2 ? el_round_odd((double)v) : (float)v;
        el_store_any(y, bytes, at,
                     bytes == 4   ? el_code<float, 4>::to(f, dtype)
                     : bytes == 2 ? el_code<float, 2>::to(f, dtype)
                                  : el_code<float, 1>::to(f, dtype));
    }
}

// together: the block goes through a line, 256 elements at a time; else a thread has a line.
template <class T>
__global__ void __launch_bounds__(REDUCE_THREADS)
    cumulate_k(const void *x, void *y, uint32_t lines, uint32_t n,
               const __grid_constant__ cu_div inner, int bytes, int dtype, bool prod,
               bool exclusive, bool reverse, bool together)
{
    IGT_SMEM(smem);
    T *room = (T *)smem; // a total a warp
    uint32_t outer = together ? blockIdx.x : cu_thread();
    if (outer >= lines) return;
    const uint32_t in = cu_remainder(outer, inner), width = together ? REDUCE_THREADS : 1;
    const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int64_t from = (int64_t)outer * n * inner.d + in;
    const T none = prod ? T(1) : T(0);
    const auto join = [prod](T a, T b) { return prod ? a * b : a + b; };
    T before = none; // of all elements that came
    for (uint32_t i0 = 0; i0 < n; i0 += width) {
        const uint32_t i = i0 + (together ? threadIdx.x : 0);
        const int64_t at = from + (int64_t)(reverse ? n - 1 - i : i) * inner.d;
        const T own = i < n ? cumulate_of<T>(x, bytes, dtype, at) : none;
        T sum = own, ahead = before; // up to and with the element; before its warp
        T earlier = none;            // within the warp, without the element
        if (together) {
#pragma unroll
            for (int d = 1; d < 32; d *= 2) {
                const T other = px_shfl_up(sum, d);
                if (lane >= (uint32_t)d) sum = join(other, sum);
            }
            earlier = px_shfl_up(sum, 1);
            if (lane == 0) earlier = none;
            if (lane == 31) room[warp] = sum;
            __syncthreads();
            for (uint32_t w = 0; w < REDUCE_THREADS / 32; w++) {
                if (w < warp) ahead = join(ahead, room[w]);
                before = join(before, room[w]);
            }
            __syncthreads();
        } else {
            before = join(before, own);
        }
        if (i < n) cumulate_put<T>(y, bytes, dtype, at, join(ahead, exclusive ? earlier : sum));
    }
}
