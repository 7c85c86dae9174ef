// f8.cuh - what products of 8-bit floats by 8-bit floats do with registers, on mma and wgmma alike.
#pragma once
#include "kernels/cuda/ptx.cuh"

// Registers of operand A for 32 k: rows r and r + 8, k as the tiles of weights have it.
__device__ __forceinline__ void f8_operand(uint32_t (&a)[4], uint4 w)
{
    a[0] = px_prmt(w.x, w.y, 0x5410);
    a[1] = px_prmt(w.x, w.y, 0x7632);
    a[2] = px_prmt(w.z, w.w, 0x5410);
    a[3] = px_prmt(w.z, w.w, 0x7632);
}

// Adds the products of 128 k, times the scales of both sides: the tensor cores' own sums keep too
// few bits to run on. `rows`: the halves of this thread's two rows; tokens: a scale each.
template <int J>
__device__ __forceinline__ void f8_add(float (&sum)[J][4], const float (&acc)[J][4],
                                       const char *rows, const char *tokens)
{
    const uint32_t d = *(const uint32_t *)rows;
    const float up = px_h2f((uint16_t)d), low = px_h2f((uint16_t)(d >> 16));
    const float2 *by = (const float2 *)tokens + (threadIdx.x & 3);
#pragma unroll
    for (int j = 0; j < J; j++) {
        const float2 t = by[j * 4];
        sum[j][0] = fmaf(acc[j][0], up * t.x, sum[j][0]);
        sum[j][1] = fmaf(acc[j][1], up * t.y, sum[j][1]);
        sum[j][2] = fmaf(acc[j][2], low * t.x, sum[j][2]);
        sum[j][3] = fmaf(acc[j][3], low * t.y, sum[j][3]);
    }
}
