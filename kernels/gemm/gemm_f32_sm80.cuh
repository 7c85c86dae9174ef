// gemm_f32_sm80.cuh - c = act(alpha * a b^T + bias + residual) in f32, one fused multiply-add a
// product, k in ascending order in each split.
//
// Bound by FFMA: a thread keeps TM x 8 sums, reads two vectors of four a side for each k (one of a
// where TM is 4), 16 multiply-adds a 16-byte read of shared memory. cp.async copies single floats,
// so that operands of any strides and alignment land as [k][row] tiles; a ring of three stages of
// 16 k. A warp copies 8 k of 4 rows where k is contiguous (whole sectors), 32 rows of a k
// elsewhere: neither meets a bank twice, rows being padded by 4. Split K as in gemm_sm80.cuh.
#pragma once
#include "kernels/gemm/gemm_sm80.cuh"

constexpr int F32_BK = 16, F32_STAGES = 3, F32_PAD = 4;

template <int BM, int BN> constexpr int gemm_f32_smem()
{
    const int ring = F32_STAGES * F32_BK * (BM + BN + 2 * F32_PAD) * 4, tile = BM * BN * 4;
    return (ring > tile ? ring : tile) + 16;
}

// This thread's share of ROWS x F32_BK floats that go to [k][ROWS + pad]: element i lies `step`
// from element i - 1 along one of the two strides.
template <int ROWS, int THREADS> struct f32_copy {
    static constexpr int LD = ROWS + F32_PAD, N = ROWS * F32_BK / THREADS,
                         FOLD = ROWS > THREADS ? ROWS / THREADS : 1, // copies along a k
        DR = THREADS / F32_BK, DK = ROWS > THREADS ? 1 : THREADS / ROWS;
    const float *from;
    int64_t step, fold;
    int r0, k0, dr, dk;

    // p: row 0, k 0 of the tile; strides in elements
    __device__ __forceinline__ f32_copy(const float *p, int64_t row, int64_t col, int tid)
    {
        const bool along_k = col == 1;
        r0 = along_k ? (tid >> 3 & 3) + (tid >> 6) * 4 : tid % ROWS;
        k0 = along_k ? (tid & 7) + (tid >> 5 & 1) * 8 : tid / ROWS;
        dr = along_k ? DR : 0;
        dk = along_k ? 0 : DK;
        step = dr * row + dk * col;
        fold = along_k ? 0 : THREADS * row;
        from = p + r0 * row + k0 * col;
    }
    // The tile whose k 0 lies `at` elements further, of `rows` rows and `ks` k that exist.
    __device__ __forceinline__ void copy(float *to, int64_t at, int rows, int ks) const
    {
        const float *p = from + at;
#pragma unroll
        for (int i = 0; i < N; i++) {
            const bool folds = FOLD > 1 && !dr;
            const int major = folds ? i / FOLD : i, minor = folds ? i % FOLD : 0;
            const int r = r0 + major * dr + minor * THREADS, k = k0 + major * dk;
            const bool ok = r < rows && k < ks;
            px_cp4(to + k * LD + r, ok ? p + major * step + minor * fold : from, ok ? 4 : 0);
        }
    }
};

template <int BM, int BN, int TM>
__global__ void __launch_bounds__(BM / TM * BN / 8, BM == 128 ? 2 : 6)
    gemm_f32_sm80(const __grid_constant__ cu_gemm_f32_args g, const gemm_plan plan)
{
    constexpr int THREADS = BM / TM * BN / 8, WM = BM / TM / 4, MG = TM / 4;
    constexpr int LA = BM + F32_PAD, LB = BN + F32_PAD;
    IGT_SMEM(smem);
    float *sa = (float *)smem, *sb = sa + F32_STAGES * F32_BK * LA;
    const int tid = threadIdx.x, lane = tid & 31, warp = tid >> 5;
    const int ty = (warp % WM * 4 + (lane >> 3)) * 4, tx = (warp / WM * 8 + (lane & 7)) * 4;
    const int tm = (g.m + BM - 1) / BM, tn = (g.n + BN - 1) / BN, tiles = tm * tn,
              batch = blockIdx.x / tiles;
    int im, in;
    walk<8>(blockIdx.x % tiles, tm, tn, im, in);
    const int m0 = im * BM, n0 = in * BN;
    const int steps = (g.k + F32_BK - 1) / F32_BK, first = blockIdx.y * plan.split_steps,
              kt = min(steps - first, plan.split_steps);
    int64_t a_at, b_at;
    batch_start(g.batch, batch, a_at, b_at);
    const f32_copy<BM, THREADS> ca(g.a + a_at + m0 * g.a_row, g.a_row, g.a_col, tid);
    const f32_copy<BN, THREADS> cb(g.b + b_at + n0 * g.b_row, g.b_row, g.b_col, tid);
    auto load = [&](int t) {
        const int st = t % F32_STAGES, k = (first + t) * F32_BK;
        ca.copy(sa + st * F32_BK * LA, k * g.a_col, g.m - m0, g.k - k);
        cb.copy(sb + st * F32_BK * LB, k * g.b_col, g.n - n0, g.k - k);
    };
    float acc[TM * 8];
#pragma unroll
    for (int q = 0; q < TM * 8; q++) acc[q] = 0.f;
#pragma unroll
    for (int t = 0; t < F32_STAGES - 1; t++) {
        if (t < kt) load(t);
        px_cp_commit();
    }
    for (int t = 0; t < kt; t++) {
        px_cp_wait<F32_STAGES - 2>();
        __syncthreads();
        if (t + F32_STAGES - 1 < kt) load(t + F32_STAGES - 1);
        px_cp_commit();
        const float *ta = sa + t % F32_STAGES * F32_BK * LA + ty,
                    *tb = sb + t % F32_STAGES * F32_BK * LB + tx;
#pragma unroll
        for (int k = 0; k < F32_BK; k++) {
            float a[TM], b[8];
#pragma unroll
            for (int h = 0; h < MG; h++) {
                const float4 x = *(const float4 *)(ta + k * LA + h * (BM / 2));
                a[h * 4] = x.x, a[h * 4 + 1] = x.y, a[h * 4 + 2] = x.z, a[h * 4 + 3] = x.w;
            }
#pragma unroll
            for (int h = 0; h < 2; h++) {
                const float4 x = *(const float4 *)(tb + k * LB + h * (BN / 2));
                b[h * 4] = x.x, b[h * 4 + 1] = x.y, b[h * 4 + 2] = x.z, b[h * 4 + 3] = x.w;
            }
#pragma unroll
            for (int i = 0; i < TM; i++)
#pragma unroll
                for (int j = 0; j < 8; j++) acc[i * 8 + j] = fmaf(a[i], b[j], acc[i * 8 + j]);
        }
    }
    px_cp_wait<0>();
    __syncthreads();
    float *tile = (float *)smem;
    if (plan.splits > 1 &&
        !join_splits<TM * 8, THREADS>(
            acc, (float *)g.room + (int64_t)blockIdx.x * plan.splits * BM * BN,
            g.tickets + blockIdx.x, blockIdx.y, plan.splits, (int *)(smem + BM * BN * 4)))
        return;
#pragma unroll
    for (int i = 0; i < TM; i++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
            const float *v = acc + i * 8 + h * 4;
            *(float4 *)(tile + tile_at<BN>(i / 4 * (BM / 2) + ty + i % 4, h * (BN / 2) + tx)) =
                float4{v[0], v[1], v[2], v[3]};
        }
    __syncthreads();
    cu_gemm_out o = g.out;
    o.c = (float *)o.c + batch * g.batch.c_step;
    if (o.residual) o.residual = (const float *)o.residual + batch * g.batch.r_step;
    tile_to_c<F32, BM, BN>(tile, o, m0, n0, g.m, g.n, tid, THREADS);
}
