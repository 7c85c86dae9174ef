// warp.cuh - shuffles, votes, reductions of a warp; barriers of some of a block's threads. Values
// of 4 or 8 bytes; the mask names the lanes that take part, and all of them must.
#pragma once
#include "kernels/cuda/ptx/px.cuh"

template <class T>
__device__ __forceinline__ T px_shfl_xor(T v, int x, uint32_t mask = ~0u, int width = 32)
{
    PX(return emu::shfl_xor(mask, v, x, width), return __shfl_xor_sync(mask, v, x, width));
}
// From the lane d below, or the own value where there is none.
template <class T>
__device__ __forceinline__ T px_shfl_up(T v, int d, uint32_t mask = ~0u, int width = 32)
{
    PX(return emu::shfl_up(mask, v, d, width), return __shfl_up_sync(mask, v, (unsigned)d, width));
}
template <class T>
__device__ __forceinline__ T px_shfl_down(T v, int d, uint32_t mask = ~0u, int width = 32)
{
    PX(return emu::shfl_down(mask, v, d, width),
              return __shfl_down_sync(mask, v, (unsigned)d, width));
}
template <class T>
__device__ __forceinline__ T px_shfl(T v, int lane, uint32_t mask = ~0u, int width = 32)
{
    PX(return emu::shfl(mask, v, lane, width), return __shfl_sync(mask, v, lane, width));
}
__device__ __forceinline__ uint32_t px_ballot(bool p, uint32_t mask = ~0u)
{
    PX(return emu::ballot(mask, p), return __ballot_sync(mask, p));
}
__device__ __forceinline__ bool px_any(bool p, uint32_t mask = ~0u)
{
    PX(return emu::ballot(mask, p) != 0, return __any_sync(mask, p));
}
__device__ __forceinline__ bool px_all(bool p, uint32_t mask = ~0u)
{
    PX(return emu::ballot(mask, p) == mask, return __all_sync(mask, p));
}
// Sums, least and greatest of int32_t or uint32_t in one instruction (redux.sync).
template <class T> __device__ __forceinline__ T px_redux_add(T v, uint32_t mask = ~0u)
{
    PX(return emu::reduce(mask, v, 1, [](T a, T b) { return (T)((uint32_t)a + (uint32_t)b); }),
              return (T)__reduce_add_sync(mask, v));
}
template <class T> __device__ __forceinline__ T px_redux_min(T v, uint32_t mask = ~0u)
{
    PX(return emu::reduce(mask, v, 2, [](T a, T b) { return b < a ? b : a; }),
              return __reduce_min_sync(mask, v));
}
template <class T> __device__ __forceinline__ T px_redux_max(T v, uint32_t mask = ~0u)
{
    PX(return emu::reduce(mask, v, 3, [](T a, T b) { return a < b ? b : a; }),
              return __reduce_max_sync(mask, v));
}
// The sum or maximum over a warp, in every lane, added in the same order in all.
__device__ __forceinline__ float px_warp_sum(float v)
{
#pragma unroll
    for (int d = 16; d; d >>= 1) v += px_shfl_xor(v, d);
    return v;
}
__device__ __forceinline__ float px_warp_max(float v)
{
#pragma unroll
    for (int d = 16; d; d >>= 1) v = fmaxf(v, px_shfl_xor(v, d));
    return v;
}

// ---- barriers of `threads` (a multiple of 32) threads; 0 is __syncthreads, 1 to 15 are free ----
__device__ __forceinline__ void px_bar_sync(int id, int threads)
{
    PX(emu::bar_sync(id, (unsigned)threads), asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads)
                                                          : "memory"));
}
// Counts as arrived, and goes on.
__device__ __forceinline__ void px_bar_arrive(int id, int threads)
{
    PX(emu::bar_arrive(id, (unsigned)threads),
       asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads)
                    : "memory"));
}
