// Products of 8-bit floats by 8-bit floats on wgmma: the weights are operand A from registers,
// tokens operand B from shared memory.
//
// As gemm_q_sm90.cuh, whose tiles of weights these are: bulk copies into a ring of stages of 128 k
// (2 x 64 rows of weights, 128 tokens of 128 bytes in the 128-byte swizzle, their scales), two
// consumer warpgroups with 64 rows each. A thread's 64 bytes of weights become operands of
// m64n128k32 by two permutations a register and no conversion. After each stage the sums are
// multiplied by the scales of both sides and added to others in f32 (64 + 64 registers): some 100
// instructions a warp, while the other warpgroup multiplies for 256 clocks. A stage is 33 KB, six
// of them 198 KB: more in flight than a multiprocessor's share of the bandwidth asks for.
#pragma once
#include "kernels/gemm_q/f8.cuh"
#include "kernels/gemm_q/gemm_f8_cuda.h"
#include "kernels/gemm_q/gemm_q_sm90.cuh"

struct F8Shape90 {
    static constexpr int NT = 128, stages = 6, tile = 4096, x = NT * 128, quants = 4 * tile,
                         stage = x + quants, w_scales = 128, x_scales = NT * 4,
                         scales = 2 * w_scales + x_scales, tables = stages * stage,
                         out = tables + stages * scales, full = out + 2 * Q_OUT,
                         smem = full + stages * 16;
};

__global__ void __launch_bounds__(384, 1) gemm_f8_sm90(const __grid_constant__ cu_gemm_f8_args p)
{
#if defined(IGT_EMU) || defined(IGT_SM90A)
    typedef F8Shape90 S;
    constexpr int NT = S::NT, ST = S::stages, R = NT / 2;
    IGT_SMEM(smem);
    uint64_t *full = (uint64_t *)(smem + S::full), *empty = full + ST;
    const cu_q_weights &w = p.w;
    const int tid = threadIdx.x, wg = tid / 128, lane = tid & 31;
    const int tiles = w.k / 64, rows = w.n / 64, pairs = (rows + 1) / 2, blocks = (tiles + 1) / 2;
    const int items = pairs * ((p.m + NT - 1) / NT);
    ring_open<ST>(full, empty, 8 /* warps */);
    ring_place<ST> ring;
    if (wg == 0) {
        px_reg_dec<40>();
        if (tid == 0)
            for (int item = blockIdx.x; item < items; item += gridDim.x) {
                const int row = item % pairs * 2, m0 = item / pairs * NT;
                const int halves = min(2, rows - row), tokens = min(NT, p.rows - m0);
                for (int t = 0; t < blocks; t++, ring.next()) {
                    char *at = smem + ring.st * S::stage,
                         *to = smem + S::tables + ring.st * S::scales;
                    const int bytes = min(2, tiles - 2 * t) * S::tile;
                    px_mbar_wait(empty + ring.st, ring.parity ^ 1);
                    px_mbar_expect(full + ring.st, tokens * 132 + halves * (bytes + S::w_scales));
                    px_bulk_load(at, p.x + ((int64_t)t * p.rows + m0) * 128, tokens * 128,
                                 full + ring.st);
                    px_bulk_load(to + 2 * S::w_scales,
                                 p.scale + (int64_t)(p.x_groups ? t : 0) * p.rows + m0, tokens * 4,
                                 full + ring.st);
                    for (int h = 0; h < halves; h++) {
                        const int64_t g =
                            (int64_t)(row + h) * w.groups + ((int64_t)t * 128 >> w.group_log2);
                        px_bulk_load(at + S::x + h * 2 * S::tile,
                                     w.quants + ((int64_t)(row + h) * tiles + 2 * t) * S::tile,
                                     bytes, full + ring.st);
                        px_bulk_load(to + h * S::w_scales, w.scales + g * 64, S::w_scales,
                                     full + ring.st);
                    }
                }
            }
    } else {
        px_reg_inc<232>();
        const int me = tid % 128, warp = me >> 5;
        float *out = (float *)(smem + S::out + (wg - 1) * Q_OUT);
        for (int item = blockIdx.x; item < items; item += gridDim.x) {
            const int row = item % pairs * 2 + wg - 1, m0 = item / pairs * NT;
            float acc[R], sum[R];
#    pragma unroll
            for (int i = 0; i < R; i++) sum[i] = 0.f;
            for (int t = 0; t < blocks; t++, ring.next()) {
                px_mbar_wait(full + ring.st, ring.parity);
                const char *at = smem + ring.st * S::stage,
                           *weights = at + S::x + (wg - 1) * 2 * S::tile + me * 16,
                           *scales = smem + S::tables + ring.st * S::scales;
                // Where the last block has one tile the other is zeros, like x there. No branch
                // around the products: the compiler would make one wait for the other.
                const bool both = 2 * t + 1 < tiles;
                const uint64_t dx = px_desc_k128(at);
                uint32_t a[4][4];
#    pragma unroll
                for (int s = 0; s < 4; s++) {
                    const uint4 v = px_ld16(weights + s * 2048), none = {0, 0, 0, 0};
                    f8_operand(a[s], s < 2 || both ? v : none);
                }
                px_wg_fence();
#    pragma unroll
                for (int s = 0; s < 4; s++) px_wgmma_e4m3_rs(acc, a[s], dx + s * 2, s > 0);
                px_wg_commit();
                px_wg_wait<0>();
                f8_add((float(&)[R / 4][4]) sum, (const float(&)[R / 4][4]) acc,
                       scales + (wg - 1) * S::w_scales + warp * 32 + (lane >> 2) * 4,
                       scales + 2 * S::w_scales);
                __syncwarp();
                if (lane == 0) px_mbar_arrive(empty + ring.st);
            }
            // the tables' scales are 256 times what the codes are to be multiplied by
            if (row < rows) q_finish90(sum, out, p.finish, w.row, nullptr, 0x1p-8f, row, m0, p.m);
        }
    }
#endif
}
