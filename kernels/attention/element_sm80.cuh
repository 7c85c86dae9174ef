// element_sm80.cuh - what attention's kernels share: elements of tensors and pages, the scores'
// rule and the joining of partial results.
//
// Scores are kept times log2(e), so that weights are exp2 of them.
#pragma once
#include "kernels/attention/attention_cuda.h"
#include "kernels/cuda/ptx.cuh"

constexpr float ATT_LOG2E = 1.4426950408889634f, ATT_NONE = -INFINITY;

// ---- elements ----
__device__ __forceinline__ int att_bytes(cu_att_type t)
{
    return t == CU_ATT_F32 ? 4 : t == CU_ATT_F16 || t == CU_ATT_BF16 ? 2 : 1;
}

// Element i of a tensor of type t; of a page's 8-bit element without its scale.
__device__ __forceinline__ float att_load(const void *p, cu_att_type t, int64_t i)
{
    switch (t) {
    case CU_ATT_F32:
        return ((const float *)p)[i];
    case CU_ATT_F16:
        return px_h2f(((const f16_t *)p)[i]);
    case CU_ATT_BF16:
        return px_bf2f(((const bf16_t *)p)[i]);
    case CU_ATT_I8:
        return (float)((const int8_t *)p)[i];
    case CU_ATT_F8:
        return px_e4m32f(((const e4m3_t *)p)[i]);
    default:
        return ((const uint8_t *)p)[i] ? 0.0f : ATT_NONE; // a mask
    }
}

__device__ __forceinline__ void att_store(void *p, cu_att_type t, int64_t i, float x)
{
    if (t == CU_ATT_F32)
        ((float *)p)[i] = x;
    else if (t == CU_ATT_F16)
        ((f16_t *)p)[i] = px_f2h(x);
    else
        ((bf16_t *)p)[i] = px_f2bf(x);
}

// ---- the rule ----
// Made on the host: z = score * mul, or cap * tanh(score * cap_mul), times log2(e).
struct att_scores {
    float mul, cap, cap_mul; // cap_mul: twice, times log2(e); 0: no cap
    __device__ __forceinline__ float operator()(float s) const
    {
        if (cap_mul == 0) return s * mul;
        return cap * (1.0f - 2.0f / (px_exp2(s * cap_mul) + 1.0f)); // tanh x = 1 - 2 / (e^2x + 1)
    }
};
static inline att_scores att_scores_of(const cu_att_rule &r)
{
    return {r.scale * ATT_LOG2E, r.softcap * ATT_LOG2E,
            r.softcap > 0 ? 2 * ATT_LOG2E * r.scale / r.softcap : 0.0f};
}

// The keys that a query at position `at` sees among n: [begin, end).
struct att_range {
    int begin, end;
};
__device__ __forceinline__ att_range att_sees(const cu_att_rule &r, int at, int n)
{
    att_range s = {r.left >= 0 ? max(at - r.left, 0) : 0, n};
    if (r.causal) s.end = min(s.end, at + 1);
    if (r.right >= 0 && r.right < s.end - 1 - at) s.end = at + r.right + 1;
    s.end = max(s.end, 0);
    s.begin = min(s.begin, s.end);
    return s;
}

// ---- joining ----
// What exp2 is relative to: 0 in place of "nothing seen".
__device__ __forceinline__ float att_base(float most) { return most == ATT_NONE ? 0.0f : most; }

// Parts a and b of a row, largest scores ma and mb: the factors of both in their sum.
struct att_join {
    float most, a, b;
};
__device__ __forceinline__ att_join att_joined(float ma, float mb)
{
    const float most = fmaxf(ma, mb), base = att_base(most);
    return {most, px_exp2(ma - base), px_exp2(mb - base)};
}
__device__ __forceinline__ float att_mix(const att_join &j, float a, float b)
{
    return fmaf(b, j.b, a * j.a);
}
__device__ __forceinline__ float4 att_mix(const att_join &j, const float4 &a, const float4 &b)
{
    return {att_mix(j, a.x, b.x), att_mix(j, a.y, b.y), att_mix(j, a.z, b.z), att_mix(j, a.w, b.w)};
}

// A row's sums into its result: what to multiply by, with the sink's share of the weights.
__device__ __forceinline__ float att_inverse(const cu_att_rule &r, int head, float most, float sum,
                                             float *shift)
{
    *shift = 1.0f;
    if (r.sinks) {
        const att_join j = att_joined(most, r.sinks[head] * ATT_LOG2E);
        sum = att_mix(j, sum, 1.0f);
        *shift = j.a;
        return 1.0f / sum;
    }
    return 1.0f / sum; // of a row that sees nothing, infinite: the caller writes `hidden`
}
