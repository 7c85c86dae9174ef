// gemm_any_sm80.cuh - c = alpha * a b^T + bias + residual for f64 and integers, any strides.
//
// A block makes 64 x 64 of c, a thread 4 x 4 sums of which neighbours in a row lie 16 apart: reads
// of shared memory are then neighbours' or one address, stores whole lines. Bound by shared memory:
// eight reads of 8 bytes for sixteen multiply-adds. Operands are widened as they are loaded, to
// double, or to 32 or 64 bits of wrapping integers, and lie as [k][row], rows padded by one.
#pragma once
#include "kernels/cuda/number.cuh"
#include "kernels/gemm/gemm_any_cuda.h"

enum { ANY_TILE = 64, ANY_K = 16, ANY_THREADS = 256, ANY_LD = ANY_TILE + 1, ANY_SIDE = 16 };

template <class T> __device__ __forceinline__ T any_load(const void *p, int type, int64_t i)
{
    return (T)nb_int(p, type, i);
}
template <> __device__ __forceinline__ double any_load<double>(const void *p, int type, int64_t i)
{
    (void)type;
    return ((const double *)p)[i];
}

__device__ __forceinline__ double any_add(double sum, double a, double b) { return fma(a, b, sum); }
__device__ __forceinline__ uint32_t any_add(uint32_t sum, uint32_t a, uint32_t b)
{
    return sum + a * b;
}
__device__ __forceinline__ uint64_t any_add(uint64_t sum, uint64_t a, uint64_t b)
{
    return sum + a * b;
}

__device__ __forceinline__ void any_store(const cu_gemm_any_args &g, int64_t at, int j, double v)
{
    v *= g.alpha;
    if (g.bias) v += g.bias[j];
    if (g.residual) v += g.residual[at];
    ((double *)g.c)[at] = v;
}
template <class T>
__device__ __forceinline__ void any_store(const cu_gemm_any_args &g, int64_t at, int, T v)
{
    nb_put_int(g.c, g.type, at, (int64_t)v);
}

// The tile of rows from `row` on and of k from `k` on, zeros where there is none.
template <class T>
__device__ __forceinline__ void any_tile(T *to, const void *from, int type, int64_t at,
                                         int64_t row_step, int64_t k_step, int row, int rows, int k,
                                         int ks)
{
    const bool along_k = k_step == 1; // neighbours in memory go to neighbouring threads
    for (int e = threadIdx.x; e < ANY_TILE * ANY_K; e += ANY_THREADS) {
        const int x = along_k ? e % ANY_K : e / ANY_TILE, i = along_k ? e / ANY_K : e % ANY_TILE;
        const bool inside = row + i < rows && k + x < ks;
        to[x * ANY_LD + i] =
            inside ? any_load<T>(from, type, at + (row + i) * row_step + (k + x) * k_step) : (T)0;
    }
}

template <class T>
__global__ void __launch_bounds__(ANY_THREADS)
    gemm_any(const __grid_constant__ cu_gemm_any_args g, int tiles_m, int tiles_n)
{
    IGT_SMEM(smem);
    T *sa = (T *)smem, *sb = sa + ANY_K * ANY_LD;
    const int tiles = tiles_m * tiles_n, tile = blockIdx.x % tiles;
    int batch = blockIdx.x / tiles;
    const int m0 = tile / tiles_n * ANY_TILE, n0 = tile % tiles_n * ANY_TILE;
    const int64_t c_at = batch * g.batch.c_step;
    int64_t a_at = 0, b_at = 0;
    for (int d = g.batch.rank - 1; d >= 0; d--) {
        const int i = batch % g.batch.dims[d];
        batch /= g.batch.dims[d];
        a_at += i * g.batch.a_step[d];
        b_at += i * g.batch.b_step[d];
    }
    const int ty = threadIdx.x / ANY_SIDE, tx = threadIdx.x % ANY_SIDE;
    T sum[4][4] = {};
    for (int k = 0; k < g.k; k += ANY_K) {
        any_tile(sa, g.a, g.type, a_at, g.a_row, g.a_col, m0, g.m, k, g.k);
        any_tile(sb, g.b, g.type, b_at, g.b_row, g.b_col, n0, g.n, k, g.k);
        __syncthreads();
        const int ks = min((int)ANY_K, g.k - k);
        for (int x = 0; x < ks; x++) {
            T a[4], b[4];
#pragma unroll
            for (int i = 0; i < 4; i++) a[i] = sa[x * ANY_LD + ty + i * ANY_SIDE];
#pragma unroll
            for (int j = 0; j < 4; j++) b[j] = sb[x * ANY_LD + tx + j * ANY_SIDE];
#pragma unroll
            for (int i = 0; i < 4; i++)
#pragma unroll
                for (int j = 0; j < 4; j++) sum[i][j] = any_add(sum[i][j], a[i], b[j]);
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const int row = m0 + ty + i * ANY_SIDE, col = n0 + tx + j * ANY_SIDE;
            if (row < g.m && col < g.n)
                any_store(g, c_at + (int64_t)row * g.n + col, col, sum[i][j]);
        }
}
