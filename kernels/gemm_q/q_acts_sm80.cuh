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

// e4m3 with the scale d for a top, as ig_q_e4m3_row has it: what to multiply by before rounding,
// and d. No number: NaN.
__device__ __forceinline__ float acts_f8_scale(float &d, uint32_t top)
{
    const float t = px_float(top);
    const bool none = t < 0x1p-100f, finite = top < 0x7f800000;
    d = !finite ? px_float(0x7fc00000) : none ? 0.f : t / 448;
    return !finite || none ? 0.f : 448 / t;
}
// The values of two e4m3 as halves.
__device__ __forceinline__ uint32_t acts_f8_pair(float a, float b, float inverse)
{
    return px_e4m3x2_f16x2(px_pack_e4m3(a * inverse, b * inverse));
}
// A group of 128, which 16 neighbouring lanes have.
__device__ __forceinline__ void acts_round_f8(float (&v)[8])
{
    uint32_t top = acts_top(v);
#pragma unroll
    for (int lanes = 1; lanes < 16; lanes *= 2) top = acts_larger(top, lanes);
    float d;
    const float inverse = acts_f8_scale(d, top);
#pragma unroll
    for (int i = 0; i < 8; i += 2) {
        const uint32_t pair = acts_f8_pair(v[i], v[i + 1], inverse);
        v[i] = px_h2f((uint16_t)pair) * d;
        v[i + 1] = px_h2f((uint16_t)(pair >> 16)) * d;
    }
}

// The roundings that come before the row's factor. F8: weights of e4m3 meet no others.
template <bool F8> __device__ __forceinline__ void acts_first(float (&v)[8], int round)
{
    if constexpr (F8) {
        if (round == CU_Q_F8_GROUPS) acts_round_f8(v);
    } else {
        if (round == CU_Q_A8) acts_round(v);
    }
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

// The factor of a row, and what its elements are multiplied by before they become halves.
template <bool F8> __device__ __forceinline__ float acts_row(float &factor, uint32_t top, int round)
{
    if (F8 && round == CU_Q_F8_ROWS) return acts_f8_scale(factor, top);
    return acts_factor(factor, top);
}
template <bool F8>
__device__ __forceinline__ uint4 acts_halves(const float (&v)[8], float inverse, int round)
{
    if (F8 && round == CU_Q_F8_ROWS)
        return uint4{acts_f8_pair(v[0], v[1], inverse), acts_f8_pair(v[2], v[3], inverse),
                     acts_f8_pair(v[4], v[5], inverse), acts_f8_pair(v[6], v[7], inverse)};
    return uint4{
        px_pack_f16(v[0] * inverse, v[1] * inverse), px_pack_f16(v[2] * inverse, v[3] * inverse),
        px_pack_f16(v[4] * inverse, v[5] * inverse), px_pack_f16(v[6] * inverse, v[7] * inverse)};
}

template <int THREADS, bool F8>
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
        acts_first<F8>(v, a.round);
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
    const float inverse = acts_row<F8>(factor, top, a.round);
    if (tid == 0) a.factor[r] = factor;
    for (int c = tid; c < (chunks + 31) / 32 * 32; c += THREADS) {
        float v[8];
        acts_load(v, a.x, a.type, row, c, there ? a.k : 0);
        acts_first<F8>(v, a.round);
        if (c >= chunks) continue;
        *(uint4 *)(a.tiles + ((int64_t)(c / 8) * a.rows + r) * 64 + ((c ^ r) & 7) * 8) =
            acts_halves<F8>(v, inverse, a.round);
    }
}
