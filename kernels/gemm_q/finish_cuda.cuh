// finish_cuda.cuh - finish_cuda.h on the device.
#pragma once
#include "kernels/gemm_q/finish_cuda.h"
#include "kernels/cuda/ptx.cuh"

__device__ __forceinline__ float lo_clip(float x, float low, float high)
{
    const float t = low > x ? low : x;
    return high < t ? high : t;
}

// One value at a time, as short as it can be: one exponential serves for all that have one. With e
// = exp(-|x|), tanh(softplus(x)) is (1 + 2 e) / (1 + 2 e + 2 e e) for x >= 0 and (e e + 2 e) / (e e
// + 2 e + 2) below. Absolute errors are about 2^-23 of the result's range.
__device__ __forceinline__ float lo_act(int act, float a, float b, float x)
{
    float z = 0; // of the exponential
    switch (act) {
    case CU_ACT_NONE:
        return x;
    case CU_ACT_RELU:
        return 0 > x ? 0 : x;
    case CU_ACT_CLIP:
        return lo_clip(x, a, b);
    case CU_ACT_LEAKY_RELU:
        return x < 0 ? a * x : x;
    case CU_ACT_HARD_SIGMOID:
        return lo_clip(a * x + b, 0, 1);
    case CU_ACT_HARD_SWISH:
        return x * lo_clip(x / 6 + 0.5f, 0, 1);
    case CU_ACT_ERF:
        return erff(x);
    case CU_ACT_GELU_ERF:
        return x / 2 * (1 + erff(x * 0.70710678f));
    case CU_ACT_SOFTSIGN:
        return x / (1 + fabsf(x));
    case CU_ACT_THRESHOLDED_RELU:
        return x > a ? x : 0;
    case CU_ACT_AFFINE:
        return a * x + b;
    case CU_ACT_CELU:
        z = x / a;
        break;
    case CU_ACT_GELU_TANH:
        z = -1.5957691f * (x + 0.044715f * x * x * x);
        break;
    case CU_ACT_TANH:
        z = -2 * x;
        break;
    case CU_ACT_SILU:
        z = -a * x;
        break;
    case CU_ACT_SIGMOID:
        z = -x;
        break;
    case CU_ACT_SOFTPLUS:
    case CU_ACT_MISH:
        z = -fabsf(x);
        break;
    default: // elu, selu
        z = x;
    }
    const float e = expf(z), s = 1 / (1 + e);
    switch (act) {
    case CU_ACT_CELU:
    case CU_ACT_ELU:
        return x < 0 ? a * (e - 1) : x;
    case CU_ACT_SELU:
        return b * (x < 0 ? a * (e - 1) : x);
    case CU_ACT_TANH:
        return 2 * s - 1;
    case CU_ACT_SIGMOID:
        return s;
    case CU_ACT_SOFTPLUS:
        return fmaxf(x, 0.f) + log1pf(e);
    case CU_ACT_MISH: {
        const float n = x < 0 ? e * e + 2 * e : 1 + 2 * e;
        return x * n / (n + (x < 0 ? 2.f : 2 * e * e));
    }
    default: // silu, gelu_tanh
        return x * s;
    }
}

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
        v = lo_act(f.act, f.a, f.b, v);
        lo_store(f.y, f.type, m * f.ldy + to, f.gated ? by * v : v);
    }
}
