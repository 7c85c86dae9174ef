// Products with weights of 4 and 8 bits on mma.sync: the weights are operand A, tokens operand B.
//
// Bound for few tokens by reading the weights once. A block of 4 warps keeps ST - 1 = 3 stages of
// 64 rows by 64 KT k under way: for up to 16 tokens 8 KB of quants a stage, 24 KB a block, and
// three or four blocks fit a multiprocessor, well over the 32 KB that full bandwidth needs there.
// Each thread gets its weights of a tile with one or two 16-byte reads in the order in which mma
// wants them; 8 weights of 4 bits cost 5 integer and 8 half2 instructions, which is 1.6 a weight
// beside the 3.4 that a multiprocessor of an H200 can issue while a weight of 4 bits arrives. This
// is also why a single token comes here and not to a product without the matrix unit: there each
// weight would have to become an f32 and be multiplied one by one.
//
// The list of all (64 rows, stage of k) is cut into as many equal runs as blocks fit the device
// (the stripes of Marlin, Frantar et al. 2024), so no tile count leaves processors idle. A block
// that has only a part of a row tile's k leaves its sums in memory; the last one to do so adds them
// in the order of k.
#pragma once
#include "kernels/gemm_q/finish_cuda.cuh"
#include "kernels/gemm_q/q_acts_sm80.cuh"

// NT tokens, KT tiles of 64 k a stage, ST stages. FINE: a tile has several groups with scales. FEW:
// x is brought to f16 here and lies behind the ring.
template <int BITS, bool FINE, bool OFFSET, int NT, int KT, int ST, bool FEW> struct QShape {
    static constexpr int tile = 512 * BITS, quants = KT * tile, table = FINE ? 512 : 128,
                         tables = BITS == 16 ? 0 : KT * table, x = FEW ? 0 : KT * NT * 128,
                         stage = quants + tables * (OFFSET ? 2 : 1) + x, ring = ST * stage,
                         smem = ring + 64, acc = NT / 8 * 4;
};

// What the 8 bits of a weight are, and whether offsets lie beside the scales.
enum QKind { Q_PLAIN, Q_OFFSET, Q_E4M3 };

// The 8 weights of a thread in one step of 16 k, without their scale.
__device__ __forceinline__ void q_widen4(uint32_t (&a)[4], uint32_t w)
{
    const uint32_t v = w >> 8;
    // 1024 + q and 1024 + 16 q, exact in f16; 1032 and 72 take the centre away.
    a[0] = px_sub_f16x2(px_lop3<0xea>(w, 0x000f000f, 0x64006400), 0x64086408);
    a[1] = px_fma_f16x2(px_lop3<0xea>(w, 0x00f000f0, 0x64006400), 0x2c002c00, 0xd480d480);
    a[2] = px_sub_f16x2(px_lop3<0xea>(v, 0x000f000f, 0x64006400), 0x64086408);
    a[3] = px_fma_f16x2(px_lop3<0xea>(v, 0x00f000f0, 0x64006400), 0x2c002c00, 0xd480d480);
}
__device__ __forceinline__ void q_widen8(uint32_t (&a)[4], uint32_t w0, uint32_t w1)
{
    a[0] = px_sub_f16x2(px_prmt(w0, 0x64646464, 0x4140), 0x64806480);
    a[1] = px_sub_f16x2(px_prmt(w0, 0x64646464, 0x4342), 0x64806480);
    a[2] = px_sub_f16x2(px_prmt(w1, 0x64646464, 0x4140), 0x64806480);
    a[3] = px_sub_f16x2(px_prmt(w1, 0x64646464, 0x4342), 0x64806480);
}
// Floats of 8 bits, divided by 256: q_e4m3.h. Each goes to the upper byte of its half, then all but
// the sign down by one.
__device__ __forceinline__ uint32_t q_e4m3_pair(uint32_t w, uint32_t bytes)
{
    const uint32_t v = px_prmt(w, 0, bytes);
    return px_lop3<0xea>(v >> 1, 0x3f803f80, v & 0x80008000);
}
__device__ __forceinline__ void q_widen_e4m3(uint32_t (&a)[4], uint32_t w0, uint32_t w1)
{
    a[0] = q_e4m3_pair(w0, 0x1404);
    a[1] = q_e4m3_pair(w0, 0x3424);
    a[2] = q_e4m3_pair(w1, 0x1404);
    a[3] = q_e4m3_pair(w1, 0x3424);
}
template <bool OFFSET>
__device__ __forceinline__ void q_scale(uint32_t (&a)[4], uint32_t d, uint32_t o)
{
    const uint32_t d0 = px_prmt(d, d, 0x1010), d1 = px_prmt(d, d, 0x3232);
    if (OFFSET) {
        const uint32_t o0 = px_prmt(o, o, 0x1010), o1 = px_prmt(o, o, 0x3232);
        a[0] = px_fma_f16x2(a[0], d0, o0);
        a[1] = px_fma_f16x2(a[1], d1, o1);
        a[2] = px_fma_f16x2(a[2], d0, o0);
        a[3] = px_fma_f16x2(a[3], d1, o1);
    } else {
        a[0] = px_mul_f16x2(a[0], d0);
        a[1] = px_mul_f16x2(a[1], d1);
        a[2] = px_mul_f16x2(a[2], d0);
        a[3] = px_mul_f16x2(a[3], d1);
    }
}

// B fragments of all NT tokens for HELD steps of 16 k of a tile of x, from step s on. One ldmatrix
// has 16 tokens, or two steps of 8.
template <int NT, int HELD>
__device__ __forceinline__ void q_tokens(uint32_t (&b)[HELD][NT / 8][2], const char *x, int s,
                                         int lane)
{
    if constexpr (NT == 8) {
        static_assert(HELD == 2, "two steps at once");
        uint32_t r[4];
        px_ldsm4(r, x + (lane & 7) * 128 + ((s * 2 + (lane >> 3)) ^ (lane & 7)) * 16);
        b[0][0][0] = r[0];
        b[0][0][1] = r[1];
        b[1][0][0] = r[2];
        b[1][0][1] = r[3];
    } else {
#pragma unroll
        for (int j = 0; j < NT / 16; j++) {
            const int row = j * 16 + (lane & 7) + (lane >> 4) * 8;
            uint32_t r[4];
            px_ldsm4(r, x + row * 128 + ((s * 2 + (lane >> 3 & 1)) ^ (row & 7)) * 16);
            b[0][2 * j][0] = r[0];
            b[0][2 * j][1] = r[1];
            b[0][2 * j + 1][0] = r[2];
            b[0][2 * j + 1][1] = r[3];
        }
    }
}

// Up to four tokens as they come: f16 in the order of operand B, [tile][half][token][4 lanes][2
// steps][4 values], and their factors. All blocks do it for themselves, from L2, while their first
// weights are on the way: a launch less before each product.
template <bool F8>
__device__ __forceinline__ void q_few_tokens(const cu_q_acts_args &a, char *xs, float *factor,
                                             int tiles)
{
    const int tid = threadIdx.x, items = (tiles * 8 + 31) / 32 * 32; // whole warps
    uint32_t *tops = (uint32_t *)factor + 4;
    for (int r = 0; r < a.m; r++) {
        const int64_t row = r * a.ldx;
        uint32_t top = 0;
        for (int c = tid; c < items; c += 128) {
            float v[8];
            acts_load(v, a.x, a.type, row, c, a.k);
            const uint32_t t = acts_top(v);
            top = t > top ? t : top;
        }
#pragma unroll
        for (int lanes = 16; lanes; lanes >>= 1) top = acts_larger(top, lanes);
        __syncthreads(); // the row before has read its tops
        if ((tid & 31) == 0) tops[tid >> 5] = top;
        __syncthreads();
#pragma unroll
        for (int i = 0; i < 4; i++) top = tops[i] > top ? tops[i] : top;
        float by;
        const float inverse = acts_row<F8>(by, top, a.round);
        if (tid == 0) factor[r] = by;
        for (int i = tid; i < items; i += 128) {
            const int k = i / 8 * 64 + i / 4 % 2 * 32 + i % 4 * 2;
            float v[8];
#pragma unroll
            for (int j = 0; j < 8; j++) {
                const int at = k + j / 2 * 8 + j % 2;
                v[j] = at < a.k ? lo_load(a.x, a.type, row + at) : 0.f;
            }
            acts_first<F8>(v, a.round);
            if (i >= tiles * 8) continue;
            px_st16(xs + ((i / 4) * a.m + r) * 64 + i % 4 * 16,
                    acts_halves<F8>(v, inverse, a.round));
        }
    }
}
// Two steps of operand B out of them; tile -1: zeros.
__device__ __forceinline__ void q_few_pair(uint32_t (&b)[2][1][2], const char *xs, int tile,
                                           int half, int m, int lane)
{
    uint4 v = {0, 0, 0, 0};
    if (tile >= 0 && lane >> 2 < m)
        v = px_ld16(xs + ((tile * 2 + half) * m + (lane >> 2)) * 64 + (lane & 3) * 16);
    b[0][0][0] = v.x;
    b[0][0][1] = v.y;
    b[1][0][0] = v.z;
    b[1][0][1] = v.w;
}

// The sums of rows 16 warp + lane / 4 + {0, 8} of the row tile, two of each 8 tokens, to y. The
// registers move down so that they are named by constants and the loop stays one. factor: of the
// tokens; NULL: `by` for all.
template <int NT>
__device__ __forceinline__ void q_finish(float (&acc)[NT / 8][4], const cu_q_weights &w,
                                         const float *factor, float by, const cu_finish &f,
                                         int row0, int m0, int m, int64_t bias0)
{
    const int lane = threadIdx.x & 31, r = row0 + (threadIdx.x >> 5 & 3) * 16 + (lane >> 2);
    const float up = w.row[r], low = w.row[r + 8];
#pragma unroll 1
    for (int i = 0; i < NT / 4; i++) {
        const int t = m0 + i / 2 * 8 + (lane & 3) * 2 + (i & 1);
        if (t < m) {
            if (factor) by = factor[t];
            lo_finish_pair(f, t, r, acc[0][0] * up * by, acc[0][2] * low * by, bias0);
        }
        acc[0][0] = acc[0][1];
        acc[0][2] = acc[0][3];
        if (!(i & 1)) continue;
#pragma unroll
        for (int j = 0; j + 1 < NT / 8; j++)
#pragma unroll
            for (int k = 0; k < 4; k++) acc[j][k] = acc[j + 1][k];
    }
}

template <int BITS, bool FINE, QKind KIND, int NT, int KT, int ST, bool FEW>
__global__ void __launch_bounds__(128, NT <= 32 ? 4 : 3)
    gemm_q_sm80(const __grid_constant__ cu_gemm_q_args p, const __grid_constant__ cu_q_acts_args xa)
{
    if (p.slots && (int)blockIdx.y >= *p.n_slots) return;
    cu_q_weights w = p.w;
    int m0 = blockIdx.y * NT, m = p.m, expert = 0;
    if (p.slots) {
        const cu_q_slot slot = p.slots[blockIdx.y];
        expert = slot.expert;
        m0 = slot.first;
        m = slot.first + slot.rows;
        w.quants += expert * w.expert_bytes;
        w.scales = (const uint16_t *)((const char *)w.scales + expert * w.expert_bytes);
        w.offsets = (const uint16_t *)((const char *)w.offsets + expert * w.expert_bytes);
        w.row = (const float *)((const char *)w.row + expert * w.expert_bytes);
    }
    const int rows = p.rows;
    const uint16_t *__restrict__ x = p.x;
    constexpr bool OFFSET = KIND == Q_OFFSET;
    typedef QShape<BITS, FINE, OFFSET, NT, KT, ST, FEW> S;
    constexpr int CHUNKS = BITS / 4; // of 16 bytes, a thread and tile
    constexpr int HELD = NT == 8 ? 2 : 1;
    IGT_SMEM(smem);
    const int tid = threadIdx.x, lane = tid & 31, warp = tid >> 5;
    const int tiles = w.k / 64, steps = (tiles + KT - 1) / KT; // of a row tile
    const int64_t all = (int64_t)(w.n / 64) * steps;           // fits int
    const int first = (int)(all * blockIdx.x / gridDim.x),
              end = (int)(all * (blockIdx.x + 1) / gridDim.x);
    // Groups of a tile that have a scale of their own, and how many steps of 16 k share one.
    const int fine = FINE ? 64 >> w.group_log2 : 1, share = FINE ? w.group_log2 - 4 : 2;

    int next_row = first / steps, next_step = first % steps; // to load
    auto load = [&](char *to) {
        const int row = next_row, t0 = next_step * KT;
        if (++next_step == steps) {
            next_step = 0;
            next_row++;
        }
        const uint8_t *q = w.quants + ((int64_t)row * tiles + t0) * S::tile;
#pragma unroll
        for (int i = 0; i < KT * CHUNKS; i++) {
            const bool ok = t0 + i / CHUNKS < tiles;
            px_cp16(to + (i * 128 + tid) * 16, ok ? q + (i * 128 + tid) * 16 : w.quants,
                    ok ? 16 : 0);
        }
        char *xs = to + S::stage - S::x;
#pragma unroll
        for (int i = tid; !FEW && i < KT * NT * 8; i += 128) {
            const int t = t0 + i / (NT * 8), r = m0 + i % (NT * 8) / 8;
            const bool ok = t < tiles && r < rows;
            px_cp16(xs + i * 16, ok ? x + ((int64_t)t * rows + r) * 64 + i % 8 * 8 : x,
                    ok ? 16 : 0);
        }
        if constexpr (BITS < 16) {
            for (int i = tid; i < KT * 8 * fine; i += 128) {
                const int t = t0 + i / (8 * fine), slot = i / 8 % fine;
                const int g = (int)((int64_t)t * 64 >> w.group_log2) + slot;
                const bool ok = g < w.groups && t < tiles;
                const int64_t at = ((int64_t)row * w.groups + g) * 64 + i % 8 * 8;
                char *d = to + S::quants + (i / (8 * fine)) * S::table + slot * 128 + i % 8 * 16;
                px_cp16(d, ok ? w.scales + at : w.scales, ok ? 16 : 0);
                if (OFFSET) px_cp16(d + S::tables, ok ? w.offsets + at : w.scales, ok ? 16 : 0);
            }
        }
    };

    float acc[NT / 8][4];
#pragma unroll
    for (int j = 0; j < NT / 8; j++)
#pragma unroll
        for (int i = 0; i < 4; i++) acc[j][i] = 0.f;
#pragma unroll
    for (int s = 0; s < ST - 1; s++) {
        if (first + s < end) load(smem + s * S::stage);
        px_cp_commit();
    }
    if constexpr (FEW)
        q_few_tokens<KIND == Q_E4M3>(xa, smem + S::smem, (float *)(smem + S::ring), tiles);
    int slot = 0, row = first / steps, step = first % steps;
    for (int unit = first; unit < end; unit++) {
        px_cp_wait<ST - 2>();
        __syncthreads(); // this stage is visible; the one before it is free again
        const int ahead = slot == 0 ? ST - 1 : slot - 1;
        if (unit + ST - 1 < end) load(smem + ahead * S::stage);
        px_cp_commit();
        const char *at = smem + slot * S::stage, *xs = at + S::stage - S::x;
        slot = slot == ST - 1 ? 0 : slot + 1;
#pragma unroll
        for (int t = 0; t < KT; t++) {
            uint32_t words[4 * CHUNKS], d = 0, o = 0, b[HELD][NT / 8][2];
#pragma unroll
            for (int c = 0; c < CHUNKS; c++) {
                const uint4 v = *(const uint4 *)(at + (t * CHUNKS + c) * 2048 + tid * 16);
                words[c * 4] = v.x;
                words[c * 4 + 1] = v.y;
                words[c * 4 + 2] = v.z;
                words[c * 4 + 3] = v.w;
            }
            const char *table = at + S::quants + t * S::table + warp * 32 + (lane >> 2) * 4;
#pragma unroll
            for (int s = 0; s < 4; s++) {
                if (BITS < 16 && (FINE || s == 0)) {
                    d = *(const uint32_t *)(table + (s >> share) * 128);
                    if (OFFSET) o = *(const uint32_t *)(table + S::tables + (s >> share) * 128);
                }
                uint32_t a[4];
                if constexpr (BITS == 4) {
                    q_widen4(a, words[s]);
                } else if constexpr (KIND == Q_E4M3) {
                    q_widen_e4m3(a, words[2 * s], words[2 * s + 1]);
                } else if constexpr (BITS == 8) {
                    q_widen8(a, words[2 * s], words[2 * s + 1]);
                } else {
#pragma unroll
                    for (int i = 0; i < 4; i++) a[i] = words[4 * s + i];
                }
                if (BITS < 16) q_scale<OFFSET>(a, d, o);
                if constexpr (FEW) {
                    if (s % 2 == 0)
                        q_few_pair(b, smem + S::smem, step * KT + t < tiles ? step * KT + t : -1,
                                   s / 2, p.m, lane);
                } else {
                    if (s % HELD == 0) q_tokens<NT, HELD>(b, xs + t * NT * 128, s, lane);
                }
#pragma unroll
                for (int j = 0; j < NT / 8; j++) px_mma_f16(acc[j], a, b[s % HELD][j]);
            }
        }
        if (++step < steps && unit + 1 < end) continue;

        // The row tile ends here, or what this block has of it.
        const int begins = row * steps, ends = begins + steps;
        const bool whole = first <= begins && ends <= end;
        bool last = whole;
        if (!whole) {
            // The block that has unit u is the one before the first that begins after it.
            auto block_of = [&](int u) { return (int)(((int64_t)(u + 1) * gridDim.x - 1) / all); };
            const int from = block_of(begins), to = block_of(ends - 1);
            float *mine = p.partial + ((int64_t)(blockIdx.y * gridDim.x + blockIdx.x) * 2 +
                                       (first > begins ? 0 : 1)) *
                                          (S::acc * 128);
#pragma unroll
            for (int j = 0; j < NT / 8; j++)
#pragma unroll
                for (int i = 0; i < 4; i++) mine[(j * 4 + i) * 128 + tid] = acc[j][i];
            px_fence();
            int *arrived = (int *)(smem + S::ring + 32);
            __syncthreads();
            if (tid == 0) *arrived = px_ticket(p.tickets + blockIdx.y * (w.n / 64) + row);
            __syncthreads();
            last = *arrived == to - from;
            if (last) {
                px_fence();
                if (tid == 0) p.tickets[blockIdx.y * (w.n / 64) + row] = 0;
#pragma unroll
                for (int j = 0; j < NT / 8; j++)
#pragma unroll
                    for (int i = 0; i < 4; i++) acc[j][i] = 0.f;
                for (int b = from; b <= to; b++) {
                    const int64_t its = all * b / gridDim.x;
                    const float *part = p.partial + ((int64_t)(blockIdx.y * gridDim.x + b) * 2 +
                                                     (its > begins ? 0 : 1)) *
                                                        (S::acc * 128);
#pragma unroll
                    for (int j = 0; j < NT / 8; j++)
#pragma unroll
                        for (int i = 0; i < 4; i++)
                            acc[j][i] += px_ldcg(part + (j * 4 + i) * 128 + tid);
                }
            }
        }
        if (last)
            q_finish<NT>(acc, w, FEW ? (const float *)(smem + S::ring) : p.factor, 0.f, p.finish,
                         row * 64, m0, m, expert * p.finish.bias_step);
#pragma unroll
        for (int j = 0; j < NT / 8; j++)
#pragma unroll
            for (int i = 0; i < 4; i++) acc[j][i] = 0.f;
        step = 0;
        row++;
    }
    px_cp_wait<0>();
}
