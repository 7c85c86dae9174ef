// copy_sm80.cuh - strided copies, transposes through shared memory, fills and picks by tables.
//
// A thread moves COPY_EACH units, all read before the first is written: with 2048 threads an SM and
// 16-byte units 128 KB are in flight, four times what full bandwidth needs. A transpose moves tiles
// of 32 x 32 elements, so that both sides are touched in runs of 32 elements.
#pragma once
#include "kernels/copy/copy_cuda.h"
#include "kernels/cuda/index.cuh"

enum { COPY_THREADS = 256, COPY_EACH = 4, TURN_TILE = 32, TURN_ROWS = COPY_THREADS / TURN_TILE };

// ---- strided ----

// unit_bytes: of the elements that the walk counts; T may be a run of several.
template <class T>
__global__ void __launch_bounds__(COPY_THREADS)
    copy_strided(char *to, const char *from, const __grid_constant__ cu_walk w, int unit_bytes)
{
    const uint32_t first = blockIdx.x * (COPY_THREADS * COPY_EACH) + threadIdx.x;
    T v[COPY_EACH];
    int64_t place[COPY_EACH];
#pragma unroll
    for (int u = 0; u < COPY_EACH; u++) {
        const uint32_t i = first + u * COPY_THREADS;
        int64_t at[2] = {0, 0};
        if (i < w.total) {
            cu_offsets(at, w, i);
            v[u] = *(const T *)(from + at[1] * unit_bytes);
        }
        place[u] = at[0];
    }
#pragma unroll
    for (int u = 0; u < COPY_EACH; u++)
        if (first + u * COPY_THREADS < w.total) *(T *)(to + place[u] * unit_bytes) = v[u];
}

// ---- transposed ----

// Two dimensions of a copy, one contiguous on each side, and the rest of the loops.
struct copy_turn {
    uint32_t cols, rows;      // cols: contiguous in `to`; rows: contiguous in `from`
    int64_t from_col, to_row; // elements
    cu_div col_tiles, row_tiles;
    cu_walk rest;
};

template <class T>
__global__ void __launch_bounds__(COPY_THREADS)
    copy_turned(char *to, const char *from, const __grid_constant__ copy_turn t)
{
    IGT_SMEM(smem);
    T *tile = (T *)smem; // [TURN_TILE cols][TURN_TILE + 1 rows]
    const uint32_t lane = threadIdx.x % TURN_TILE, row = threadIdx.x / TURN_TILE;
    uint32_t block = blockIdx.x;
    const uint32_t col0 = cu_remainder(block, t.col_tiles) * TURN_TILE;
    const uint32_t row0 = cu_remainder(block, t.row_tiles) * TURN_TILE;
    int64_t at[2];
    cu_offsets(at, t.rest, block);
    const T *x = (const T *)from + at[1];
    T *y = (T *)to + at[0];
#pragma unroll
    for (uint32_t c = row; c < TURN_TILE; c += TURN_ROWS)
        if (col0 + c < t.cols && row0 + lane < t.rows)
            tile[c * (TURN_TILE + 1) + lane] = x[(col0 + c) * t.from_col + row0 + lane];
    __syncthreads();
#pragma unroll
    for (uint32_t r = row; r < TURN_TILE; r += TURN_ROWS)
        if (col0 + lane < t.cols && row0 + r < t.rows)
            y[(row0 + r) * t.to_row + col0 + lane] = tile[lane * (TURN_TILE + 1) + r];
}

// ---- the same element everywhere ----

template <class T>
__global__ void __launch_bounds__(COPY_THREADS) fill_elements(T *to, T value, int64_t n)
{
    const int64_t first = (int64_t)blockIdx.x * (COPY_THREADS * COPY_EACH) + threadIdx.x;
#pragma unroll
    for (int u = 0; u < COPY_EACH; u++)
        if (first + u * COPY_THREADS < n) to[first + u * COPY_THREADS] = value;
}

// ---- by tables ----

struct copy_tables {
    int rank;
    uint32_t total;
    cu_div size[CU_RANK];    // innermost first
    int64_t stride[CU_RANK]; // in elements of T
    const int32_t *table[CU_RANK];
};

template <class T>
__global__ void __launch_bounds__(COPY_THREADS)
    pick_elements(T *to, const T *from, const __grid_constant__ copy_tables t, T outside)
{
    const uint32_t i = cu_thread();
    if (i >= t.total) return;
    uint32_t rest = i;
    int64_t at = 0;
    bool inside = true;
    for (int d = 0; d < t.rank; d++) {
        const uint32_t k = d + 1 < t.rank ? cu_remainder(rest, t.size[d]) : rest;
        const int32_t place = t.table[d] ? t.table[d][k] : (int32_t)k;
        inside = inside && place >= 0;
        at += place * t.stride[d];
    }
    T v = outside;
    if (inside) v = from[at];
    to[i] = v;
}
