// Activations to f16 tiles (cu_q_acts_args): a block a row, which it reads twice; the second time
// from L1. A thread has 8 elements at a time, which are 16 bytes of the result.
#pragma once
#include "kernels/gemm_q/finish_cuda.cuh"
#include "kernels/gemm_q/gemm_q_cuda.h"

// Elements [8 c, 8 c + 8) of a row; those past k are zeros.
__device__ __forceinline__ void acts_load(float (&v)[8], const void *x, int type, int64_t row,
                                          int c, int k)
{
    const int left = k - c * 8;
    if (type == CU_F32 && left >= 8 && !((uintptr_t)((const float *)x + row) & 15)) {
        const float4 *p = (const float4 *)((const float *)x + row + c * 8);
        const float4 lo = p[0], hi = p[1];
        v[0] = lo.x, v[1] = lo.y, v[2] = lo.z, v[3] = lo.w;
        v[4] = hi.x, v[5] = hi.y, v[6] = hi.z, v[7] = hi.w;
        return;
    }
#pragma unroll
    for (int i = 0; i < 8; i++) v[i] = i < left ? lo_load(x, type, row + c * 8 + i) : 0.f;
}

// The largest magnitude as bits, which order like the floats and put infinities and NaN on top.
__device__ __forceinline__ uint32_t acts_top(const float (&v)[8])
{
    uint32_t top = 0;
#pragma unroll
    for (int i = 0; i < 8; i++) {
        const uint32_t b = px_bits(v[i]) & 0x7fffffff;
        top = b > top ? b : top;
    }
    return top;
}
__device__ __forceinline__ uint32_t acts_larger(uint32_t a, int lanes)
{
    const uint32_t b = px_bits(px_shfl_xor(px_float(a), lanes));
    return b > a ? b : a;
}

// Rounds a group of 32, which four neighbouring lanes have, as the CPU does.
__device__ __forceinline__ void acts_round(float (&v)[8])
{
    uint32_t bits = acts_top(v);
    bits = acts_larger(bits, 1);
    bits = acts_larger(bits, 2);
    const float top = px_float(bits);
    const bool finite = bits < 0x7f800000, none = top < 0x1p-100f;
    const float inverse = none ? 0.f : 127 / top, d = none ? 0.f : top / 127;
#pragma unroll
    for (int i = 0; i < 8; i++) v[i] = finite ? rintf(v[i] * inverse) * d : px_float(0x7fc00000);
}

// 2^e for a row with that top, by its bits: the top's exponent less 14, within what has an inverse;
// 1 for no number. Returns 2^-e.
__device__ __forceinline__ float acts_factor(float &factor, uint32_t top)
{
    int e = (int)(top >> 23) - 14;
    e = top == 0 || top >= 0x7f800000 ? 127 : e < 1 ? 1 : e;
    factor = px_float((uint32_t)e << 23);
    return px_float((uint32_t)(254 - e) << 23);
}

template <int THREADS>
__global__ void __launch_bounds__(THREADS) q_acts_sm80(const cu_q_acts_args a)
{
    IGT_SMEM(smem);
    uint32_t *tops = (uint32_t *)smem;
    const int tid = threadIdx.x, r = blockIdx.x, chunks = (a.k + 63) / 64 * 8;
    const int from = r >= a.m ? -1 : a.order ? a.order[r] : r;
    const bool there = from >= 0;
    const int64_t row = there ? from * a.ldx : 0;
    uint32_t top = 0;
    for (int c = tid; c < (chunks + 31) / 32 * 32; c += THREADS) { // whole warps
        float v[8];
        acts_load(v, a.x, a.type, row, c, there ? a.k : 0);
        if (a.a8) acts_round(v);
        const uint32_t t = acts_top(v);
        top = t > top ? t : top;
    }
#pragma unroll
    for (int lanes = 16; lanes; lanes >>= 1) top = acts_larger(top, lanes);
    if ((tid & 31) == 0) tops[tid >> 5] = top;
    __syncthreads();
#pragma unroll
    for (int i = 0; i < THREADS / 32; i++) top = tops[i] > top ? tops[i] : top;
    float factor;
    const float inverse = acts_factor(factor, top);
    if (tid == 0) a.factor[r] = factor;
    for (int c = tid; c < (chunks + 31) / 32 * 32; c += THREADS) {
        float v[8];
        acts_load(v, a.x, a.type, row, c, there ? a.k : 0);
        if (a.a8) acts_round(v);
        if (c >= chunks) continue;
        uint4 h;
        h.x = px_pack_f16(v[0] * inverse, v[1] * inverse);
        h.y = px_pack_f16(v[2] * inverse, v[3] * inverse);
        h.z = px_pack_f16(v[4] * inverse, v[5] * inverse);
        h.w = px_pack_f16(v[6] * inverse, v[7] * inverse);
        *(uint4 *)(a.tiles + ((int64_t)(c / 8) * a.rows + r) * 64 + ((c ^ r) & 7) * 8) = h;
    }
}
