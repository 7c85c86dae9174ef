// gather_sm80.cuh - numbers of rows from indices, and rows by their numbers.
//
// Picking is bound by memory: a thread reads GATHER_EACH units of up to 16 bytes before it writes
// them, so that with rows of 16 bytes or more the loads in flight fill the bandwidth; rows of a few
// bytes cost a sector of 32 bytes each, which no order of threads can mend.
#pragma once
#include "kernels/cuda/fault.cuh"
#include "kernels/cuda/index.cuh"
#include "kernels/cuda/number.cuh"
#include "kernels/gather/indices.cuh"

enum { GATHER_THREADS = 256, GATHER_EACH = 4 };

// The place in [0, n) that an index means, perhaps counted from the end; -1: none.
__device__ __forceinline__ int64_t cu_wrap(int64_t v, int64_t n)
{
    if (v < 0) v += n;
    return v >= 0 && v < n ? v : -1;
}

// The fields of cu_rows_args that the kernel reads.
__global__ void __launch_bounds__(GATHER_THREADS)
    gather_row_numbers(const __grid_constant__ cu_rows_args a)
{
    const uint32_t i = cu_thread();
    if (i >= a.walk.total) return;
    int64_t at[2];
    cu_offsets(at, a.walk, i);
    int64_t row = at[0], given = 0;
    int d = 0;
    for (; d < a.k; d++) {
        given = cu_index_at(a.index, at[1] + d);
        const int64_t v = cu_wrap(given, a.size[d]);
        if (v < 0) break;
        row += v * a.step[d];
    }
    const bool inside = d == a.k;
    a.row[i] = inside ? (int32_t)row : -1;
    if (!inside) cu_fail(a.fault, at[1] + d, given);
}

__global__ void __launch_bounds__(GATHER_THREADS)
    gather_reversed(const __grid_constant__ cu_reverse_rows_args a, cu_div inner, uint32_t n)
{
    const uint32_t i = cu_thread();
    if (i >= n) return;
    uint32_t outer = i;
    const uint32_t low = cu_remainder(outer, inner);
    const uint32_t batch = a.time_first ? low : outer;
    int64_t time = a.time_first ? outer : low;
    const int64_t len = cu_index_at(a.len, batch);
    const bool wrong = len < 0 || len > a.time;
    if (!wrong && time < len) time = len - 1 - time;
    a.row[i] = (int32_t)(a.time_first ? time * a.batch + batch : batch * a.time + time);
    if (wrong) cu_fail(a.fault, batch, len);
}

__global__ void __launch_bounds__(GATHER_THREADS)
    gather_places(const __grid_constant__ cu_place_rows_args a)
{
    const uint32_t i = cu_thread();
    if (i >= a.n) return;
    int64_t rest = a.index[i], row = 0, step = 1;
    bool inside = rest >= 0;
    for (int d = 0; d < a.rank && inside; d++) {
        const int64_t at = rest % a.from[d];
        inside = at < a.to[d];
        row += at * step;
        step *= a.to[d];
        rest /= a.from[d];
    }
    inside = inside && rest == 0;
    a.row[i] = inside ? (int32_t)row : -1;
    if (!inside) cu_fail(a.fault, i, a.index[i]);
}

__global__ void __launch_bounds__(GATHER_THREADS)
    gather_cache_keys(const __grid_constant__ cu_cache_keys_args a, cu_div steps, uint32_t n)
{
    const uint32_t i = cu_thread();
    if (i >= n) return;
    uint32_t outer = i;
    const uint32_t step = cu_remainder(outer, steps);
    const int64_t batch = outer / a.per_batch;
    const int64_t first = a.first.p ? cu_index_at(a.first, batch) : 0;
    const bool wrong = first < 0 || (!a.wraps && first > a.limit - a.steps);
    const int64_t row = outer * a.limit + (first % a.limit + step) % a.limit;
    a.key[i] = (uint64_t)(wrong ? 0xffffffffu : (uint32_t)row) << 32 | i;
    if (wrong) cu_fail(a.fault, batch, first);
}

__global__ void __launch_bounds__(GATHER_THREADS)
    gather_check(const __grid_constant__ cu_check_args a)
{
    const uint32_t i = cu_thread();
    if (i >= a.n) return;
    const int64_t v = cu_index_at(a.v, i);
    if (v < 0 || v > a.most) cu_fail(a.fault, i, v);
}

__device__ __forceinline__ uint8_t cu_zero(uint8_t) { return 0; }
__device__ __forceinline__ uint16_t cu_zero(uint16_t) { return 0; }
__device__ __forceinline__ uint32_t cu_zero(uint32_t) { return 0; }
__device__ __forceinline__ uint64_t cu_zero(uint64_t) { return 0; }
__device__ __forceinline__ uint4 cu_zero(uint4) { return uint4{0, 0, 0, 0}; }

// units: of a row, in T.
template <class T>
__global__ void __launch_bounds__(GATHER_THREADS)
    gather_rows(T *to, const T *from, const int32_t *row, cu_div units, uint32_t total)
{
    const uint32_t first = blockIdx.x * (GATHER_THREADS * GATHER_EACH) + threadIdx.x;
    T v[GATHER_EACH];
#pragma unroll
    for (int u = 0; u < GATHER_EACH; u++) {
        uint32_t i = first + u * GATHER_THREADS;
        v[u] = cu_zero(T());
        if (i >= total) continue;
        const uint32_t unit = cu_remainder(i, units);
        const int32_t r = row[i];
        if (r >= 0) v[u] = from[(int64_t)r * units.d + unit];
    }
#pragma unroll
    for (int u = 0; u < GATHER_EACH; u++)
        if (first + u * GATHER_THREADS < total) to[first + u * GATHER_THREADS] = v[u];
}

// ---- tables of vectors ----

__device__ __forceinline__ float table_value(const void *t, int type, int64_t i)
{
    if (type == CU_TABLE_F32) return ((const float *)t)[i];
    const uint16_t h = ((const uint16_t *)t)[i];
    return type == CU_TABLE_F16 ? px_h2f(h) : px_bf2f(h);
}

// V neighbours a thread: 8 of 16 bits are one load, 8 of 32 bits two.
template <int V>
__global__ void __launch_bounds__(GATHER_THREADS)
    embed_rows(const __grid_constant__ cu_embed_args a, cu_div units, uint32_t total)
{
    uint32_t i = cu_thread();
    if (i >= total) return;
    const uint32_t part = cu_remainder(i, units);
    const int64_t id = cu_index_at(a.id, i);
    const bool inside = id >= 0 && id < a.rows;
    const int64_t at = (inside ? id : 0) * a.size + part * V;
    float v[V];
    if (V == 8 && a.table_type == CU_TABLE_F32) {
        const float4 *t = (const float4 *)((const float *)a.table + at);
        const float4 lo = t[0], hi = t[V / 8];
        const float all[8] = {lo.x, lo.y, lo.z, lo.w, hi.x, hi.y, hi.z, hi.w};
#pragma unroll
        for (int k = 0; k < V; k++) v[k] = all[k];
    } else if (V == 8) {
        const uint4 t = *(const uint4 *)((const uint16_t *)a.table + at);
        const uint32_t all[4] = {t.x, t.y, t.z, t.w};
#pragma unroll
        for (int k = 0; k < V; k++) {
            const uint16_t h = (uint16_t)(all[k / 2] >> k % 2 * 16);
            v[k] = a.table_type == CU_TABLE_F16 ? px_h2f(h) : px_bf2f(h);
        }
    } else {
#pragma unroll
        for (int k = 0; k < V; k++) v[k] = table_value(a.table, a.table_type, at + k);
    }
    float *y = a.to + (int64_t)i * a.size + part * V;
#pragma unroll
    for (int k = 0; k < V; k++) v[k] = inside ? v[k] * a.scale : 0;
    if (V == 8) {
        ((float4 *)y)[0] = float4{v[0], v[1 % V], v[2 % V], v[3 % V]};
        ((float4 *)y)[1] = float4{v[4 % V], v[5 % V], v[6 % V], v[7 % V]};
    } else {
        y[0] = v[0];
    }
    if (!inside && part == 0) cu_fail(a.fault, i, id);
}
