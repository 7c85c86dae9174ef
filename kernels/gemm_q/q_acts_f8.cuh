// q_acts_f8.cuh - activations to tiles of 8-bit floats (cu_f8_acts_args): a block a row. A thread
// has 8 elements at a time, which are 8 bytes of the result: k = 16 g + 4 h + {0 1 2 3} and 8 more
// of each, in the order of the tiles. Of whole rows x is read twice, the second time from L1.
#pragma once
#include "kernels/gemm_q/gemm_f8_cuda.h"
#include "kernels/gemm_q/q_acts_sm80.cuh"

// Elements k0 + {0 1 8 9 2 3 10 11} of a row; those past k are zeros.
__device__ __forceinline__ void f8_load(float (&v)[8], const void *x, int type, int64_t row, int k0,
                                        int k)
{
    if (type == CU_F32 && k0 + 12 <= k && !((uintptr_t)((const float *)x + row) & 15)) {
        const float4 lo = *(const float4 *)((const float *)x + row + k0),
                     hi = *(const float4 *)((const float *)x + row + k0 + 8);
        v[0] = lo.x, v[1] = lo.y, v[4] = lo.z, v[5] = lo.w;
        v[2] = hi.x, v[3] = hi.y, v[6] = hi.z, v[7] = hi.w;
        return;
    }
#pragma unroll
    for (int i = 0; i < 8; i++) {
        const int at = k0 + i / 4 * 2 + i % 4 / 2 * 8 + i % 2;
        v[i] = at < k ? lo_load(x, type, row + at) : 0.f;
    }
}

// CC: the chip that the instance is compiled for, which makes two of one name.
template <int CC, int THREADS>
__global__ void __launch_bounds__(THREADS) q_acts_f8(const cu_f8_acts_args a)
{
    IGT_SMEM(smem);
    uint32_t *tops = (uint32_t *)smem;
    const int tid = threadIdx.x, r = blockIdx.x, eights = (a.k + 127) / 128 * 16;
    const int from = r >= a.m ? -1 : a.order ? a.order[r] : r;
    const bool there = from >= 0, whole = a.round == CU_Q_F8_ROWS;
    const int k = there ? a.k : 0, all = (eights + 31) / 32 * 32; // whole warps
    const int64_t row = there ? from * a.ldx : 0;
    float v[8], inverse = 0.f, d = 0.f;
    if (whole) {
        uint32_t top = 0;
        for (int i = tid; i < all; i += THREADS) {
            f8_load(v, a.x, a.type, row, i / 2 * 16 + i % 2 * 4, k);
            const uint32_t t = acts_top(v);
            top = t > top ? t : top;
        }
#pragma unroll
        for (int lanes = 16; lanes; lanes >>= 1) top = acts_larger(top, lanes);
        if ((tid & 31) == 0) tops[tid >> 5] = top;
        __syncthreads();
#pragma unroll
        for (int i = 0; i < THREADS / 32; i++) top = tops[i] > top ? tops[i] : top;
        inverse = acts_f8_scale(d, top);
        if (tid == 0) a.scale[r] = d;
    }
    for (int i = tid; i < all; i += THREADS) {
        f8_load(v, a.x, a.type, row, i / 2 * 16 + i % 2 * 4, k);
        if (!whole) {
            uint32_t top = acts_top(v);
#pragma unroll
            for (int lanes = 1; lanes < 16; lanes *= 2) top = acts_larger(top, lanes);
            inverse = acts_f8_scale(d, top);
            if (i % 16 == 0 && i < eights) a.scale[(int64_t)(i / 16) * a.rows + r] = d;
        }
        if (i >= eights) continue;
        uint32_t q[2];
#pragma unroll
        for (int h = 0; h < 2; h++)
            q[h] = px_pack_e4m3(v[4 * h] * inverse, v[4 * h + 1] * inverse) |
                   (uint32_t)px_pack_e4m3(v[4 * h + 2] * inverse, v[4 * h + 3] * inverse) << 16;
        const int chunk = i / 2 % 8;
        *(uint2 *)(a.tiles + ((int64_t)(i / 16) * a.rows + r) * 128 + ((chunk ^ r) & 7) * 16 +
                   i % 2 * 8) = uint2{q[0], q[1]};
    }
}
