// Hopper attention forward, D = 128, causal or full, GQA. q: [heads][S][128], k, v: [kv
// heads][T][128], out like q. Query i sees keys 0 .. i + T - S when causal. One producer warp
// drives TMA; two consumer warpgroups own 64 query rows each.
#pragma once
#include "kernels/cuda/ptx.cuh"
constexpr int FA_M = 128, FA_N = 128, FA_ST = 2, FA_BOX = FA_N * 128,
              FA_SMEM = 2 * FA_BOX * (1 + 2 * FA_ST) + 1024;

__global__ void __launch_bounds__(384, 1)
    fa_bf16_sm90(const __grid_constant__ igt_tmap tq, const __grid_constant__ igt_tmap tk,
                 const __grid_constant__ igt_tmap tv, bf16_t *__restrict__ out, int S, int T,
                 int group, int causal, float scale_log2)
{
#if defined(IGT_EMU) || defined(IGT_SM90A)
    IGT_SMEM(smem);
    char *sq = smem, *sk = smem + 2 * FA_BOX, *sv = sk + FA_ST * 2 * FA_BOX;
    uint64_t *qf = (uint64_t *)(sv + FA_ST * 2 * FA_BOX), *kf = qf + 1, *vf = kf + FA_ST,
             *ke = vf + FA_ST, *ve = ke + FA_ST;
    const int tid = threadIdx.x, wg = tid / 128, lane = tid & 31, h = blockIdx.y, hk = h / group,
              m0 = ((int)gridDim.x - 1 - (int)blockIdx.x) * FA_M;
    const int last = causal ? min(T, m0 + FA_M + T - S) : T, nt = (last + FA_N - 1) / FA_N;
    if (tid == 0) {
        px_mbar_init(qf, 1);
        for (int i = 0; i < FA_ST; i++) {
            px_mbar_init(kf + i, 1);
            px_mbar_init(vf + i, 1);
            px_mbar_init(ke + i, 2);
            px_mbar_init(ve + i, 2);
        }
        px_mbar_fence_init();
    }
    __syncthreads();
    int st = 0, ph = 0;
    auto next = [&] {
        if (++st == FA_ST) {
            st = 0;
            ph ^= 1;
        }
    };
    auto box2 = [&](char *d, const igt_tmap *t, uint64_t *bar, int row) {
        px_mbar_expect(bar, 2 * FA_BOX);
        px_tma_2d(d, t, bar, 0, row);
        px_tma_2d(d + FA_BOX, t, bar, 64, row);
    };
    if (wg == 0) {
        px_reg_dec<24>();
        if (tid == 0) {
            box2(sq, &tq, qf, h * S + m0);
            for (int n = nt - 1; n >= 0; n--, next()) {
                px_mbar_wait(ke + st, ph ^ 1);
                box2(sk + st * 2 * FA_BOX, &tk, kf + st, hk * T + n * FA_N);
                px_mbar_wait(ve + st, ph ^ 1);
                box2(sv + st * 2 * FA_BOX, &tv, vf + st, hk * T + n * FA_N);
            }
        }
    } else {
        px_reg_inc<240>();
        const int r0 = m0 + (wg - 1) * 64 + tid % 128 / 32 * 16 +
                       (lane >> 2); // this thread's rows: r0 and r0 + 8
        float o[64], s[64], mx[2] = {-1e30f, -1e30f}, sum[2] = {0.f, 0.f};
        uint32_t p[8][4];
#    pragma unroll
        for (int i = 0; i < 64; i++) o[i] = s[i] = 0.f;
        px_mbar_wait(qf, 0);
        for (int n = nt - 1; n >= 0; n--, next()) {
            px_mbar_wait(kf + st, ph);
            px_wg_fence();
#    pragma unroll
            for (int k = 0; k < 8; k++)
                px_wgmma_bf16(
                    s, px_desc_k128(sq + k / 4 * FA_BOX + (wg - 1) * 64 * 128) + k % 4 * 2,
                    px_desc_k128(sk + st * 2 * FA_BOX + k / 4 * FA_BOX) + k % 4 * 2, k > 0);
            px_wg_commit();
            px_wg_wait<0>();
            if (tid % 128 == 0) px_mbar_arrive(ke + st);
            const bool edge =
                n * FA_N + FA_N > T || (causal && n * FA_N + FA_N - 1 > m0 + (wg - 1) * 64 + T - S);
            float m[2] = {mx[0], mx[1]};
#    pragma unroll
            for (int i = 0; i < 64; i++) {
                int q = i >> 1 & 1;
                if (edge) {
                    int c = n * FA_N + i / 4 * 8 + (lane & 3) * 2 + (i & 1);
                    if (c >= T || (causal && c > r0 + q * 8 + T - S)) s[i] = -1e30f;
                }
                m[q] = fmaxf(m[q], s[i]);
            }
#    pragma unroll
            for (int q = 0; q < 2; q++) {
                m[q] = fmaxf(m[q], px_shfl_xor(m[q], 1));
                m[q] = fmaxf(m[q], px_shfl_xor(m[q], 2));
                float f = px_exp2((mx[q] - m[q]) * scale_log2);
                mx[q] = m[q];
                sum[q] *= f;
#    pragma unroll
                for (int i = 0; i < 32; i++) o[(i >> 1) * 4 + q * 2 + (i & 1)] *= f;
                m[q] *= scale_log2;
            }
#    pragma unroll
            for (int i = 0; i < 64; i++) {
                int q = i >> 1 & 1;
                s[i] = px_exp2(s[i] * scale_log2 - m[q]);
                sum[q] += s[i];
            }
#    pragma unroll
            for (int i = 0; i < 32; i++) p[i / 4][i % 4] = px_pack_bf16(s[i * 2], s[i * 2 + 1]);
            px_mbar_wait(vf + st, ph);
            px_wg_fence();
#    pragma unroll
            for (int k = 0; k < 8; k++)
                px_wgmma_bf16_rs_bt(
                    o, p[k], px_desc_mn128(sv + st * 2 * FA_BOX + k * 16 * 128, FA_BOX), true);
            px_wg_commit();
            px_wg_wait<0>();
            if (tid % 128 == 0) px_mbar_arrive(ve + st);
        }
#    pragma unroll
        for (int q = 0; q < 2; q++) {
            sum[q] += px_shfl_xor(sum[q], 1);
            sum[q] += px_shfl_xor(sum[q], 2);
            float inv = sum[q] > 0.f ? 1.f / sum[q] : 0.f;
            int r = r0 + q * 8;
            if (r >= S) continue;
#    pragma unroll
            for (int j = 0; j < 16; j++)
                *(uint32_t *)(out + ((size_t)h * S + r) * 128 + j * 8 + (lane & 3) * 2) =
                    px_pack_bf16(o[j * 4 + q * 2] * inv, o[j * 4 + q * 2 + 1] * inv);
        }
    }
#endif
}
