// bytes_sm90.cuh - products of bytes on wgmma.
//
// One producer warpgroup drives TMA (rows of 128 bytes, 128-byte swizzle) into a ring of ST stages;
// two consumer warpgroups own 64 rows each of a 128 x BN tile, k of 128 a stage. Blocks are
// persistent, tiles go in columns of 16 row tiles for L2. 128x256 with four stages takes 192 KB and
// reads 1.5 bytes of shared memory for each 64 multiplications of a tensor core, which 128 bytes a
// clock serve. Finished sums pass through 32 columns of shared memory a warpgroup, while the
// producer goes on to the next tile.
//
// Op says what is multiplied and what becomes of it: Args, mma(sums, a, b, keep), finish(args, m,
// n, sum).
#pragma once
#include "kernels/cuda/ring_sm90.cuh"

constexpr int B8_BM = 128, B8_BK = 128, B8_COLUMNS = 32, B8_PITCH = 36;
template <int BN, int ST> constexpr int b8_shared()
{
    return ST * (B8_BM + BN) * B8_BK + 2 * 64 * B8_PITCH * 4 + 2 * ST * 8;
}

template <class Op, int BN, int ST>
__global__ void __launch_bounds__(384, 1)
    gemm_bytes_sm90(const __grid_constant__ igt_tmap ta, const __grid_constant__ igt_tmap tw,
                    const __grid_constant__ typename Op::Args g, int m, int n, int k)
{
#if defined(IGT_EMU) || defined(IGT_SM90A)
    constexpr int SA = B8_BM * B8_BK, SW = BN * B8_BK, R = BN / 2;
    IGT_SMEM(smem);
    char *sa = smem, *sw = smem + ST * SA;
    int *out = (int *)(smem + ST * (SA + SW));
    uint64_t *full = (uint64_t *)(out + 2 * 64 * B8_PITCH), *empty = full + ST;
    const int tid = threadIdx.x, wg = tid / 128, kt = (k + B8_BK - 1) / B8_BK;
    const int tm = (m + B8_BM - 1) / B8_BM, tn = (n + BN - 1) / BN;
    auto tile = [&](int i, int &m0, int &n0) {
        const int group = i / (16 * tn), gm = min(16, tm - group * 16), in = i % (16 * tn);
        m0 = (group * 16 + in % gm) * B8_BM;
        n0 = in / gm * BN;
    };
    ring_open<ST>(full, empty, 2);
    ring_place<ST> ring;
    if (wg == 0) {
        px_reg_dec<40>();
        if (tid == 0)
            for (int i = blockIdx.x; i < tm * tn; i += gridDim.x) {
                int m0, n0;
                tile(i, m0, n0);
                for (int t = 0; t < kt; t++, ring.next()) {
                    px_mbar_wait(empty + ring.st, ring.parity ^ 1);
                    px_mbar_expect(full + ring.st, SA + SW);
                    px_tma_2d(sa + ring.st * SA, &ta, full + ring.st, t * B8_BK, m0);
                    px_tma_2d(sw + ring.st * SW, &tw, full + ring.st, t * B8_BK, n0);
                }
            }
    } else {
        px_reg_inc<232>();
        const int me = tid % 128, lane = tid & 31;
        int *mine = out + (wg - 1) * 64 * B8_PITCH;
        for (int i = blockIdx.x; i < tm * tn; i += gridDim.x) {
            int m0, n0, prev = -1;
            bool keep = false;
            tile(i, m0, n0);
            int acc[R];
            for (int t = 0; t < kt; t++, ring.next()) {
                px_mbar_wait(full + ring.st, ring.parity);
                const uint64_t da = px_desc_k128(sa + ring.st * SA + (wg - 1) * 64 * B8_BK),
                               dw = px_desc_k128(sw + ring.st * SW);
                px_wg_fence();
#    pragma unroll
                for (int kk = 0; kk < B8_BK / 32; kk++) {
                    Op::mma(acc, da + kk * 2, dw + kk * 2, keep);
                    keep = true;
                }
                px_wg_commit();
                px_wg_wait<1>(); // the previous step is done: its stage may be filled again
                if (prev >= 0 && me == 0) px_mbar_arrive(empty + prev);
                prev = ring.st;
            }
            px_wg_wait<0>();
            if (prev >= 0 && me == 0) px_mbar_arrive(empty + prev);
            // 32 columns at a time; the registers move down, so that the code stands once.
            const int row = me / 32 * 16 + (lane >> 2), m1 = m0 + (wg - 1) * 64;
#    pragma unroll 1
            for (int c0 = n0; c0 < n0 + BN && c0 < n; c0 += B8_COLUMNS) {
#    pragma unroll
                for (int j = 0; j < B8_COLUMNS / 2; j++)
                    mine[(row + j % 4 / 2 * 8) * B8_PITCH + j / 4 * 8 + (lane & 3) * 2 + j % 2] =
                        acc[j];
                px_bar_sync(wg, 128);
#    pragma unroll 1
                for (int j = me; j < 64 * B8_COLUMNS; j += 128) {
                    const int r = j / B8_COLUMNS, c = j % B8_COLUMNS;
                    if (m1 + r < m && c0 + c < n)
                        Op::finish(g, m1 + r, c0 + c, mine[r * B8_PITCH + c]);
                }
                px_bar_sync(wg, 128);
#    pragma unroll
                for (int j = 0; j + B8_COLUMNS / 2 < R; j++) acc[j] = acc[j + B8_COLUMNS / 2];
            }
        }
    }
#endif
}
