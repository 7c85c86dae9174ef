// Products with weights of 4, 8 and 16 bits on wgmma, for many tokens: the weights are operand A
// from registers, tokens operand B from shared memory.
//
// Tiles of weights and of tokens (cu_q_acts) are contiguous and in the order that is wanted, so a
// stage of 64 k comes by plain bulk copies: 2 x 64 rows of quants and scales, NT tokens of 128
// bytes, which already lie in the 128-byte swizzle. Two consumer warpgroups own 64 rows each; while
// one turns its next 64 x 64 weights into f16 (some 150 instructions a warp), the other keeps the
// tensor cores busy: 64 x NT x 64 multiplications are 512 clocks at NT = 256. Scales are f16, so
// nothing is left to do with the sums but the powers of two of rows and tokens. Finished sums pass
// through shared memory, 32 tokens at a time.
//
// For at most 64 tokens reading the weights is the bound, and gemm_q_sm80.cuh the better kernel.
#pragma once
#include "kernels/cuda/ring_sm90.cuh"
#include "kernels/gemm_q/gemm_q_sm80.cuh"

// The sums of a warpgroup's 64 rows (row tile `row`) and R * 2 tokens from m0 on, as wgmma left
// them, to y: 32 tokens at a time through `out`; the registers move down, so that the code stands
// once. factor: of the tokens; NULL: `by` for all.
constexpr int Q_OUT_PITCH = 68, Q_OUT = 32 * Q_OUT_PITCH * 4;
template <int R>
__device__ __forceinline__ void q_finish90(float (&acc)[R], float *out, const cu_finish &f,
                                           const float *rows, const float *factor, float by,
                                           int row, int m0, int m)
{
    const int wg = threadIdx.x / 128, me = threadIdx.x % 128, lane = me & 31,
              r = me / 32 * 16 + (lane >> 2);
#pragma unroll 1
    for (int t0 = m0; t0 < m0 + 2 * R && t0 < m; t0 += 32) {
#pragma unroll
        for (int i = 0; i < 16; i++)
            out[(i / 4 * 8 + (lane & 3) * 2 + i % 2) * Q_OUT_PITCH + r + i % 4 / 2 * 8] = acc[i];
        px_bar_sync(wg, 128);
#pragma unroll 1
        for (int i = me; i < 32 * 32; i += 128) {
            const int tk = t0 + i / 32, n = i % 32 / 8 * 16 + i % 8;
            if (tk >= m) break;
            const float *v = out + i / 32 * Q_OUT_PITCH + n;
            const int at = row * 64 + n;
            if (factor) by = factor[tk];
            lo_finish_pair(f, tk, at, v[0] * rows[at] * by, v[8] * rows[at + 8] * by, 0);
        }
        px_bar_sync(wg, 128);
#pragma unroll
        for (int i = 0; i + 16 < R; i++) acc[i] = acc[i + 16];
    }
}

template <int BITS, int NT> struct QShape90 {
    static constexpr int tile = 512 * BITS, tables = BITS == 16 ? 0 : 512, x = NT * 128,
                         quants = 2 * tile, stage = x + quants + 4 * tables,
                         stages = NT == 256 ? 4 : 6,
                         smem = stages * stage + 2 * Q_OUT + stages * 16;
};

template <int BITS, QKind KIND, int NT>
__global__ void __launch_bounds__(384, 1) gemm_q_sm90(const __grid_constant__ cu_gemm_q_args p)
{
#if defined(IGT_EMU) || defined(IGT_SM90A)
    typedef QShape90<BITS, NT> S;
    constexpr bool OFFSET = KIND == Q_OFFSET;
    constexpr int ST = S::stages, R = NT / 2;
    IGT_SMEM(smem);
    uint64_t *full = (uint64_t *)(smem + ST * S::stage + 2 * Q_OUT), *empty = full + ST;
    const cu_q_weights &w = p.w;
    const int tid = threadIdx.x, wg = tid / 128, lane = tid & 31;
    const int tiles = w.k / 64, rows = w.n / 64, pairs = (rows + 1) / 2;
    const int items = pairs * ((p.m + NT - 1) / NT);
    // Groups of a tile that have a scale of their own, and how many steps of 16 k share one.
    const int fine = w.group_log2 < 6 ? 64 >> w.group_log2 : 1;
    const int share = w.group_log2 < 6 ? w.group_log2 - 4 : 2;
    ring_open<ST>(full, empty, 8 /* warps */);
    ring_place<ST> ring;
    if (wg == 0) {
        px_reg_dec<40>();
        if (tid == 0)
            for (int item = blockIdx.x; item < items; item += gridDim.x) {
                const int row = item % pairs * 2, m0 = item / pairs * NT;
                const int halves = min(2, rows - row), x_bytes = min(NT, p.rows - m0) * 128;
                const int table = BITS == 16 ? 0 : fine * 128;
                for (int t = 0; t < tiles; t++, ring.next()) {
                    char *at = smem + ring.st * S::stage;
                    px_mbar_wait(empty + ring.st, ring.parity ^ 1);
                    px_mbar_expect(full + ring.st,
                                   x_bytes + halves * (S::tile + table * (OFFSET ? 2 : 1)));
                    px_bulk_load(at, p.x + ((int64_t)t * p.rows + m0) * 64, x_bytes,
                                 full + ring.st);
                    for (int h = 0; h < halves; h++) {
                        const int64_t g =
                            (int64_t)(row + h) * w.groups + (int)((int64_t)t * 64 >> w.group_log2);
                        px_bulk_load(at + S::x + h * S::tile,
                                     w.quants + ((int64_t)(row + h) * tiles + t) * S::tile, S::tile,
                                     full + ring.st);
                        char *to = at + S::x + S::quants + h * 2 * S::tables;
                        if (BITS < 16) px_bulk_load(to, w.scales + g * 64, table, full + ring.st);
                        if (OFFSET)
                            px_bulk_load(to + S::tables, w.offsets + g * 64, table, full + ring.st);
                    }
                }
            }
    } else {
        px_reg_inc<232>();
        const int me = tid % 128, warp = me >> 5;
        float *out = (float *)(smem + ST * S::stage + (wg - 1) * Q_OUT);
        for (int item = blockIdx.x; item < items; item += gridDim.x) {
            const int row = item % pairs * 2 + wg - 1, m0 = item / pairs * NT;
            const bool there = row < rows;
            float acc[R];
            int prev = -1;
            bool keep = false;
            for (int t = 0; t < tiles; t++, ring.next()) {
                px_mbar_wait(full + ring.st, ring.parity);
                const char *at = smem + ring.st * S::stage,
                           *quants = at + S::x + (wg - 1) * S::tile;
                const char *table =
                    at + S::x + S::quants + (wg - 1) * 2 * S::tables + warp * 32 + (lane >> 2) * 4;
                uint32_t words[BITS], d[4] = {0, 0, 0, 0}, o[4] = {0, 0, 0, 0}, a[4][4];
                if (there) {
#    pragma unroll
                    for (int c = 0; c < BITS / 4; c++) {
                        const uint4 v = px_ld16(quants + c * 2048 + me * 16);
                        words[c * 4] = v.x;
                        words[c * 4 + 1] = v.y;
                        words[c * 4 + 2] = v.z;
                        words[c * 4 + 3] = v.w;
                    }
#    pragma unroll
                    for (int s = 0; s < 4 && BITS < 16; s++) {
                        d[s] = *(const uint32_t *)(table + (s >> share) * 128);
                        if (OFFSET)
                            o[s] = *(const uint32_t *)(table + S::tables + (s >> share) * 128);
                    }
                }
                px_wg_wait<0>(); // the step before: its registers and its stage are free
                __syncwarp();
                if (prev >= 0 && lane == 0) px_mbar_arrive(empty + prev);
                prev = ring.st;
                if (!there) continue;
#    pragma unroll
                for (int s = 0; s < 4; s++) {
                    if constexpr (BITS == 4) {
                        q_widen4(a[s], words[s]);
                    } else if constexpr (KIND == Q_E4M3) {
                        q_widen_e4m3(a[s], words[2 * s], words[2 * s + 1]);
                    } else if constexpr (BITS == 8) {
                        q_widen8(a[s], words[2 * s], words[2 * s + 1]);
                    } else {
#    pragma unroll
                        for (int i = 0; i < 4; i++) a[s][i] = words[4 * s + i];
                    }
                    if (BITS < 16) q_scale<OFFSET>(a[s], d[s], o[s]);
                }
                const uint64_t dx = px_desc_k128(at);
                px_wg_fence();
#    pragma unroll
                for (int s = 0; s < 4; s++) {
                    px_wgmma_f16_rs(acc, a[s], dx + s * 2, keep);
                    keep = true;
                }
                px_wg_commit();
            }
            px_wg_wait<0>();
            __syncwarp();
            if (prev >= 0 && lane == 0) px_mbar_arrive(empty + prev);
            if (!there) continue;
            q_finish90(acc, out, p.finish, w.row, p.factor, 0.f, row, m0, p.m);
        }
    }
#endif
}
