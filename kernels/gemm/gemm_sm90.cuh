// Hopper GEMM: persistent, warp-specialised. One producer warpgroup drives TMA, two consumer
// warpgroups run wgmma, each on 64 rows of a 128 x BN tile. C[M,N] = A[M,K] * B[N,K]^T (+ bias). K
// and N % 8 == 0.
#pragma once
#include "kernels/cuda/ptx.cuh"
constexpr int H_BM = 128, H_BK = 64;
template <int BN, int ST> constexpr int h_smem() { return ST * (H_BM + BN) * H_BK * 2 + 1024; }

#if defined(IGT_EMU) || defined(IGT_SM90A)
template <int BN> struct HMma;
template <> struct HMma<128> {
    static __device__ __forceinline__ void go(float (&d)[64], uint64_t a, uint64_t b, bool c)
    {
        px_wgmma_bf16(d, a, b, c);
    }
};
template <> struct HMma<256> {
    static __device__ __forceinline__ void go(float (&d)[128], uint64_t a, uint64_t b, bool c)
    {
        px_wgmma_bf16(d, a, b, c);
    }
};
#endif

template <int BN, int ST>
__global__ void __launch_bounds__(384, 1)
    gemm_bf16_sm90(const __grid_constant__ igt_tmap ta, const __grid_constant__ igt_tmap tb,
                   const float *__restrict__ bias, bf16_t *__restrict__ C, int M, int N, int K)
{
#if defined(IGT_EMU) || defined(IGT_SM90A)
    IGT_SMEM(smem);
    constexpr int SA = H_BM * H_BK * 2, SB = BN * H_BK * 2;
    uint64_t *full = (uint64_t *)(smem + ST * (SA + SB)), *empty = full + ST;
    const int tid = threadIdx.x, wg = tid / 128, lane = tid & 31, kt = (K + H_BK - 1) / H_BK;
    const int tm = (M + H_BM - 1) / H_BM, tn = (N + BN - 1) / BN;
    auto tile = [&](int i, int &m0, int &n0) { // columns of 16 row tiles, for L2
        int grp = i / (16 * tn), gm = min(16, tm - grp * 16), in = i % (16 * tn);
        m0 = (grp * 16 + in % gm) * H_BM;
        n0 = in / gm * BN;
    };
    if (tid == 0) {
        for (int i = 0; i < ST; i++) {
            px_mbar_init(full + i, 1);
            px_mbar_init(empty + i, 2);
        }
        px_mbar_fence_init();
    }
    __syncthreads();
    int st = 0, ph = 0;
    auto next = [&] {
        if (++st == ST) {
            st = 0;
            ph ^= 1;
        }
    };

    if (wg == 0) {
        px_reg_dec<40>();
        if (tid == 0)
            for (int i = blockIdx.x; i < tm * tn; i += gridDim.x) {
                int m0, n0;
                tile(i, m0, n0);
                for (int k = 0; k < kt; k++, next()) {
                    px_mbar_wait(empty + st, ph ^ 1);
                    px_mbar_expect(full + st, SA + SB);
                    px_tma_2d(smem + st * SA, &ta, full + st, k * H_BK, m0);
                    px_tma_2d(smem + ST * SA + st * SB, &tb, full + st, k * H_BK, n0);
                }
            }
    } else {
        px_reg_inc<232>();
        for (int i = blockIdx.x; i < tm * tn; i += gridDim.x) {
            int m0, n0, prev = -1;
            tile(i, m0, n0);
            float acc[BN / 2];
#    pragma unroll
            for (int j = 0; j < BN / 2; j++) acc[j] = 0.f;
            for (int k = 0; k < kt; k++, next()) {
                px_mbar_wait(full + st, ph);
                uint64_t da = px_desc_k128(smem + st * SA + (wg - 1) * 64 * H_BK * 2),
                         db = px_desc_k128(smem + ST * SA + st * SB);
                px_wg_fence();
#    pragma unroll
                for (int kk = 0; kk < H_BK / 16; kk++)
                    HMma<BN>::go(acc, da + kk * 2, db + kk * 2, true);
                px_wg_commit();
                px_wg_wait<1>(); // the previous step is done, so its stage may be refilled
                if (prev >= 0 && tid % 128 == 0) px_mbar_arrive(empty + prev);
                prev = st;
            }
            px_wg_wait<0>();
            if (prev >= 0 && tid % 128 == 0) px_mbar_arrive(empty + prev);
#    pragma unroll
            for (int j = 0; j < BN / 8; j++) {
                int n = n0 + j * 8 + (lane & 3) * 2;
                if (n >= N) continue;
                float b0 = bias ? bias[n] : 0.f, b1 = bias ? bias[n + 1] : 0.f;
#    pragma unroll
                for (int h = 0; h < 2; h++) {
                    int m = m0 + (wg - 1) * 64 + (tid % 128) / 32 * 16 + (lane >> 2) + h * 8;
                    if (m < M)
                        *(uint32_t *)(C + (size_t)m * N + n) =
                            px_pack_bf16(acc[j * 4 + h * 2] + b0, acc[j * 4 + h * 2 + 1] + b1);
                }
            }
        }
    }
#endif
}
