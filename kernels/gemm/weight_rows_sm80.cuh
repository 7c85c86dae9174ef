// weight_rows_sm80.cuh - weights to rows along k (cu_weight_rows_args). Tiles of 32 by 32 go
// through shared memory, so that a warp reads and writes runs of 32 elements; bound by the link
// over which weights come.
#pragma once
#include "kernels/cuda/ptx.cuh"
#include "kernels/gemm/weight_rows_cuda.h"

enum { WR_TILE = 32, WR_THREADS = 256, WR_SHARED = WR_TILE * (WR_TILE + 1) * 4 };

template <class From, class To, bool ROUND> struct WeightRows {
    static __device__ __forceinline__ To convert(From v)
    {
        if constexpr (ROUND)
            return px_f2bf(v);
        else
            return v;
    }
};

template <class From, class To, bool ROUND>
__global__ void __launch_bounds__(WR_THREADS) weight_rows_sm80(const cu_weight_rows_args a)
{
    typedef WeightRows<From, To, ROUND> W;
    const int tiles = (a.width + WR_TILE - 1) / WR_TILE;
    const int line0 = (int)(blockIdx.x / tiles) * WR_TILE,
              col0 = (int)(blockIdx.x % tiles) * WR_TILE;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const From *x = (const From *)a.x;
    To *y = (To *)a.y;
    if (!a.turned) {
        for (int r = warp; r < WR_TILE; r += WR_THREADS / 32) {
            const int line = line0 + r, col = col0 + lane;
            if (line < a.count && col < a.width)
                y[(a.first + line) * a.ld + col] =
                    W::convert(px_ldg(x + (int64_t)line * a.width + col));
        }
        return;
    }
    IGT_SMEM(smem);
    To *tile = (To *)smem; // [line][WR_TILE + 1]
    for (int r = warp; r < WR_TILE; r += WR_THREADS / 32) {
        const int line = line0 + r, col = col0 + lane;
        if (line < a.count && col < a.width)
            tile[r * (WR_TILE + 1) + lane] = W::convert(px_ldg(x + (int64_t)line * a.width + col));
    }
    __syncthreads();
    const int64_t line = a.first + line0 + lane, block = line / a.deep;
    const int row0 = (int)(block % a.blocks) * a.width + col0;
    To *to = y + block / a.blocks * a.n * a.ld + line % a.deep;
    for (int c = warp; c < WR_TILE; c += WR_THREADS / 32)
        if (line0 + lane < a.count && col0 + c < a.width && row0 + c < a.n)
            to[(row0 + c) * a.ld] = tile[lane * (WR_TILE + 1) + c];
}
