// gemm_sm80.cuh - c = act(alpha * a b^T + bias + residual) of 16-bit floats on matrix units: a ring
// of stages that cp.async fills, ldmatrix, mma.sync with f32 sums.
//
// Four warps in a 2 x 2 grid own a BM x BN tile, each a quarter. Bytes in flight: with 128x128x32
// and 4 stages a block has 48 KB under way, two blocks a multiprocessor. Tiles are walked in
// columns of eight rows, so that the blocks in flight share operands through L2.
//
// Split K: a tile's steps may be shared by several blocks. Each leaves its sums in `room`; the last
// to arrive, by a ticket, adds all of them in order, so that the bits do not depend on who was
// last.
#pragma once
#include "kernels/gemm/epilogue_sm80.cuh"

// What a block needs beside the arguments.
struct gemm_plan {
    int splits;      // blocks a tile
    int split_steps; // K steps of each but the last
};

// The 16-byte chunk of a row of BK elements, so that eight rows lie in eight bank groups.
template <int BK> __device__ __forceinline__ int gemm_swz(int row, int chunk)
{
    return row * BK + ((chunk ^ (row / (64 / BK) & (BK / 8 - 1))) * 8);
}

__device__ __forceinline__ void batch_start(const cu_gemm_batch &b, int i, int64_t &a_at,
                                            int64_t &b_at)
{
    a_at = b_at = 0;
#pragma unroll
    for (int d = CU_GEMM_RANK - 1; d >= 0; d--)
        if (d < b.rank) {
            const int x = i % b.dims[d];
            i /= b.dims[d];
            a_at += x * b.a_step[d];
            b_at += x * b.b_step[d];
        }
}

// Tile i of tm x tn, in columns of G row tiles.
template <int G> __device__ __forceinline__ void walk(int i, int tm, int tn, int &im, int &in)
{
    const int group = i / (G * tn), rows = min(G, tm - group * G), at = i % (G * tn);
    im = group * G + at % rows;
    in = at / rows;
}

// The N sums of each of THREADS threads to and from N * THREADS floats of `room`, 16 bytes a
// thread.
template <int N, int THREADS>
__device__ __forceinline__ void store_sums(const float (&acc)[N], float *to, int thread)
{
    static_assert(N % 4 == 0, "vectors of four");
#pragma unroll
    for (int q = 0; q < N; q += 4)
        *(float4 *)(to + q * THREADS + thread * 4) =
            float4{acc[q], acc[q + 1], acc[q + 2], acc[q + 3]};
}
template <int N, int THREADS>
__device__ __forceinline__ void add_sums(float (&acc)[N], const float *from, int thread)
{
#pragma unroll
    for (int q = 0; q < N; q += 4) {
        const float4 t = px_ldcg((const float4 *)(from + q * THREADS + thread * 4));
        acc[q] += t.x, acc[q + 1] += t.y, acc[q + 2] += t.z, acc[q + 3] += t.w;
    }
}

// Is the caller the last of n to draw this ticket? The last leaves it at zero.
__device__ __forceinline__ bool arrive_last(int *ticket, int n)
{
    const bool last = px_ticket(ticket) == n - 1;
    if (last) *ticket = 0;
    return last;
}

// The sums of all splits of a tile in acc of the last block to arrive; false for the others.
// `flag`: a word of shared memory.
template <int N, int THREADS>
__device__ __forceinline__ bool join_splits(float (&acc)[N], float *room, int *ticket, int split,
                                            int splits, int *flag)
{
    const int thread = threadIdx.x;
    store_sums<N, THREADS>(acc, room + (int64_t)split * N * THREADS, thread);
    px_fence();
    __syncthreads();
    if (thread == 0) *flag = arrive_last(ticket, splits);
    __syncthreads();
    if (!*flag) return false;
    px_fence();
#pragma unroll
    for (int q = 0; q < N; q++) acc[q] = 0.f;
#pragma unroll 1
    for (int s = 0; s < splits; s++)
        add_sums<N, THREADS>(acc, room + (int64_t)s * N * THREADS, thread);
    return true;
}

template <int BM, int BN, int BK, int ST> constexpr int gemm_sm80_smem()
{
    const int ring = ST * (BM + BN) * BK * 2, tile = BM * BN * 4;
    return (ring > tile ? ring : tile) + 16;
}

// The sums of kt steps: `load(st)` starts this thread's copies of the next step's BM rows of a and
// BN of b into stage st of the rings sa and sb. Then the rings are free. 128 threads in 2 x 2
// warps.
template <class T, int BM, int BN, int BK, int ST, class Load>
__device__ __forceinline__ void ring_sums(float (&acc)[BM * BN / 128], const uint16_t *sa,
                                          const uint16_t *sb, int kt, Load load)
{
    constexpr int MI = BM / 32, NI = BN / 16;
    const int tid = threadIdx.x, lane = tid & 31, wm = (tid >> 5) & 1, wn = tid >> 6;
#pragma unroll
    for (int q = 0; q < MI * NI * 4; q++) acc[q] = 0.f;
#pragma unroll
    for (int s = 0; s < ST - 1; s++) {
        if (s < kt) load(s);
        px_cp_commit();
    }
    for (int t = 0; t < kt; t++) {
        px_cp_wait<ST - 2>();
        __syncthreads(); // stage t is visible; stage t - 1 is free again
        if (t + ST - 1 < kt) load((t + ST - 1) % ST);
        px_cp_commit();
        const uint16_t *ta = sa + t % ST * BM * BK, *tb = sb + t % ST * BN * BK;
#pragma unroll
        for (int kk = 0; kk < BK / 16; kk++) {
            uint32_t a[MI][4], b[NI / 2][4];
#pragma unroll
            for (int i = 0; i < MI; i++)
                px_ldsm4(a[i], ta + gemm_swz<BK>(wm * BM / 2 + i * 16 + (lane & 15),
                                                 kk * 2 + (lane >> 4)));
#pragma unroll
            for (int j = 0; j < NI / 2; j++)
                px_ldsm4(b[j],
                         tb + gemm_swz<BK>(wn * BN / 2 + j * 16 + (lane & 7) + (lane >> 4) * 8,
                                           kk * 2 + (lane >> 3 & 1)));
#pragma unroll
            for (int i = 0; i < MI; i++)
#pragma unroll
                for (int j = 0; j < NI; j++)
                    T::mma((float(&)[4])acc[(i * NI + j) * 4], a[i], &b[j / 2][(j & 1) * 2]);
        }
    }
    px_cp_wait<0>();
    __syncthreads();
}

// ... as the rows of a tile in shared memory that all threads then see.
template <int BM, int BN>
__device__ __forceinline__ void sums_to_tile(float *tile, const float (&acc)[BM * BN / 128])
{
    constexpr int MI = BM / 32, NI = BN / 16;
    const int tid = threadIdx.x, lane = tid & 31, wm = (tid >> 5) & 1, wn = tid >> 6;
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
        for (int j = 0; j < NI; j++)
#pragma unroll
            for (int h = 0; h < 2; h++) {
                const int at = (i * NI + j) * 4 + h * 2;
                *(float2 *)(tile + tile_at<BN>(wm * BM / 2 + i * 16 + (lane >> 2) + h * 8,
                                               wn * BN / 2 + j * 8 + (lane & 3) * 2)) =
                    float2{acc[at], acc[at + 1]};
            }
    __syncthreads();
}

template <class T, class C, int BM, int BN, int BK, int ST>
__global__ void __launch_bounds__(128)
    gemm_sm80(const __grid_constant__ cu_gemm_args g, const gemm_plan plan)
{
    constexpr int CH = BK / 8, ROWS = 128 / CH;
    constexpr int NA = BM / ROWS, NB = BN / ROWS; // copies of a thread and step
    IGT_SMEM(smem);
    uint16_t *sa = (uint16_t *)smem, *sb = sa + ST * BM * BK;
    const int tid = threadIdx.x;
    const int tm = (g.m + BM - 1) / BM, tn = (g.n + BN - 1) / BN, tiles = tm * tn,
              batch = blockIdx.x / tiles;
    int im, in;
    walk<8>(blockIdx.x % tiles, tm, tn, im, in);
    const int m0 = im * BM, n0 = in * BN;
    const int steps = (g.k + BK - 1) / BK, first = blockIdx.y * plan.split_steps,
              kt = min(steps - first, plan.split_steps);

    // This thread copies chunk `ch` of rows r0, r0 + ROWS, ...
    const int r0 = tid / CH, ch = tid % CH;
    int64_t a_at, b_at;
    batch_start(g.batch, batch, a_at, b_at);
    const uint16_t *pa = (const uint16_t *)g.a + a_at + (int64_t)(m0 + r0) * g.lda + ch * 8;
    const uint16_t *pb = (const uint16_t *)g.b + b_at + (int64_t)(n0 + r0) * g.ldb + ch * 8;
    int k = first * BK; // of the next step to copy
    auto load = [&](int st) {
        const bool in_k = k + ch * 8 < g.k;
#pragma unroll
        for (int i = 0; i < NA; i++) {
            const bool ok = in_k && m0 + r0 + i * ROWS < g.m;
            px_cp16(sa + st * BM * BK + gemm_swz<BK>(r0 + i * ROWS, ch),
                    ok ? pa + k + i * ROWS * g.lda : (const uint16_t *)g.a, ok ? 16 : 0);
        }
#pragma unroll
        for (int i = 0; i < NB; i++) {
            const bool ok = in_k && n0 + r0 + i * ROWS < g.n;
            px_cp16(sb + st * BN * BK + gemm_swz<BK>(r0 + i * ROWS, ch),
                    ok ? pb + k + i * ROWS * g.ldb : (const uint16_t *)g.b, ok ? 16 : 0);
        }
        k += BK;
    };
    float acc[BM * BN / 128];
    ring_sums<T, BM, BN, BK, ST>(acc, sa, sb, kt, load);
    float *tile = (float *)smem; // where the ring was
    if (plan.splits > 1 &&
        !join_splits<BM * BN / 128, 128>(
            acc, (float *)g.room + (int64_t)blockIdx.x * plan.splits * BM * BN,
            g.tickets + blockIdx.x, blockIdx.y, plan.splits, (int *)(smem + BM * BN * 4)))
        return;
    sums_to_tile<BM, BN>(tile, acc);
    typedef typename C::raw raw;
    cu_gemm_out o = g.out;
    o.c = (raw *)o.c + batch * g.batch.c_step;
    if (o.residual) o.residual = (const raw *)o.residual + batch * g.batch.r_step;
    tile_to_c<C, BM, BN>(tile, o, m0, n0, g.m, g.n, tid, 128);
}
