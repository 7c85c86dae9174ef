// gemm_cast_sm80.cuh - operands in the form that products on matrix units read: 16-bit floats, rows
// along k, 16-byte aligned, zero past the end. Bound by memory: each element is read and written
// once; a thread writes 16 bytes at a time, from 16 or 32 bytes in flight.
#pragma once
#include "kernels/gemm/gemm_cuda.h"
#include "kernels/gemm/half_sm80.cuh"

// The pieces of x on 8 bits each, by truncation: x = h + m + l exactly where all are normal; an
// infinity or NaN is h alone.
__device__ __forceinline__ void split3(float x, float &h, float &m, float &l)
{
    h = px_float(px_bits(x) & 0xffff0000u);
    const bool finite = fabsf(x) < INFINITY;
    const float rest = finite ? x - h : 0.f;
    m = px_float(px_bits(rest) & 0xffff0000u);
    l = rest - m;
    if (!finite) h = x;
}

// Eight elements of a row from column `col` on, of To; split: in three planes `plane` apart.
template <class To, bool SPLIT>
__device__ __forceinline__ void store8(uint16_t *y, const float (&v)[8], int64_t plane)
{
    if constexpr (SPLIT) {
        float h[8], m[8], l[8];
#pragma unroll
        for (int q = 0; q < 8; q++) split3(v[q], h[q], m[q], l[q]);
        *(uint4 *)y = pack16<To>(h);
        *(uint4 *)(y + plane) = pack16<To>(m);
        *(uint4 *)(y + 2 * plane) = pack16<To>(l);
    } else {
        float t[8];
#pragma unroll
        for (int q = 0; q < 8; q++) t[q] = To::fit(v[q]);
        *(uint4 *)y = pack16<To>(t);
    }
}

template <class From, class To, bool SPLIT>
__global__ void __launch_bounds__(256) cast_rows_sm80(const cu_gemm_cast_args g)
{
    typedef typename From::raw raw;
    const int per_row = g.ld / 8;
    const int64_t n = g.batch * g.rows * per_row, step = (int64_t)gridDim.x * 256;
    const bool wide = (uintptr_t)g.x % 16 == 0 && g.cols % PER16<From> == 0;
    for (int64_t i = (int64_t)blockIdx.x * 256 + threadIdx.x; i < n; i += step) {
        const int64_t row = i / per_row;
        const int col = (int)(i % per_row) * 8;
        const raw *p = (const raw *)g.x + row * g.cols + col;
        float v[8];
        if (wide && col + 8 <= g.cols) {
            float t[PER16<From>];
#pragma unroll
            for (int h = 0; h < 8 / PER16<From>; h++) {
                load16<From>(t, p + h * PER16<From>);
#pragma unroll
                for (int q = 0; q < PER16<From>; q++) v[h * PER16<From> + q] = t[q];
            }
        } else {
#pragma unroll
            for (int q = 0; q < 8; q++) v[q] = col + q < g.cols ? From::widen(p[q]) : 0.f;
        }
        store8<To, SPLIT>((uint16_t *)g.y + row * (SPLIT ? 3 : 1) * g.ld + col, v, g.ld);
    }
}

// The same from [batch, cols, rows]: tiles of 64 x 64 turn in shared memory.
constexpr int TURN = 64;
template <class From, class To, bool SPLIT>
__global__ void __launch_bounds__(256) cast_turned_sm80(const cu_gemm_cast_args g)
{
    typedef typename From::raw raw;
    IGT_SMEM(smem);
    float *t = (float *)smem; // [TURN columns][TURN + 1 rows]
    const int tid = threadIdx.x, tr = (g.rows + TURN - 1) / TURN, tc = (g.ld + TURN - 1) / TURN;
    const int64_t batch = blockIdx.x / (tr * tc);
    const int in = (int)(blockIdx.x % (tr * tc)), r0 = in % tr * TURN, c0 = in / tr * TURN;
    const raw *x = (const raw *)g.x + batch * g.rows * g.cols;
    for (int i = tid; i < TURN * TURN; i += 256) {
        const int r = i % TURN, c = i / TURN;
        const bool ok = r0 + r < g.rows && c0 + c < g.cols;
        t[c * (TURN + 1) + r] = ok ? From::widen(x[(int64_t)(c0 + c) * g.rows + r0 + r]) : 0.f;
    }
    __syncthreads();
    for (int i = tid; i < TURN * TURN / 8; i += 256) {
        const int r = i / (TURN / 8), c = i % (TURN / 8) * 8;
        if (r0 + r >= g.rows || c0 + c >= g.ld) continue;
        float v[8];
#pragma unroll
        for (int q = 0; q < 8; q++) v[q] = t[(c + q) * (TURN + 1) + r];
        const int64_t row = batch * g.rows + r0 + r;
        store8<To, SPLIT>((uint16_t *)g.y + row * (SPLIT ? 3 : 1) * g.ld + c0 + c, v, g.ld);
    }
}
