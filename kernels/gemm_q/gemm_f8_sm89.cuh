// Products of 8-bit floats by 8-bit floats on mma.sync: the weights are operand A, tokens operand
// B.
//
// 128 rows by 64 tokens a block, 8 warps with 16 rows each. A ring of three stages of 128 k (25 KB
// each) by cp.async; weights and tokens lie in shared memory as in global memory, tokens swizzled
// already. After each stage the sums are multiplied by the scales of both sides and added to others
// in f32.
#pragma once
#include "kernels/gemm_q/f8.cuh"
#include "kernels/gemm_q/gemm_f8_cuda.h"
#include "kernels/gemm_q/gemm_q_sm80.cuh"

struct F8Shape89 {
    static constexpr int NT = 64, stages = 3, tile = 4096, quants = 4 * tile, x = NT * 128,
                         w_scales = 256, stage = quants + x + w_scales + NT * 4,
                         smem = stages * stage;
};

__global__ void __launch_bounds__(256) gemm_f8_sm89(const __grid_constant__ cu_gemm_f8_args p)
{
#if defined(IGT_EMU) || __CUDA_ARCH__ >= 890
    typedef F8Shape89 S;
    constexpr int NT = S::NT, ST = S::stages;
    IGT_SMEM(smem);
    const cu_q_weights &w = p.w;
    const int tid = threadIdx.x, lane = tid & 31, warp = tid >> 5, half = warp >> 2;
    const int tiles = w.k / 64, rows = w.n / 64, pairs = (rows + 1) / 2, blocks = (tiles + 1) / 2;
    const int row = (int)blockIdx.x % pairs * 2, m0 = (int)blockIdx.x / pairs * NT;
    auto load = [&](int t) {
        char *to = smem + t % ST * S::stage;
        const int groups = p.x_groups ? t : 0;
#    pragma unroll
        for (int i = tid; i < S::quants / 16; i += 256) {
            const int h = i / 512, at = i % 512;
            const bool ok = row + h < rows && 2 * t + at / 256 < tiles;
            const int64_t from = ((int64_t)(row + h) * tiles + 2 * t) * S::tile + at * 16;
            px_cp16(to + i * 16, ok ? w.quants + from : w.quants, ok ? 16 : 0);
        }
#    pragma unroll
        for (int i = tid; i < S::x / 16; i += 256) {
            const bool ok = m0 + i / 8 < p.rows;
            const int64_t from = ((int64_t)t * p.rows + m0) * 128 + i * 16;
            px_cp16(to + S::quants + i * 16, ok ? p.x + from : p.x, ok ? 16 : 0);
        }
        char *scales = to + S::quants + S::x;
        if (tid < 16) {
            const int h = tid / 8;
            const int64_t g = (int64_t)(row + h) * w.groups + ((int64_t)t * 128 >> w.group_log2);
            const bool ok = row + h < rows;
            px_cp16(scales + tid * 16, ok ? w.scales + g * 64 + tid % 8 * 8 : w.scales,
                    ok ? 16 : 0);
        } else if (tid < 32) {
            const int i = tid - 16;
            const bool ok = m0 + i * 4 < p.rows;
            const int64_t from = (int64_t)groups * p.rows + m0 + i * 4;
            px_cp16(scales + S::w_scales + i * 16, ok ? p.scale + from : p.scale, ok ? 16 : 0);
        }
    };
    float sum[NT / 8][4];
#    pragma unroll
    for (int j = 0; j < NT / 8; j++)
#    pragma unroll
        for (int i = 0; i < 4; i++) sum[j][i] = 0.f;
#    pragma unroll
    for (int t = 0; t < ST - 1; t++) {
        if (t < blocks) load(t);
        px_cp_commit();
    }
    for (int t = 0; t < blocks; t++) {
        px_cp_wait<ST - 2>();
        __syncthreads(); // stage t is visible; stage t - 1 is free again
        if (t + ST - 1 < blocks) load(t + ST - 1);
        px_cp_commit();
        const char *at = smem + t % ST * S::stage, *xs = at + S::quants, *scales = xs + S::x;
        float acc[NT / 8][4];
#    pragma unroll
        for (int j = 0; j < NT / 8; j++)
#    pragma unroll
            for (int i = 0; i < 4; i++) acc[j][i] = 0.f;
#    pragma unroll
        for (int s = 0; s < 4; s++) {
            uint32_t a[4], b[1][NT / 8][2];
            f8_operand(a, px_ld16(at + half * 2 * S::tile + s * 2048 + (tid & 127) * 16));
            q_tokens<NT, 1>(b, xs, s, lane);
#    pragma unroll
            for (int j = 0; j < NT / 8; j++) px_mma_e4m3(acc[j], a, b[0][j]);
        }
        f8_add(sum, acc, scales + half * 128 + (warp & 3) * 32 + (lane >> 2) * 4,
               scales + S::w_scales);
    }
    px_cp_wait<0>();
    if (row + half >= rows) return;
    // the tables' scales are 256 times what the codes are to be multiplied by
    q_finish<NT>(sum, w, nullptr, 0x1p-8f, p.finish, (row + half) * 64, m0, p.m, 0);
#endif
}
