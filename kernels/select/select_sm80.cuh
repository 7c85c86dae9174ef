// select_sm80.cuh - elements that count, in their order.
//
// Votes of a block's warps tell how many of 256 elements count before each. For positions a block
// goes over one row and carries on what came before; for whole tensors, blocks count 2048 elements
// each, one block makes running sums of the counts, and the blocks go over their elements again to
// put down where they are: no block waits for another. Bound by reading x, twice (the second time
// mostly from the L2), and writing what counts.
#pragma once
#include "kernels/convert/element.cuh"
#include "kernels/cuda/fault.cuh"
#include "kernels/cuda/number.cuh"
#include "kernels/select/select_cuda.h"

enum { SELECT_THREADS = 256, SELECT_TILE = 2048 };

// How many of the block's threads before this one count, and of all; `room`: a number a warp, free
// again at the next barrier.
__device__ __forceinline__ int select_before(bool counts, int *room, int &all)
{
    const int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
    const uint32_t votes = px_ballot(counts);
    if (lane == 0) room[warp] = px_popc(votes);
    __syncthreads();
    int before = px_popc(votes & ((1u << lane) - 1));
    all = 0;
    for (int w = 0; w < SELECT_THREADS / 32; w++) {
        before += w < warp ? room[w] : 0;
        all += room[w];
    }
    return before;
}

__global__ void __launch_bounds__(SELECT_THREADS)
    positions_k(const __grid_constant__ cu_positions_args a)
{
    IGT_SMEM(smem);
    const int64_t row = (int64_t)blockIdx.x * a.tokens;
    int64_t next = a.pad + 1;
    for (int64_t first = 0; first < a.tokens; first += SELECT_THREADS) {
        const int64_t t = first + threadIdx.x;
        const bool there = t < a.tokens;
        const bool counts = there && (a.pad < 0 || nb_int(a.ids, a.type, row + t) != a.pad);
        int all;
        const int before = select_before(counts, (int *)smem, all);
        if (there) a.y[row + t] = counts ? next + before : a.pad;
        next += all;
        __syncthreads();
    }
}

// ---- a whole tensor ----
EL_INLINE bool select_counts(const cu_select_args &a, int bytes, int64_t i)
{
    const uint64_t r = el_load_any(a.x, bytes, i);
    switch (el_kind_of(a.x_dtype)) {
    case EL_F64:
        return el_f64(r) != 0;
    case EL_F32:
        return el_float_of(r, bytes, a.x_dtype) != 0;
    default:
        return el_int_of(r, bytes, a.x_dtype) != 0;
    }
}

__global__ void __launch_bounds__(SELECT_THREADS)
    select_count_k(const __grid_constant__ cu_select_args a, int bytes)
{
    IGT_SMEM(smem);
    const int64_t from = (int64_t)blockIdx.x * SELECT_TILE;
    int mine = 0, all;
    for (int e = 0; e < SELECT_TILE; e += SELECT_THREADS) {
        const int64_t i = from + e + threadIdx.x;
        const bool counts = i < a.n && select_counts(a, bytes, i);
        if (counts && i >= a.limit) cu_fail(a.fault, i, a.limit);
        select_before(counts && i < a.limit, (int *)smem, all);
        mine += all;
        __syncthreads();
    }
    if (threadIdx.x == 0) a.blocks[blockIdx.x] = mine;
}

__global__ void __launch_bounds__(SELECT_THREADS)
    select_put_k(const __grid_constant__ cu_select_args a, int bytes)
{
    IGT_SMEM(smem);
    const int64_t from = (int64_t)blockIdx.x * SELECT_TILE;
    int at = a.blocks[blockIdx.x], all;
    for (int e = 0; e < SELECT_TILE; e += SELECT_THREADS) {
        const int64_t i = from + e + threadIdx.x;
        const bool counts = i < a.n && i < a.limit && select_counts(a, bytes, i);
        const int before = select_before(counts, (int *)smem, all);
        if (counts) a.index[at + before] = (int32_t)i;
        at += all;
        __syncthreads();
    }
}

// One block: a thread has a run of neighbours.
__global__ void __launch_bounds__(SELECT_THREADS)
    running_sums_k(int32_t *v, int64_t n, int64_t *total)
{
    IGT_SMEM(smem);
    int64_t *sums = (int64_t *)smem; // [threads]
    const int64_t each = (n + SELECT_THREADS - 1) / SELECT_THREADS, from = threadIdx.x * each;
    const int64_t to = from + each < n ? from + each : n;
    int64_t sum = 0;
    for (int64_t i = from; i < to; i++) sum += v[i];
    sums[threadIdx.x] = sum;
    __syncthreads();
    int64_t before = 0;
    for (uint32_t t = 0; t < threadIdx.x; t++) before += sums[t];
    if (threadIdx.x == SELECT_THREADS - 1) *total = before + sum;
    for (int64_t i = from; i < to; i++) {
        const int32_t own = v[i];
        v[i] = (int32_t)before;
        before += own;
    }
}

__global__ void __launch_bounds__(SELECT_THREADS)
    coordinates_k(const __grid_constant__ cu_coordinates_args a)
{
    const int64_t n = *a.count, at = cu_thread();
    if (at >= n) return;
    int64_t rest = a.index[at];
    for (int d = a.rank - 1; d >= 0; d--) {
        a.y[d * n + at] = rest % a.dims[d];
        rest /= a.dims[d];
    }
}

__global__ void __launch_bounds__(SELECT_THREADS)
    kept_rows_k(const __grid_constant__ cu_kept_rows_args a)
{
    const int64_t n = *a.count, row = n * a.units, all = a.outer * row;
    for (int64_t i = cu_thread(); i < all; i += cu_threads()) {
        const int64_t at = i % row, from = (i / row * a.size + a.index[at / a.units]) * a.units;
        el_store_any(a.y, a.bytes, i, el_load_any(a.x, a.bytes, from + at % a.units));
    }
}
