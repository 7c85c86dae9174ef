// gemm_sm90.cuh - Hopper's products of 16-bit floats: one producer thread drives TMA through a ring
// of stages, two consumer warpgroups run wgmma, blocks are persistent (one a multiprocessor).
//
//   cooperative  128x256x64, 4 stages: each consumer has 64 of the 128 rows. 192 KB in the ring:
//                all but one stage (144 KB) may be in flight, 26 KB would do for memory's latency
//   cluster      the same by pairs of blocks, one row tile above the other: each brings its rows of
//   A
//                and half of their W, which TMA writes to both: 32 KB a step out of L2, not 48
//   ping-pong    128x128x64, 6 stages: consumers take whole tiles in turns, so that one's epilogue
//                hides behind the other's products
//
// All keep 128 sums a thread (232 registers), release a stage when the wgmma group after it was
// issued, and walk tiles in columns of 16 row tiles for L2.
//
// Stream-K (Osama et al. 2023; cooperative only): tiles that do not fill a wave are cut into equal
// runs of K steps, one a block; pieces of a tile meet in `room`, where the last to arrive adds them
// in order of k.
//
// Sums leave through shared memory: as 16-bit floats by stmatrix into swizzled boxes that TMA
// stores while the next tile is multiplied, where nothing but alpha, bias and relu is asked for;
// else as f32 pieces of 64 x 64 through epilogue_sm80.cuh.
#pragma once
#include "kernels/cuda/ring_sm90.cuh"
#include "kernels/gemm/gemm_sm80.cuh"

constexpr int H_BM = 128, H_BK = 64, H_WALK = 16, H_PIECE = 64 * 64 * 4;

struct gemm90_plan {
    int blocks;    // of the grid
    int whole;     // tiles that are not cut: block b takes b, b + blocks, ...
    int cut_steps; // K steps a block of the tiles after them
    bool boxes;    // c leaves by TMA
};

template <int BN, int ST> constexpr int gemm_sm90_smem()
{
    return ST * (H_BM + BN) * H_BK * 2 + 2 * H_PIECE + 2 * ST * 8 + 16;
}

#if defined(IGT_EMU) || defined(IGT_SM90A)
// What a block (CL: of a cluster of so many) multiplies, piece by piece: `n` steps from `k0` on of
// a tile, or of CL tiles one above the other.
template <int CL> struct gemm90_work {
    int tile, k0, n, steps;
    int whole, end, at, stride; // at: the next whole tile, then the next step of those that are cut
    bool cut;

    __device__ __forceinline__ gemm90_work(const gemm90_plan &p, int tiles, int steps_)
        : steps(steps_), whole(p.whole), at(blockIdx.x / CL), stride(gridDim.x / CL), cut(false)
    {
        end = min((tiles - p.whole) * steps, ((int)blockIdx.x + 1) * p.cut_steps);
        first_cut = blockIdx.x * p.cut_steps;
    }
    int first_cut;
    __device__ __forceinline__ bool next()
    {
        if (!cut) {
            if (at < whole) {
                tile = at, k0 = 0, n = steps;
                at += stride;
                return true;
            }
            cut = true, at = first_cut;
        }
        if (at >= end) return false;
        tile = whole + at / steps, k0 = at % steps;
        n = min(steps - k0, end - at);
        at += n;
        return true;
    }
};

struct gemm90_place {
    int batch, m0, n0;
};
// tm: row tiles, CL at a time.
template <int CL> __device__ __forceinline__ gemm90_place place_of(int tile, int tm, int tn, int bn)
{
    gemm90_place p;
    int im, in;
    p.batch = tile / (tm * tn);
    walk<H_WALK / CL>(tile % (tm * tn), tm, tn, im, in);
    p.m0 = im * CL * H_BM, p.n0 = in * bn;
    if constexpr (CL > 1) p.m0 += (int)px_cluster_rank() * H_BM;
    return p;
}

// The producer's part: every step of every piece of work, in the consumers' order. A stage is empty
// when the consumers of all blocks that write it say so.
template <int BN, int ST, int CL>
__device__ __forceinline__ void gemm90_produce(char *smem, const igt_tmap *ta, const igt_tmap *tb,
                                               const cu_gemm_args &g, const gemm90_plan &plan,
                                               uint64_t *full, uint64_t *empty, int steps, int tm,
                                               int tn, int tiles)
{
    constexpr int SA = H_BM * H_BK * 2, SB = BN * H_BK * 2;
    ring_place<ST> r;
    for (gemm90_work<CL> w(plan, tiles, steps); w.next();) {
        const gemm90_place p = place_of<CL>(w.tile, tm, tn, BN);
        const int za = g.batch.rank && g.batch.a_step[0] ? p.batch : 0,
                  zb = g.batch.rank && g.batch.b_step[0] ? p.batch : 0;
        for (int k = w.k0; k < w.k0 + w.n; k++, r.next()) {
            px_mbar_wait(empty + r.st, r.parity ^ 1);
            px_mbar_expect(full + r.st, SA + SB);
            px_tma_3d(smem + r.st * SA, ta, full + r.st, k * H_BK, p.m0, za);
            char *b = smem + ST * SA + r.st * SB;
            if constexpr (CL > 1) {
                const int rank = (int)px_cluster_rank();
                px_tma_3d_all(b + rank * (SB / CL), tb, full + r.st, k * H_BK,
                              p.n0 + rank * (BN / CL), zb, (1 << CL) - 1);
            } else
                px_tma_3d(b, tb, full + r.st, k * H_BK, p.n0, zb);
        }
    }
}

// The leader of a warpgroup gives a stage back, to all blocks that write it.
template <int CL> __device__ __forceinline__ void gemm90_release(uint64_t *empty)
{
    if constexpr (CL > 1)
        for (int i = 0; i < CL; i++) px_mbar_arrive_at(empty, (uint32_t)i);
    else
        px_mbar_arrive(empty);
}

// Steps of one tile by a warpgroup whose MH blocks of 64 rows begin at row `row` of the stage's A:
// sums of block h are acc[h * BN / 2 ..].
template <class T, int BN, int ST, int MH, int CL>
__device__ __forceinline__ void gemm90_consume(float (&acc)[MH * BN / 2], char *smem,
                                               uint64_t *full, uint64_t *empty, ring_place<ST> &r,
                                               int steps, int row, bool leader)
{
    constexpr int SA = H_BM * H_BK * 2, SB = BN * H_BK * 2;
    int before = -1;
#    pragma unroll
    for (int q = 0; q < MH * BN / 2; q++) acc[q] = 0.f;
    for (int k = 0; k < steps; k++, r.next()) {
        px_mbar_wait(full + r.st, r.parity);
        const uint64_t da = px_desc_k128(smem + r.st * SA + row * H_BK * 2),
                       db = px_desc_k128(smem + ST * SA + r.st * SB);
        px_wg_fence();
#    pragma unroll
        for (int kk = 0; kk < H_BK / 16; kk++)
#    pragma unroll
            for (int h = 0; h < MH; h++)
                T::wgmma((float(&)[BN / 2]) acc[h * BN / 2], da + kk * 2 + h * (64 * H_BK * 2 / 16),
                         db + kk * 2, true);
        px_wg_commit();
        px_wg_wait<1>(); // the step before is done: its stage may be filled again
        if (before >= 0 && leader) gemm90_release<CL>(empty + before);
        before = r.st;
    }
    px_wg_wait<0>();
    if (before >= 0 && leader) gemm90_release<CL>(empty + before);
}

// Pieces of a tile that several blocks share: false where another block finishes it. `flag`: a word
// of shared memory; barrier 3 is the 256 consumers'.
template <int N>
__device__ __forceinline__ bool gemm90_meet(float (&acc)[N], const cu_gemm_args &g,
                                            const gemm90_plan &plan, const gemm90_work<1> &w,
                                            int thread, int *flag)
{
    constexpr int CONSUMERS = 256;
    constexpr int64_t PART = (int64_t)N * CONSUMERS;
    const int tile = w.tile - plan.whole;
    const int64_t begin = (int64_t)tile * w.steps, end = begin + w.steps - 1;
    const int first = (int)(begin / plan.cut_steps), last = (int)(end / plan.cut_steps);
    // a block has at most two pieces: one that begins a tile, one that does not
    float *room = (float *)g.room;
    store_sums<N, CONSUMERS>(acc, room + (2 * (int64_t)blockIdx.x + (w.k0 == 0)) * PART, thread);
    px_fence();
    px_bar_sync(3, CONSUMERS);
    if (thread == 0) *flag = arrive_last(g.tickets + tile, last - first + 1);
    px_bar_sync(3, CONSUMERS);
    if (!*flag) return false;
    px_fence();
#    pragma unroll
    for (int q = 0; q < N; q++) acc[q] = 0.f;
#    pragma unroll 1
    for (int c = first; c <= last; c++)
        add_sums<N, CONSUMERS>(acc, room + (2 * (int64_t)c + (c == first)) * PART, thread);
    return true;
}

// A warpgroup's sums to c as f32 pieces of 64 x 64. Piece i begins `rows` (i) and `cols` (i) from
// (m0, n0); sums of piece i are acc[i * 32 ..]. `barrier`: the warpgroup's own.
template <class C, int PIECES, bool WIDE>
__device__ __forceinline__ void gemm90_pieces(float (&acc)[PIECES * 32], float *piece,
                                              const cu_gemm_out &o, int m0, int n0, int m, int n,
                                              int thread, int barrier)
{
    const int lane = thread & 31, row = (thread >> 5) * 16 + (lane >> 2);
#    pragma unroll 1
    for (int i = 0; i < PIECES; i++) {
#    pragma unroll
        for (int j = 0; j < 8; j++)
#    pragma unroll
            for (int h = 0; h < 2; h++)
                *(float2 *)(piece + tile_at<64>(row + h * 8, j * 8 + (lane & 3) * 2)) =
                    float2{acc[j * 4 + h * 2], acc[j * 4 + h * 2 + 1]};
        px_bar_sync(barrier, 128);
        const int r0 = WIDE ? 0 : i / 2 * 64, c0 = WIDE ? i * 64 : i % 2 * 64;
        tile_to_c<C, 64, 64>(piece, o, m0 + r0, n0 + c0, m, n, thread, 128);
        px_bar_sync(barrier, 128);
#    pragma unroll
        for (int q = 0; q + 32 < PIECES * 32; q++) acc[q] = acc[q + 32]; // the next to the front
    }
}

// The same as 16-bit boxes of 64 x 64 that TMA stores: two buffers of 8 KB in turns.
template <class C, int PIECES, bool WIDE>
__device__ __forceinline__ void gemm90_boxes(const float (&acc)[PIECES * 32], char *buffers,
                                             const igt_tmap *tc, const cu_gemm_out &o, int batch,
                                             int m0, int n0, int m, int n, int thread, int barrier)
{
    const int lane = thread & 31, matrix = lane >> 3,
              row = (thread >> 5) * 16 + (matrix & 1) * 8 + (lane & 7);
    const float low = o.act == CU_ACT_relu ? 0.f : -INFINITY;
#    pragma unroll
    for (int i = 0; i < PIECES; i++) {
        char *box = buffers + (i & 1) * 8192;
        const int r0 = m0 + (WIDE ? 0 : i / 2 * 64), c0 = n0 + (WIDE ? i * 64 : i % 2 * 64);
        if (thread == 0) px_bulk_wait_read<1>(); // the buffer's last box has left
        px_bar_sync(barrier, 128);
#    pragma unroll
        for (int j = 0; j < 4; j++) { // 16 columns
            uint32_t v[4];
#    pragma unroll
            for (int half = 0; half < 2; half++) {
                const float *s = acc + i * 32 + j * 8 + half * 4;
                const int col = c0 + j * 16 + half * 8 + (lane & 3) * 2;
                float b0 = 0.f, b1 = 0.f;
                if (o.bias) {
                    const typename C::raw *p = (const typename C::raw *)o.bias;
                    b0 = col < n ? C::widen(p[col]) : 0.f;
                    b1 = col + 1 < n ? C::widen(p[col + 1]) : 0.f;
                }
#    pragma unroll
                for (int h = 0; h < 2; h++) {
                    const float y0 = o.alpha * s[h * 2] + b0, y1 = o.alpha * s[h * 2 + 1] + b1;
                    v[half * 2 + h] = C::pack(low > y0 ? low : y0, low > y1 ? low : y1);
                }
            }
            px_stsm4(box + row * 128 + (((j * 2 + (matrix >> 1)) ^ (row & 7)) << 4), v);
        }
        px_fence_async();
        px_bar_sync(barrier, 128);
        if (thread == 0) {
            if (r0 < m && c0 < n) px_tma_store_3d(tc, box, c0, r0, batch);
            px_bulk_commit();
        }
    }
}

template <class T, class C, int PIECES, bool WIDE>
__device__ __forceinline__ void gemm90_finish(float (&acc)[PIECES * 32], char *piece,
                                              const igt_tmap *tc, const cu_gemm_args &g,
                                              const gemm90_plan &plan, const gemm90_place &p,
                                              int row, int thread, int barrier)
{
    if constexpr (sizeof(typename C::raw) == 2) {
        if (plan.boxes) {
            gemm90_boxes<C, PIECES, WIDE>(acc, piece, tc, g.out, p.batch, p.m0 + row, p.n0, g.m,
                                          g.n, thread, barrier);
            return;
        }
    }
    typedef typename C::raw raw;
    cu_gemm_out o = g.out;
    o.c = (raw *)o.c + p.batch * g.batch.c_step;
    if (o.residual) o.residual = (const raw *)o.residual + p.batch * g.batch.r_step;
    gemm90_pieces<C, PIECES, WIDE>(acc, (float *)piece, o, p.m0 + row, p.n0, g.m, g.n, thread,
                                   barrier);
}
#endif

// One block is 128 producer threads (one works) and 2 x 128 consumers. PING: ping-pong. CL: blocks
// a cluster.
template <class T, class C, int BN, int ST, bool PING, int CL>
__global__ void __launch_bounds__(384, 1)
    gemm_sm90(const __grid_constant__ igt_tmap ta, const __grid_constant__ igt_tmap tb,
              const __grid_constant__ igt_tmap tc, const __grid_constant__ cu_gemm_args g,
              const gemm90_plan plan, int tiles)
{
#if defined(IGT_EMU) || defined(IGT_SM90A)
    IGT_SMEM(smem);
    char *piece = smem + ST * (H_BM + BN) * H_BK * 2;
    uint64_t *full = (uint64_t *)(piece + 2 * H_PIECE), *empty = full + ST;
    int *flag = (int *)(empty + ST);
    const int tid = threadIdx.x, wg = tid / 128, thread = tid % 128;
    const int tm = (g.m + CL * H_BM - 1) / (CL * H_BM), tn = (g.n + BN - 1) / BN,
              steps = (g.k + H_BK - 1) / H_BK;
    ring_open<ST>(full, empty, PING ? 1 : 2 * CL);
    if constexpr (CL > 1) { // the others' barriers are there too
        px_cluster_arrive();
        px_cluster_wait();
    }
    if (wg == 0) {
        px_reg_dec<40>();
        if (tid == 0)
            gemm90_produce<BN, ST, CL>(smem, &ta, &tb, g, plan, full, empty, steps, tm, tn, tiles);
    } else {
        px_reg_inc<232>();
        const int me = wg - 1;
        char *mine = piece + me * H_PIECE;
        ring_place<ST> r;
        float acc[128];
        if constexpr (PING) {
            // Tiles in turns: barrier 3 + me is this one's leave to multiply.
            int turn = 0;
            if (me == 1) px_bar_arrive(3, 256);
            for (gemm90_work<1> w(plan, tiles, steps); w.next(); turn ^= 1) {
                if (turn != me) {
                    r.skip(w.n);
                    continue;
                }
                const gemm90_place p = place_of<1>(w.tile, tm, tn, BN);
                px_bar_sync(3 + me, 256);
                gemm90_consume<T, BN, ST, 2, 1>(acc, smem, full, empty, r, w.n, 0, thread == 0);
                px_bar_arrive(3 + (me ^ 1), 256);
                gemm90_finish<T, C, 4, false>(acc, mine, &tc, g, plan, p, 0, thread, 1 + me);
            }
            // Whose turn would be next takes the leave that nobody uses.
            if (turn == me) px_bar_sync(3 + me, 256);
        } else {
            for (gemm90_work<CL> w(plan, tiles, steps); w.next();) {
                const gemm90_place p = place_of<CL>(w.tile, tm, tn, BN);
                gemm90_consume<T, BN, ST, 1, CL>(acc, smem, full, empty, r, w.n, me * 64,
                                                 thread == 0);
                if constexpr (CL == 1)
                    if (w.n < steps && !gemm90_meet(acc, g, plan, w, tid - 128, flag)) continue;
                gemm90_finish<T, C, 4, true>(acc, mine, &tc, g, plan, p, me * 64, thread, 1 + me);
            }
        }
        if (plan.boxes && thread == 0) px_bulk_wait<0>();
    }
    if constexpr (CL > 1) { // the others may still write here, and give stages back
        px_cluster_arrive();
        px_cluster_wait();
    }
#endif
}
