// epilogue_sm80.cuh - finished sums, as f32 tiles in shared memory, on their way to c.
//
// A tile is [rows][BN] floats; the 32-byte pieces of a row are exchanged by its number, so that
// fragments of four rows are written, and rows read, without bank conflicts. Each thread takes 16
// bytes of c at a time, a warp whole lines: alpha, bias, residual, activation, gate, one store.
#pragma once
#include "kernels/gemm/act_sm80.cuh"
#include "kernels/gemm/half_sm80.cuh"

template <int BN> __device__ __forceinline__ int tile_at(int row, int col)
{
    return row * BN + ((col >> 3 ^ (row & 3)) << 3) + (col & 7);
}

// A row of bias or residual at columns n .. n + V - 1 of `columns`.
template <class C, int V>
__device__ __forceinline__ void add_row(float (&v)[V], const void *row, int n, int columns,
                                        bool wide)
{
    const typename C::raw *p = (const typename C::raw *)row + n;
    float x[V];
    if (wide && n + V <= columns) {
        load16<C>(x, p);
    } else {
#pragma unroll
        for (int q = 0; q < V; q++) x[q] = n + q < columns ? C::widen(p[q]) : 0.f;
    }
#pragma unroll
    for (int q = 0; q < V; q++) v[q] += x[q];
}

template <class C, int V>
__device__ __forceinline__ void store_row(const float (&v)[V], void *row, int n, int columns,
                                          bool wide)
{
    typename C::raw *p = (typename C::raw *)row + n;
    if (wide && n + V <= columns) {
        *(uint4 *)p = pack16<C>(v);
    } else {
#pragma unroll
        for (int q = 0; q < V; q++)
            if (n + q < columns) p[q] = narrow<C>(v[q]);
    }
}

// Sums of columns n .. n + V - 1 of b, in full: alpha and bias.
template <class C, int V>
__device__ __forceinline__ void take_sums(float (&v)[V], const float *tile, const cu_gemm_out &o,
                                          int n, int n_b)
{
#pragma unroll
    for (int q = 0; q < V; q += 4) {
        const float4 t = *(const float4 *)(tile + q);
        v[q] = o.alpha * t.x, v[q + 1] = o.alpha * t.y;
        v[q + 2] = o.alpha * t.z, v[q + 3] = o.alpha * t.w;
    }
    if (o.bias) add_row<C, V>(v, o.bias, n, n_b, (uintptr_t)o.bias % 16 == 0);
}

// Rows m0 .. of c from a tile in shared memory, by `threads` threads; n0: the tile's first column
// of b. `o` has c and residual of this product; n_b columns of b in all.
template <class C, int BM, int BN>
__device__ void tile_to_c(const float *tile, const cu_gemm_out &o, int m0, int n0, int m, int n_b,
                          int thread, int threads)
{
    constexpr int V = PER16<C>, PER = BN / V;
    typedef typename C::raw raw;
    const int tiles_per_row = o.gated ? PER / 2 : PER;
    const bool wide = (uintptr_t)o.c % 16 == 0 && o.ldc % V == 0,
               wide_r = (uintptr_t)o.residual % 16 == 0 && o.ld_residual % V == 0;
    const int c0 = o.gated ? n0 / 2 : n0;
#pragma unroll 1
    for (int i = thread; i < BM * tiles_per_row; i += threads) {
        const int r = i / tiles_per_row, at = i % tiles_per_row * V, n = c0 + at;
        if (m0 + r >= m || n >= o.columns) continue;
        float v[V];
        if (o.gated) { // 8 of up, 8 of gate
            const int up = at / 8 * 16 + at % 8;
            float u[V];
            take_sums<C, V>(u, tile + tile_at<BN>(r, up), o, n0 + up, n_b);
            take_sums<C, V>(v, tile + tile_at<BN>(r, up + 8), o, n0 + up + 8, n_b);
            act_apply<V>(o.act, o.act_a, o.act_b, v);
#pragma unroll
            for (int q = 0; q < V; q++) v[q] *= u[q];
        } else {
            take_sums<C, V>(v, tile + tile_at<BN>(r, at), o, n, n_b);
            if (o.residual)
                add_row<C, V>(v, (const raw *)o.residual + (int64_t)(m0 + r) * o.ld_residual, n,
                              o.columns, wide_r);
            act_apply<V>(o.act, o.act_a, o.act_b, v);
        }
        store_row<C, V>(v, (raw *)o.c + (int64_t)(m0 + r) * o.ldc, n, o.columns, wide);
    }
}
