// finish_cuda.cuh - finish_cuda.h on the device.
#pragma once
#include "kernels/gemm_q/finish_cuda.h"
#include "kernels/gemm/act_sm80.cuh"

__device__ __forceinline__ float lo_load(const void *p, int type, int64_t i)
{
    if (type == CU_F32) return ((const float *)p)[i];
    const uint16_t h = ((const uint16_t *)p)[i];
    return type == CU_F16 ? px_h2f(h) : px_bf2f(h);
}
__device__ __forceinline__ void lo_store(void *p, int type, int64_t i, float v)
{
    if (type == CU_F32)
        ((float *)p)[i] = v;
    else
        ((uint16_t *)p)[i] = type == CU_F16 ? px_f2h(v) : px_f2bf(v);
}

// The sum of row n of the weights and token m to y; not gated.
__device__ __forceinline__ void lo_finish_one(const cu_finish &f, int64_t m, int n, float v)
{
    if (f.bias) v += lo_load(f.bias, f.type, n);
    if (f.residual) v += lo_load(f.residual, f.type, m * f.ld_residual + n);
    lo_store(f.y, f.type, m * f.ldy + n, act_any(f.act, f.a, f.b, v));
}

// The sums of rows n and n + 8 of the weights (n % 16 < 8) and token m to y: two results, or,
// gated, one of up and gate. Called from loops that stay loops: its code stands once in a kernel.
__device__ __forceinline__ void lo_finish_pair(const cu_finish &f, int64_t m, int n, float v0,
                                               float v1, int64_t bias0)
{
#pragma unroll 1
    for (int i = f.gated ? 1 : 0; i < 2; i++) {
        const int row = n + i * 8, to = f.gated ? n / 16 * 8 + n % 8 : row;
        if (to >= f.n_out) continue;
        float v = i ? v1 : v0, by = 1;
        if (f.bias) v += lo_load(f.bias, f.type, bias0 + row);
        if (f.residual) v += lo_load(f.residual, f.type, m * f.ld_residual + row);
        if (f.gated) by = f.bias ? v0 + lo_load(f.bias, f.type, bias0 + n) : v0;
        v = act_any(f.act, f.a, f.b, v);
        lo_store(f.y, f.type, m * f.ldy + to, f.gated ? by * v : v);
    }
}
