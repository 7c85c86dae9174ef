// index.cuh - the device's side of index.h: exact division by constants of the launch, and the
// operands' offsets of a result's element.
#pragma once
#include "kernels/cuda/index.h"
#include "kernels/cuda/ptx.cuh"

__device__ __forceinline__ uint32_t cu_divide(uint32_t n, const cu_div &d)
{
    return (px_mulhi(n, d.magic) + n) >> d.shift;
}

// n becomes n / d; the remainder.
__device__ __forceinline__ uint32_t cu_remainder(uint32_t &n, const cu_div &d)
{
    const uint32_t q = cu_divide(n, d), r = n - q * d.d;
    n = q;
    return r;
}

// Where element i of the result (0 <= i < total) lies in the first N operands, in elements. The
// walk is a kernel's argument (__grid_constant__), so that its arrays are read from constant memory
// with an index that varies.
template <int N>
__device__ __forceinline__ void cu_offsets(int64_t (&at)[N], const cu_walk &w, uint32_t i)
{
#pragma unroll
    for (int k = 0; k < N; k++) at[k] = 0;
    for (int d = 0; d < w.rank; d++) {
        const uint32_t r = d + 1 < w.rank ? cu_remainder(i, w.dims[d]) : i;
#pragma unroll
        for (int k = 0; k < N; k++) at[k] += (int64_t)r * w.stride[k][d];
    }
}

// The global thread and the number of threads, for loops over a grid.
__device__ __forceinline__ uint32_t cu_thread() { return blockIdx.x * blockDim.x + threadIdx.x; }
__device__ __forceinline__ uint32_t cu_threads() { return gridDim.x * blockDim.x; }
