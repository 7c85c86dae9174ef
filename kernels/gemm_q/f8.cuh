// f8.cuh - what products of 8-bit floats by 8-bit floats do with registers, on mma and wgmma alike.
#pragma once
#include "kernels/gemm_q/gemm_f8_cuda.h"
#include "kernels/cuda/ptx.cuh"

// What a product of NT rows by two tiles of weights is about.
struct f8_item {
    int row, m0, end; // tile of weights; rows of x
    int tokens;       // rows to load: whole eights, which x has
    int expert;
};
__device__ __forceinline__ f8_item f8_item_of(const cu_gemm_f8_args &p, int item, int pairs, int nt)
{
    const int block = item / pairs;
    f8_item t = {item % pairs * 2, block * nt, p.m, 0, 0};
    if (p.slots) {
        const int each = CU_F8_SLOT / nt;
        const cu_q_slot slot = p.slots[block / each];
        t.m0 = slot.first + block % each * nt;
        t.end = slot.first + slot.rows;
        t.expert = slot.expert;
    }
    t.tokens = min(nt, (t.end - t.m0 + 7) / 8 * 8);
    return t;
}
__device__ __forceinline__ int f8_items(const cu_gemm_f8_args &p, int pairs, int nt)
{
    return pairs * (p.slots ? *p.n_slots * (CU_F8_SLOT / nt) : (p.m + nt - 1) / nt);
}
// ... at most.
static inline int f8_most(const cu_gemm_f8_args *a, int nt)
{
    const int pairs = (a->w.n / 64 + 1) / 2;
    return pairs * (a->slots ? a->max_slots * (CU_F8_SLOT / nt) : (a->m + nt - 1) / nt);
}

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
