// Products of 1 to 4 rows of x, bound by reading the weights once.
//
// A warp has two rows of W at a time and reads 16 bytes of each at two places: 4 loads of 16 bytes
// are in flight a thread before the first is used. A multiprocessor holds 32 warps (24 for
// bytes, 16 with four rows of x, which want more registers), so 32 to 64 KB are under way; 26 KB
// hide the latency of an H200's memory at full bandwidth (4.3 TB/s over 132 multiprocessors for 0.8
// us). x lies in shared memory as f32, in pieces of 32 KB for all rows of x, ordered so that lanes
// read neighbouring 16 bytes. A weight of 16 bits costs one instruction to widen and one for each
// row of x, 2.3 in all with its share of x for one row, where 13 could be issued while it arrives.
// Blocks go on to further rows, so that x is read from L2 once a block where it fits one piece.
// Sums: a lane's own in order of k, then a fixed tree.
#pragma once
#include "kernels/gemm/gemv_cuda.h"
#include "kernels/gemm_q/finish_cuda.cuh"

constexpr int GEMV_THREADS = 256, GEMV_PIECE = 8192; // floats of x in shared memory

// 16 bytes of weights as V floats.
template <cu_gemv_type T> struct GemvWeight {
    static constexpr int V = 16 / (T == CU_GEMV_F32                        ? 4
                                   : T == CU_GEMV_F16 || T == CU_GEMV_BF16 ? 2
                                                                           : 1);
    static __device__ __forceinline__ void widen(float (&f)[V], const uint4 &u)
    {
        const uint32_t w[4] = {u.x, u.y, u.z, u.w};
#pragma unroll
        for (int i = 0; i < 4; i++) {
            if constexpr (T == CU_GEMV_F32) {
                f[i] = px_float(w[i]);
            } else if constexpr (T == CU_GEMV_BF16) {
                f[2 * i] = px_bf16_lo(w[i]);
                f[2 * i + 1] = px_bf16_hi(w[i]);
            } else if constexpr (T == CU_GEMV_F16) {
                f[2 * i] = px_f16_lo(w[i]);
                f[2 * i + 1] = px_f16_hi(w[i]);
            } else if constexpr (T == CU_GEMV_E4M3) {
                const uint32_t lo = px_e4m3x2_f16x2((uint16_t)w[i]),
                               hi = px_e4m3x2_f16x2((uint16_t)(w[i] >> 16));
                f[4 * i] = px_f16_lo(lo);
                f[4 * i + 1] = px_f16_hi(lo);
                f[4 * i + 2] = px_f16_lo(hi);
                f[4 * i + 3] = px_f16_hi(hi);
            } else {
#pragma unroll
                for (int j = 0; j < 4; j++) f[4 * i + j] = (float)(int8_t)(w[i] >> 8 * j);
            }
        }
    }
};

template <cu_gemv_type T, int M>
__global__ void __launch_bounds__(GEMV_THREADS, T < CU_GEMV_E4M3 ? 4
                                                : M < 4          ? 3
                                                        : 2) gemv_sm80(const cu_gemv_args g)
{
    px_grid_wait();
    px_grid_launch();
    typedef GemvWeight<T> W;
    constexpr int V = W::V, QUADS = V / 4;
    constexpr int MOST = GEMV_PIECE / M / V / 32 * 32; // 16-byte chunks of k in a piece
    IGT_SMEM(smem);
    float4 *xs = (float4 *)smem; // [M][QUADS][chunks of the piece]
    const int tid = threadIdx.x, lane = tid & 31;
    const int chunks = g.k / V, pieces = (chunks + MOST - 1) / MOST;
    const int pairs = (g.n + 15) / 16 * 8, groups = pairs / 8; // a block has 8 pairs: 16 rows
    for (int group = blockIdx.x; group < groups; group += gridDim.x) {
        const int pair = group * 8 + (tid >> 5), n = pair / 8 * 16 + pair % 8;
        const char *w0 = (const char *)g.w + (int64_t)min(n, g.n - 1) * g.ldw * (16 / V),
                   *w1 = (const char *)g.w + (int64_t)min(n + 8, g.n - 1) * g.ldw * (16 / V);
        float sum[2][M];
#pragma unroll
        for (int m = 0; m < M; m++) sum[0][m] = sum[1][m] = 0.f;
        for (int p = 0; p < pieces; p++) {
            const int c0 = p * MOST, here = min(chunks - c0, MOST);
            if (pieces > 1 || group == (int)blockIdx.x) {
                __syncthreads(); // the piece before is done with
                for (int i = tid; i < M * here * QUADS; i += GEMV_THREADS) {
                    const int m = i / (here * QUADS), at = i % (here * QUADS);
                    float4 v = {0, 0, 0, 0};
                    const int64_t from = m * g.ldx + (int64_t)c0 * V + at * 4;
                    if (m < g.m) {
                        v.x = lo_load(g.x, g.x_type, from);
                        v.y = lo_load(g.x, g.x_type, from + 1);
                        v.z = lo_load(g.x, g.x_type, from + 2);
                        v.w = lo_load(g.x, g.x_type, from + 3);
                    }
                    xs[(m * QUADS + at % QUADS) * here + at / QUADS] = v;
                }
                __syncthreads();
            }
            for (int c = lane; c < here; c += 64) {
                const bool more = c + 32 < here;
                const int64_t at = (int64_t)(c0 + c) * 16;
                uint4 u[2][2];
                u[0][0] = px_ldg_stream(w0 + at);
                u[1][0] = px_ldg_stream(w1 + at);
                u[0][1] = more ? px_ldg_stream(w0 + at + 512) : uint4{0, 0, 0, 0};
                u[1][1] = more ? px_ldg_stream(w1 + at + 512) : uint4{0, 0, 0, 0};
#pragma unroll
                for (int h = 0; h < 2; h++) {
                    if (h && !more) break;
                    float a[V], b[V];
                    W::widen(a, u[0][h]);
                    W::widen(b, u[1][h]);
#pragma unroll
                    for (int m = 0; m < M; m++)
#pragma unroll
                        for (int q = 0; q < QUADS; q++) {
                            const float4 x = xs[(m * QUADS + q) * here + c + h * 32];
                            sum[0][m] =
                                fmaf(a[4 * q + 3], x.w,
                                     fmaf(a[4 * q + 2], x.z,
                                          fmaf(a[4 * q + 1], x.y, fmaf(a[4 * q], x.x, sum[0][m]))));
                            sum[1][m] =
                                fmaf(b[4 * q + 3], x.w,
                                     fmaf(b[4 * q + 2], x.z,
                                          fmaf(b[4 * q + 1], x.y, fmaf(b[4 * q], x.x, sum[1][m]))));
                        }
                }
            }
        }
        float mine[2] = {0, 0}; // lane m finishes row m of x
#pragma unroll
        for (int m = 0; m < M; m++)
#pragma unroll
            for (int h = 0; h < 2; h++) {
                const float v = px_warp_sum(sum[h][m]);
                if (lane == m) mine[h] = v;
            }
        if (lane < g.m && n < g.n) {
            if (g.scale) {
                mine[0] *= g.scale[n];
                mine[1] *= n + 8 < g.n ? g.scale[n + 8] : 0.f;
            }
            lo_finish_pair(g.finish, lane, n, mine[0], mine[1], 0);
        }
    }
}
