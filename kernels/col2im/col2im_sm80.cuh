// col2im_sm80.cuh - pixels gathered from the sliding blocks that cover them, one thread a pixel.
//
// Bound by reading x: an element of the block is one pass over its columns, in which neighbouring
// pixels read neighbouring columns where the stride is 1. A gather needs no atomics, so sums have
// one order.
#pragma once
#include "kernels/col2im/col2im_cuda.h"
#include "kernels/cuda/index.cuh"
#include "kernels/cuda/number.cuh"

enum { COL2IM_THREADS = 256 };

// Element `at` of x as S: float, double, or 64 bits of an integer.
template <class S> __device__ __forceinline__ S col2im_load(const void *x, int type, int64_t at)
{
    return nb_real<S>(x, type, at);
}
template <>
__device__ __forceinline__ uint64_t col2im_load<uint64_t>(const void *x, int type, int64_t at)
{
    return (uint64_t)nb_int(x, type, at);
}
template <class S>
__device__ __forceinline__ void col2im_store(void *y, int type, int64_t at, S sum)
{
    nb_put<S>(y, type, at, sum);
}
template <>
__device__ __forceinline__ void col2im_store<uint64_t>(void *y, int type, int64_t at, uint64_t sum)
{
    nb_put_int(y, type, at, (int64_t)sum);
}

template <class S>
__global__ void __launch_bounds__(COL2IM_THREADS)
    col2im_pixels(const __grid_constant__ cu_col2im_args g, uint32_t total, int32_t block_size,
                  int32_t n_columns)
{
    const uint32_t i = cu_thread();
    if (i >= total) return;
    uint32_t rest = i;
    int32_t pixel[CU_COL2IM_SPATIAL];
#pragma unroll
    for (int d = 0; d < CU_COL2IM_SPATIAL; d++)
        if (d < g.spatial) {
            pixel[d] = (int32_t)(rest % (uint32_t)g.image[d]) + g.pad[d];
            rest /= (uint32_t)g.image[d];
        }
    const int64_t plane = (int64_t)rest * block_size;
    S sum = 0;
    for (int32_t b = 0; b < block_size; b++) {
        int32_t element = b, column = 0, step = 1;
        bool covers = true; // this element of some block lies on the pixel
#pragma unroll
        for (int d = 0; d < CU_COL2IM_SPATIAL; d++)
            if (d < g.spatial) {
                const int32_t from = pixel[d] - element % g.block[d] * g.dilation[d];
                const int32_t at = from / g.stride[d];
                covers = covers && from >= 0 && at * g.stride[d] == from && at < g.columns[d];
                element /= g.block[d];
                column += at * step;
                step *= g.columns[d];
            }
        if (covers) sum += col2im_load<S>(g.x, g.type, (plane + b) * n_columns + column);
    }
    col2im_store<S>(g.y, g.type, i, sum);
}
