// C[M,N] = act(A[M,K] * B[N,K]^T + bias), bf16 in and out, fp32 accumulation. K % 8 == 0, N % 2 ==
// 0.
#pragma once
#include "kernels/cuda/ptx.cuh"

template <int BK> __device__ __forceinline__ int gemm_swz(int row, int chunk)
{ // chunk = 16 bytes
    return row * BK + ((chunk ^ (row / (64 / BK) & (BK / 8 - 1))) * 8);
}

// 4 warps in a 2 x 2 grid, each owning a (BM/2) x (BN/2) tile.
template <int BM, int BN, int BK, int ST>
__global__ void __launch_bounds__(128)
    gemm_bf16_sm80(const bf16_t *__restrict__ A, const bf16_t *__restrict__ B,
                   const float *__restrict__ bias, bf16_t *__restrict__ C, int M, int N, int K)
{
    constexpr int MI = BM / 32, NI = BN / 16, CH = BK / 8;
    IGT_SMEM(smem);
    bf16_t *sa = (bf16_t *)smem, *sb = sa + ST * BM * BK;
    const int tid = threadIdx.x, lane = tid & 31, wm = (tid >> 5) & 1, wn = tid >> 6;
    // Tiles are walked in columns of 8 rows, so that the blocks in flight share operands through
    // L2.
    const int tm = (M + BM - 1) / BM, tn = (N + BN - 1) / BN, grp = blockIdx.x / (8 * tn),
              gm = min(8, tm - grp * 8), in = blockIdx.x % (8 * tn);
    const int m0 = (grp * 8 + in % gm) * BM, n0 = in / gm * BN;
    const int kt = (K + BK - 1) / BK;

    auto load = [&](int st, int k0) {
#pragma unroll
        for (int i = tid; i < BM * CH; i += 128) {
            int r = i / CH, c = i % CH, k = k0 + c * 8;
            bool ok = m0 + r < M && k < K;
            px_cp16(sa + st * BM * BK + gemm_swz<BK>(r, c), ok ? A + (size_t)(m0 + r) * K + k : A,
                    ok ? 16 : 0);
        }
#pragma unroll
        for (int i = tid; i < BN * CH; i += 128) {
            int r = i / CH, c = i % CH, k = k0 + c * 8;
            bool ok = n0 + r < N && k < K;
            px_cp16(sb + st * BN * BK + gemm_swz<BK>(r, c), ok ? B + (size_t)(n0 + r) * K + k : B,
                    ok ? 16 : 0);
        }
    };
    float acc[MI][NI][4];
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
        for (int j = 0; j < NI; j++)
#pragma unroll
            for (int q = 0; q < 4; q++) acc[i][j][q] = 0.f;

#pragma unroll
    for (int s = 0; s < ST - 1; s++) {
        if (s < kt) load(s, s * BK);
        px_cp_commit();
    }
    for (int t = 0; t < kt; t++) {
        px_cp_wait<ST - 2>();
        __syncthreads(); // stage t is visible; stage t-1 is free again
        if (t + ST - 1 < kt) load((t + ST - 1) % ST, (t + ST - 1) * BK);
        px_cp_commit();
        const bf16_t *pa = sa + t % ST * BM * BK, *pb = sb + t % ST * BN * BK;
#pragma unroll
        for (int kk = 0; kk < BK / 16; kk++) {
            uint32_t a[MI][4], b[NI / 2][4];
#pragma unroll
            for (int i = 0; i < MI; i++)
                px_ldsm4(a[i], pa + gemm_swz<BK>(wm * BM / 2 + i * 16 + (lane & 15),
                                                 kk * 2 + (lane >> 4)));
#pragma unroll
            for (int j = 0; j < NI / 2; j++)
                px_ldsm4(b[j],
                         pb + gemm_swz<BK>(wn * BN / 2 + j * 16 + (lane & 7) + (lane >> 4) * 8,
                                           kk * 2 + (lane >> 3 & 1)));
#pragma unroll
            for (int i = 0; i < MI; i++)
#pragma unroll
                for (int j = 0; j < NI; j++) px_mma_bf16(acc[i][j], a[i], &b[j / 2][(j & 1) * 2]);
        }
    }
    px_cp_wait<0>();
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
        for (int j = 0; j < NI; j++) {
            int n = n0 + wn * BN / 2 + j * 8 + (lane & 3) * 2;
            if (n >= N) continue;
            float b0 = bias ? bias[n] : 0.f, b1 = bias ? bias[n + 1] : 0.f;
#pragma unroll
            for (int h = 0; h < 2; h++) {
                int m = m0 + wm * BM / 2 + i * 16 + (lane >> 2) + h * 8;
                if (m < M)
                    *(uint32_t *)(C + (size_t)m * N + n) =
                        px_pack_bf16(acc[i][j][h * 2] + b0, acc[i][j][h * 2 + 1] + b1);
            }
        }
}
