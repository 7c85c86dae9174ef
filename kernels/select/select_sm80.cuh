// select_sm80.cuh - elements that count, in their order.
//
// A block has one row and goes over it 256 elements at a time: votes of its warps tell how many
// count before each, what came before is carried on. Bound by reading and writing memory once; the
// rows of a batch run side by side, and a single one is a few thousand tokens.
#pragma once
#include "kernels/cuda/number.cuh"
#include "kernels/select/select_cuda.h"

enum { SELECT_THREADS = 256 };

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
