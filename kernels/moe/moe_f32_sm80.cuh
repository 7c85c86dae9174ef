// moe_f32_sm80.cuh - products with experts of f32, in f32.
//
// A block has 8 rows of a slot and one panel of 16 rows of the weights. Four threads read 64 bytes
// of one k, the block 4 KB of 64 neighbouring k; each thread adds up every 64th k of 8 x 4 results,
// and the 64 parts are joined in a fixed order. For a few tokens it is bound by reading the weights
// once: four loads of 16 bytes a thread are under way, 16 KB a block, and two blocks fit a
// multiprocessor. For many tokens the 8 reads of x to 32 multiplications bound it, and the weights
// come from the L2 again for each 8 rows: a quarter of what multiplying could do.
#pragma once
#include "kernels/gemm_q/finish_cuda.cuh"
#include "kernels/moe/moe_cuda.h"

enum { MOE_F32_THREADS = 256, MOE_F32_ROWS = 8, MOE_F32_LANES = MOE_F32_THREADS / 4 };

typedef float moe_f32_sums[MOE_F32_ROWS][16];

__global__ void __launch_bounds__(MOE_F32_THREADS, 2)
    moe_f32(const __grid_constant__ cu_moe_f32_args a)
{
    IGT_SMEM(smem);
    moe_f32_sums *sums = (moe_f32_sums *)smem; // of each warp
    if ((int)blockIdx.y >= *a.n_slots) return;
    const cu_q_slot slot = a.slots[blockIdx.y];
    const int first = (int)blockIdx.z * MOE_F32_ROWS, tid = (int)threadIdx.x;
    const int rows = slot.rows - first < MOE_F32_ROWS ? slot.rows - first : MOE_F32_ROWS;
    if (rows <= 0) return;
    const float *w = a.w + ((int64_t)slot.expert * a.panels + blockIdx.x) * a.k * 16 + tid % 4 * 4;
    const float *x[MOE_F32_ROWS];
#pragma unroll
    for (int r = 0; r < MOE_F32_ROWS; r++) {
        // rows that are not there read the first one's, and are not stored
        const int at = slot.first + first + (r < rows ? r : 0);
        const int from = a.order ? a.order[at] : at;
        x[r] = a.x + (from < 0 ? 0 : from) * a.ldx;
    }
    float acc[MOE_F32_ROWS][4] = {};
#pragma unroll 4
    for (int k = tid / 4; k < a.k; k += MOE_F32_LANES) {
        const float4 v = *(const float4 *)(w + (int64_t)k * 16);
#pragma unroll
        for (int r = 0; r < MOE_F32_ROWS; r++) {
            const float u = x[r][k];
            acc[r][0] = fmaf(u, v.x, acc[r][0]);
            acc[r][1] = fmaf(u, v.y, acc[r][1]);
            acc[r][2] = fmaf(u, v.z, acc[r][2]);
            acc[r][3] = fmaf(u, v.w, acc[r][3]);
        }
    }
#pragma unroll
    for (int r = 0; r < MOE_F32_ROWS; r++)
#pragma unroll
        for (int c = 0; c < 4; c++) {
#pragma unroll
            for (int d = 4; d < 32; d *= 2) acc[r][c] += px_shfl_xor(acc[r][c], d);
            if (tid % 32 < 4) sums[tid / 32][r][tid % 4 * 4 + c] = acc[r][c];
        }
    __syncthreads();
    const int r = tid / 8, n = tid % 8;
    if (r >= rows) return;
    float v0 = 0, v1 = 0;
    for (int p = 0; p < MOE_F32_THREADS / 32; p++) {
        v0 += sums[p][r][n];
        v1 += sums[p][r][n + 8];
    }
    lo_finish_pair(a.finish, slot.first + first + r, (int)blockIdx.x * 16 + n, v0, v1,
                   slot.expert * a.finish.bias_step);
}
