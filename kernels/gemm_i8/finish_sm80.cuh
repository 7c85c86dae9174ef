// finish_sm80.cuh - 32-bit sums of bytes become results: i8_finish.h on the device, to its bits.
#pragma once
#include "kernels/cuda/ptx.cuh"
#include "kernels/gemm_i8/gemm_i8_cuda.h"

// Once rounded each, whatever the compiler likes to contract.
__device__ __forceinline__ float i8_mul(float a, float b)
{
    PX(return a * b, return __fmul_rn(a, b));
}
__device__ __forceinline__ float i8_add(float a, float b)
{
    PX(return a + b, return __fadd_rn(a, b));
}

// Element i of a vector of bytes, as the signed kernel counts them.
__device__ __forceinline__ int i8_zero(const cu_i8_vector &v, int64_t matrix, int64_t i,
                                       int is_signed)
{
    const int64_t at = matrix * v.batch + i * v.step;
    if (is_signed) return v.p ? ((const int8_t *)v.p)[at] : 0;
    return (v.p ? ((const uint8_t *)v.p)[at] : 0) - 128;
}

// Where product z finds its operands, in matrices.
__device__ __forceinline__ void i8_batch(const cu_gemm_i8_args &g, int z, int &a, int &w)
{
    a = w = 0;
    for (int d = g.rank - 1; d >= 0; d--) {
        a += z % g.dims[d] * g.a_step[d];
        w += z % g.dims[d] * g.w_step[d];
        z /= g.dims[d];
    }
}

// The sum aw of row m, column n of product z becomes y[z, m, n].
__device__ __forceinline__ void i8_finish(const cu_gemm_i8_args &g, int z, int a, int w, int m,
                                          int n, int aw)
{
    uint32_t c = (uint32_t)aw;
    const uint32_t az = (uint32_t)i8_zero(g.a_zero, a, m, g.a_signed);
    const uint32_t wz = (uint32_t)i8_zero(g.w_zero, w, n, g.w_signed);
    if (wz) c -= wz * (uint32_t)g.a_sum[(int64_t)a * g.m + m];
    if (az) c -= az * ((uint32_t)g.w_sum[(int64_t)w * g.n + n] - (uint32_t)g.k * wz);
    const int64_t bias_at = w * g.bias.batch + (int64_t)n * g.bias.step;
    if (g.bias.p && g.bias_is_int) c += (uint32_t)((const int32_t *)g.bias.p)[bias_at];
    const int64_t at = ((int64_t)z * g.m + m) * g.n + n;
    if (g.to == CU_I8_I32) {
        ((int32_t *)g.y)[at] = (int32_t)c;
        return;
    }
    float scale =
        g.scale.p ? ((const float *)g.scale.p)[w * g.scale.batch + (int64_t)n * g.scale.step] : 1.f;
    if (g.row_scale) scale = i8_mul(scale, g.row_scale[(int64_t)a * g.m + m]);
    float v = i8_mul((float)(int32_t)c, scale);
    if (g.bias.p && !g.bias_is_int) v = i8_add(v, ((const float *)g.bias.p)[bias_at]);
    if (g.to == CU_I8_F32) {
        ((float *)g.y)[at] = v;
    } else if (g.to == CU_I8_F16 || g.to == CU_I8_BF16) {
        ((uint16_t *)g.y)[at] = g.to == CU_I8_F16 ? px_f2h(v) : px_f2bf(v);
    } else {
        const bool is_signed = g.to == CU_I8_S8;
        const int zero = !g.y_zero   ? 0
                         : is_signed ? *(const int8_t *)g.y_zero
                                     : *(const uint8_t *)g.y_zero;
        const int least = is_signed ? -128 : 0, most = least + 255;
        const float low = (float)(max(g.low, least) - zero),
                    high = (float)(min(g.high, most) - zero);
        v = rintf(v);
        v = v > low ? v : low; // a NaN too
        v = v < high ? v : high;
        ((uint8_t *)g.y)[at] = (uint8_t)((int)v + zero);
    }
}
