// ring_sm90.cuh - a ring of ST stages of shared memory that one producer fills by asynchronous
// copies and readers (threads that speak for a warp or a warpgroup) give back: what Hopper's
// kernels share.
//
// Two barriers a stage: full[i] completes when what was announced for stage i has come, empty[i]
// when all readers gave it back. A producer waits for empty with the parity opposite to its own:
// the first round finds all stages free.
#pragma once
#include "kernels/cuda/ptx.cuh"

#if defined(IGT_EMU) || defined(IGT_SM90A)
// By one thread, before px_mbar_fence_init and a barrier of all.
template <int ST>
__device__ __forceinline__ void ring_init(uint64_t *full, uint64_t *empty, int readers)
{
    for (int i = 0; i < ST; i++) {
        px_mbar_init(full + i, 1);
        px_mbar_init(empty + i, readers);
    }
}
// The same for a kernel with one ring, by all threads of a block.
template <int ST>
__device__ __forceinline__ void ring_open(uint64_t *full, uint64_t *empty, int readers)
{
    if (threadIdx.x == 0) {
        ring_init<ST>(full, empty, readers);
        px_mbar_fence_init();
    }
    __syncthreads();
}

// A stage, and the parity of the present round.
template <int ST> struct ring_place {
    int st = 0, parity = 0;
    __device__ __forceinline__ void next()
    {
        if (++st == ST) st = 0, parity ^= 1;
    }
    __device__ __forceinline__ void skip(int n)
    {
        st += n;
        parity ^= st / ST & 1;
        st %= ST;
    }
};
#endif
