// act_sm80.cuh - the activations that products apply to finished sums, in f32; act_cuda.def lists
// them, kernels/gemm/epilogue.h and kernels/unary say what they do with NaN and infinities.
#pragma once
#include "kernels/cuda/ptx.cuh"
#include "kernels/gemm/gemm_cuda.h"

// 1 / (1 + exp(-x)), from the side where nothing overflows.
__device__ __forceinline__ float act_sigmoid(float x)
{
    const float e = expf(-fabsf(x));
    return (x < 0 ? e : 1.f) / (1.f + e);
}
// Minus infinity becomes the lowest float, so that times 0 it is 0, the limit.
__device__ __forceinline__ float act_finite(float x)
{
    return x < -3.402823466e38f ? -3.402823466e38f : x;
}
__device__ __forceinline__ float act_silu(float x, float a)
{
    x = act_finite(x);
    return x * act_sigmoid(a * x);
}
__device__ __forceinline__ float act_gelu_tanh(float x)
{ // (1 + tanh(u)) / 2 is sigmoid(2u), which keeps its precision where tanh goes to -1
    x = act_finite(x);
    return x * act_sigmoid(1.5957691216f * fmaf(x * x, x * 0.044715f, x));
}
__device__ __forceinline__ float act_gelu_erf(float x)
{
    x = act_finite(x);
    return 0.5f * x * (1.f + erff(x * 0.70710678119f));
}
__device__ __forceinline__ float act_clamp(float x, float low, float high)
{
    const float t = low > x ? low : x;
    return high < t ? high : t;
}
__device__ __forceinline__ float act_hard_swish(float x)
{ // 1/6 in two pieces: its bias in f32 would add up over the layers of a deep net
    const float t = act_clamp(x + 3.f, 0.f, 6.f);
    return x * fmaf(t, 0x1.555556p-3f, t * -0x1.555556p-28f);
}
__device__ __forceinline__ float act_mish(float x)
{ // tanh(log(1 + e)) = u / (u + 2) with u = e (e + 2); 1 from x = 20 on
    x = act_finite(x);
    const float e = expf(x > 20.f ? 20.f : x), u = e * (e + 2.f);
    return x * (u / (u + 2.f));
}
__device__ __forceinline__ float act_softsign(float x)
{
    const float size = fabsf(x) > 3.402823466e38f ? 3.402823466e38f : fabsf(x);
    return copysignf(size / (1.f + size), x);
}
__device__ __forceinline__ float act_expm1_below(float x) { return expm1f(x > 0.f ? 0.f : x); }

// One element; `act` is the same for all threads.
__device__ __forceinline__ float act_any(int act, float a, float b, float x)
{
    switch (act) {
    case CU_ACT_relu:
        return 0.f > x ? 0.f : x;
    case CU_ACT_clip:
        return act_clamp(x, a, b);
    case CU_ACT_leaky_relu:
        return x < 0.f ? a * x : x;
    case CU_ACT_hard_sigmoid:
        return act_clamp(fmaf(a, x, b), 0.f, 1.f);
    case CU_ACT_hard_swish:
        return act_hard_swish(x);
    case CU_ACT_celu:
        return x < 0.f ? a * act_expm1_below(x / a) : x;
    case CU_ACT_elu:
        return x < 0.f ? a * act_expm1_below(x) : x;
    case CU_ACT_erf:
        return erff(x);
    case CU_ACT_gelu_erf:
        return act_gelu_erf(x);
    case CU_ACT_gelu_tanh:
        return act_gelu_tanh(x);
    case CU_ACT_mish:
        return act_mish(x);
    case CU_ACT_selu:
        return b * (x < 0.f ? a * act_expm1_below(x) : x);
    case CU_ACT_sigmoid:
        return act_sigmoid(x);
    case CU_ACT_silu:
        return act_silu(x, a);
    case CU_ACT_softplus:
        return (x < 0.f ? 0.f : x) + log1pf(expf(-fabsf(x)));
    case CU_ACT_softsign:
        return act_softsign(x);
    case CU_ACT_tanh:
        return tanhf(x);
    case CU_ACT_thresholded_relu:
        return x <= a ? 0.f : x;
    case CU_ACT_affine:
        return fmaf(x, a, b);
    default:
        return x;
    }
}

// V elements in registers. The usual ones work on all at once; the others take turns through one
// copy of the code (registers can't be indexed: the array turns instead).
template <int V> __device__ __forceinline__ void act_apply(int act, float a, float b, float (&v)[V])
{
    switch (act) {
    case CU_ACT_none:
        break;
    case CU_ACT_relu:
#pragma unroll
        for (int q = 0; q < V; q++) v[q] = 0.f > v[q] ? 0.f : v[q];
        break;
    case CU_ACT_silu:
#pragma unroll
        for (int q = 0; q < V; q++) v[q] = act_silu(v[q], a);
        break;
    case CU_ACT_gelu_tanh:
#pragma unroll
        for (int q = 0; q < V; q++) v[q] = act_gelu_tanh(v[q]);
        break;
    default:
#pragma unroll 1
        for (int i = 0; i < V; i++) {
            const float y = act_any(act, a, b, v[0]);
#pragma unroll
            for (int q = 0; q + 1 < V; q++) v[q] = v[q + 1];
            v[V - 1] = y;
        }
    }
}
