// gemm_thin_sm90.cuh - Hopper's products with few rows of a (decode batches, M <= 128): the
// operands change sides, so that 128 rows of weights fill wgmma's 64-row sides and N_A = 16 .. 128
// rows of a its columns: sums [128 of n][N_A of m], no row of the matrix units is idle.
//
// Bound by reading the weights once: eight consumer warps and one producer; stages of 16 KB of
// weights (N_A <= 64: 5 or 4 stages and two blocks a multiprocessor, 128 KB in flight; 128: 6
// stages of 32 KB and one block), where 26 KB a multiprocessor cover memory's latency. K is split
// over blocks until all multiprocessors have work; the last to arrive adds.
#pragma once
#include "kernels/gemm/gemm_sm90.cuh"

constexpr int THIN_BN = 128, THIN_CONSUMERS = 256;

template <int NA, int ST> constexpr int gemm_thin_smem()
{
    const int ring = ST * (THIN_BN + NA) * H_BK * 2, tile = NA * THIN_BN * 4;
    return (ring > tile ? ring : tile) + 2 * ST * 8 + 16;
}

template <class T, class C, int NA, int ST>
__global__ void __launch_bounds__(THIN_CONSUMERS + 32, NA <= 64 ? 2 : 1)
    gemm_thin_sm90(const __grid_constant__ igt_tmap ta, const __grid_constant__ igt_tmap tb,
                   const __grid_constant__ cu_gemm_args g, const gemm_plan plan)
{
#if defined(IGT_EMU) || defined(IGT_SM90A)
    px_grid_wait();
    px_grid_launch();
    constexpr int SA = NA * H_BK * 2, SB = THIN_BN * H_BK * 2;
    constexpr int RING = ST * (SA + SB), TILE = NA * THIN_BN * 4;
    IGT_SMEM(smem);
    uint64_t *full = (uint64_t *)(smem + (RING > TILE ? RING : TILE)), *empty = full + ST;
    int *flag = (int *)(empty + ST);
    const int tid = threadIdx.x, wg = tid / 128, lane = tid & 31;
    const int tm = (g.m + NA - 1) / NA, tn = (g.n + THIN_BN - 1) / THIN_BN, tiles = tm * tn,
              batch = blockIdx.x / tiles, in = blockIdx.x % tiles, m0 = in % tm * NA,
              n0 = in / tm * THIN_BN;
    const int steps = (g.k + H_BK - 1) / H_BK, first = blockIdx.y * plan.split_steps,
              kt = min(steps - first, plan.split_steps);
    ring_open<ST>(full, empty, 2);
    ring_place<ST> r;
    if (wg == 2) {
        if (lane == 0) {
            const int za = g.batch.rank && g.batch.a_step[0] ? batch : 0,
                      zb = g.batch.rank && g.batch.b_step[0] ? batch : 0;
            for (int k = first; k < first + kt; k++, r.next()) {
                px_mbar_wait(empty + r.st, r.parity ^ 1);
                px_mbar_expect(full + r.st, SA + SB);
                px_tma_3d(smem + r.st * SB, &tb, full + r.st, k * H_BK, n0, zb);
                px_tma_3d(smem + ST * SB + r.st * SA, &ta, full + r.st, k * H_BK, m0, za);
            }
        }
        return;
    }
    float acc[NA / 2];
#    pragma unroll
    for (int q = 0; q < NA / 2; q++) acc[q] = 0.f;
    int before = -1;
    for (int k = 0; k < kt; k++, r.next()) {
        px_mbar_wait(full + r.st, r.parity);
        const uint64_t db = px_desc_k128(smem + r.st * SB + wg * 64 * H_BK * 2),
                       da = px_desc_k128(smem + ST * SB + r.st * SA);
        px_wg_fence();
#    pragma unroll
        for (int kk = 0; kk < H_BK / 16; kk++) T::wgmma(acc, db + kk * 2, da + kk * 2, true);
        px_wg_commit();
        px_wg_wait<1>();
        if (before >= 0 && tid % 128 == 0) px_mbar_arrive(empty + before);
        before = r.st;
    }
    px_wg_wait<0>();
    if (plan.splits > 1) {
        float *room = (float *)g.room + (int64_t)blockIdx.x * plan.splits * NA * THIN_BN;
        store_sums<NA / 2, THIN_CONSUMERS>(acc, room + (int64_t)blockIdx.y * NA * THIN_BN, tid);
        px_fence();
        px_bar_sync(1, THIN_CONSUMERS);
        if (tid == 0) *flag = arrive_last(g.tickets + blockIdx.x, plan.splits);
        px_bar_sync(1, THIN_CONSUMERS);
        if (!*flag) return;
        px_fence();
#    pragma unroll
        for (int q = 0; q < NA / 2; q++) acc[q] = 0.f;
#    pragma unroll 1
        for (int s = 0; s < plan.splits; s++)
            add_sums<NA / 2, THIN_CONSUMERS>(acc, room + (int64_t)s * NA * THIN_BN, tid);
    }
    px_bar_sync(1, THIN_CONSUMERS); // all have read the ring: it becomes the tile
    float *tile = (float *)smem;
    const int row = wg * 64 + tid % 128 / 32 * 16 + (lane >> 2); // of n
#    pragma unroll
    for (int j = 0; j < NA / 8; j++)
#    pragma unroll
        for (int q = 0; q < 4; q++)
            tile[tile_at<THIN_BN>(j * 8 + (lane & 3) * 2 + (q & 1), row + (q >> 1) * 8)] =
                acc[j * 4 + q];
    px_bar_sync(1, THIN_CONSUMERS);
    typedef typename C::raw raw;
    cu_gemm_out o = g.out;
    o.c = (raw *)o.c + batch * g.batch.c_step;
    if (o.residual) o.residual = (const raw *)o.residual + batch * g.batch.r_step;
    tile_to_c<C, NA, THIN_BN>(tile, o, m0, n0, g.m, g.n, tid, THIN_CONSUMERS);
#endif
}
