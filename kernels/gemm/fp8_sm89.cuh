// fp8_sm89.cuh - the product of 8-bit floats on mma.sync.
//
// The tile loop of the integer product (gemm_i8_sm80.cuh) on floats: 128 x 64 with 64 k a stage. A
// second set of sums, to which the first is added every 512 k, takes the registers of the other
// half.
#pragma once
#include "kernels/gemm/fp8_finish.cuh"

constexpr int F8_BM = 128, F8_BN = 64, F8_BK = 64, F8_ST = 4, F8_PROMOTE = 8;
constexpr int f8_shared() { return F8_ST * (F8_BM + F8_BN) * F8_BK; }

__device__ __forceinline__ int f8_swizzle(int row, int chunk)
{
    return row * F8_BK + ((chunk ^ (row >> 1 & 3)) * 16);
}

__global__ void __launch_bounds__(128) gemm_fp8_sm89(const cu_gemm_fp8_args g)
{
#if defined(IGT_EMU) || defined(__CUDA_ARCH__)
    constexpr int MI = F8_BM / 32, NI = F8_BN / 16, CH = F8_BK / 16,
                  STAGE = (F8_BM + F8_BN) * F8_BK;
    IGT_SMEM(smem);
    const int tid = threadIdx.x, lane = tid & 31, wm = (tid >> 5) & 1, wn = tid >> 6;
    const int tm = (g.m + F8_BM - 1) / F8_BM, tn = (g.n + F8_BN - 1) / F8_BN,
              group = blockIdx.x / (8 * tn), gm = min(8, tm - group * 8),
              in = blockIdx.x % (8 * tn);
    const int m0 = (group * 8 + in % gm) * F8_BM, n0 = in / gm * F8_BN,
              kt = (g.k + F8_BK - 1) / F8_BK;
    auto load = [&](int st, int k0) {
        char *sa = smem + st * STAGE, *sw = sa + F8_BM * F8_BK;
#    pragma unroll
        for (int i = tid; i < F8_BM * CH; i += 128) {
            const int r = i / CH, c = i % CH, left = g.k - k0 - c * 16;
            const bool ok = m0 + r < g.m && left > 0;
            px_cp16(sa + f8_swizzle(r, c), ok ? g.a + (m0 + r) * g.lda + k0 + c * 16 : g.a,
                    ok ? min(left, 16) : 0);
        }
#    pragma unroll
        for (int i = tid; i < F8_BN * CH; i += 128) {
            const int r = i / CH, c = i % CH, left = g.k - k0 - c * 16;
            const bool ok = n0 + r < g.n && left > 0;
            px_cp16(sw + f8_swizzle(r, c), ok ? g.w + (n0 + r) * g.ldw + k0 + c * 16 : g.w,
                    ok ? min(left, 16) : 0);
        }
    };
    float acc[MI][NI][4], sum[MI][NI][4];
#    pragma unroll
    for (int i = 0; i < MI; i++)
#    pragma unroll
        for (int j = 0; j < NI; j++)
#    pragma unroll
            for (int q = 0; q < 4; q++) acc[i][j][q] = sum[i][j][q] = 0.f;
#    pragma unroll
    for (int s = 0; s < F8_ST - 1; s++) {
        if (s < kt) load(s, s * F8_BK);
        px_cp_commit();
    }
    for (int t = 0; t < kt; t++) {
        px_cp_wait<F8_ST - 2>();
        __syncthreads(); // stage t is visible; stage t - 1 is free again
        if (t + F8_ST - 1 < kt) load((t + F8_ST - 1) % F8_ST, (t + F8_ST - 1) * F8_BK);
        px_cp_commit();
        const char *pa = smem + t % F8_ST * STAGE, *pw = pa + F8_BM * F8_BK;
#    pragma unroll
        for (int kk = 0; kk < F8_BK / 32; kk++) {
            uint32_t fa[MI][4], fw[NI / 2][4];
#    pragma unroll
            for (int i = 0; i < MI; i++)
                px_ldsm4(fa[i], pa + f8_swizzle(wm * F8_BM / 2 + i * 16 + (lane & 15),
                                                kk * 2 + (lane >> 4)));
#    pragma unroll
            for (int j = 0; j < NI / 2; j++)
                px_ldsm4(fw[j],
                         pw + f8_swizzle(wn * F8_BN / 2 + j * 16 + (lane & 7) + (lane >> 4) * 8,
                                         kk * 2 + (lane >> 3 & 1)));
#    pragma unroll
            for (int i = 0; i < MI; i++)
#    pragma unroll
                for (int j = 0; j < NI; j++) px_mma_e4m3(acc[i][j], fa[i], &fw[j / 2][(j & 1) * 2]);
        }
        if (t % F8_PROMOTE != F8_PROMOTE - 1 && t != kt - 1) continue;
#    pragma unroll
        for (int i = 0; i < MI; i++)
#    pragma unroll
            for (int j = 0; j < NI; j++)
#    pragma unroll
                for (int q = 0; q < 4; q++) {
                    sum[i][j][q] += acc[i][j][q];
                    acc[i][j][q] = 0.f;
                }
    }
    px_cp_wait<0>();
    __syncthreads();
    float *tile = (float *)smem;
#    pragma unroll
    for (int i = 0; i < MI; i++)
#    pragma unroll
        for (int j = 0; j < NI; j++)
#    pragma unroll
            for (int q = 0; q < 4; q++)
                tile[(wm * F8_BM / 2 + i * 16 + (lane >> 2) + q / 2 * 8) * F8_BN + wn * F8_BN / 2 +
                     j * 8 + (lane & 3) * 2 + q % 2] = sum[i][j][q];
    __syncthreads();
#    pragma unroll 1
    for (int i = tid; i < F8_BM * F8_BN; i += 128) {
        const int r = i / F8_BN, c = i % F8_BN;
        if (m0 + r < g.m && n0 + c < g.n) fp8_finish(g, m0 + r, n0 + c, tile[i]);
    }
#endif
}
