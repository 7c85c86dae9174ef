// conv_i8_sm80.cuh - convolution of bytes as a matrix product that gathers its rows, on integer
// matrix units (m16n8k32): the loop of kernels/conv/conv_sm80.cuh with bytes, 64 of k a step.
//
// A tap outside of the image reads a row of bytes with the zero point of x, so that (x - zero) is 0
// there: the sum over the padding is the same for all pixels, and -zero * sum(w) is one term a
// channel. Tiles of 64 x 64, four stages of 8 KB; results are finished in registers.
#pragma once
#include "kernels/conv_i8/conv_i8_cuda.h"
#include "kernels/cuda/index.cuh"
#include "kernels/gemm/gemm_sm80.cuh"

enum { I8_SIDE = 64, I8_BK = 64, I8_STAGES = 4, I8_CAST_THREADS = 256 };

__global__ void __launch_bounds__(I8_CAST_THREADS)
    conv_i8_cast(const __grid_constant__ cu_conv_i8_cast_args g, cu_div ld, cu_div groups,
                 cu_div pixels, uint32_t total)
{
    const uint32_t i = cu_thread();
    if (i >= total) return;
    uint32_t n = i;
    const int c = (int)cu_remainder(n, ld), group = (int)cu_remainder(n, groups);
    const int64_t p = cu_remainder(n, pixels), channel = (int64_t)group * g.in_c + c;
    const int64_t all = (int64_t)g.groups * g.in_c;
    int8_t v = 0;
    if (c < g.in_c) {
        const uint8_t raw = g.planes ? g.x[(n * all + channel) * g.pixels + p]
                                     : g.x[(n * g.pixels + p) * all + channel];
        v = (int8_t)(g.is_signed ? raw : raw ^ 0x80);
    }
    g.y[i] = v;
}

// The zero point of x as the kernel's bytes have it.
__device__ __forceinline__ int conv_i8_zero(const cu_conv_i8_args &g)
{
    if (g.x_signed) return g.x_zero ? *(const int8_t *)g.x_zero : 0;
    return (g.x_zero ? (int)*g.x_zero : 0) - 128;
}

__global__ void __launch_bounds__(32) conv_i8_border(const __grid_constant__ cu_conv_i8_args g)
{
    if (threadIdx.x < 16) g.border[threadIdx.x] = (int8_t)conv_i8_zero(g);
}

__device__ __forceinline__ void conv_i8_store(const cu_conv_i8_args &g, int64_t at, int channel,
                                              int sum)
{
    if (!g.scale) {
        ((int32_t *)g.y)[at] = sum;
        return;
    }
    const float scale = g.scale[g.scales > 1 ? channel : 0];
    if (!g.to_bytes) {
        ((float *)g.y)[at] = (float)sum * scale + (g.bias ? ((const float *)g.bias)[channel] : 0.f);
        return;
    }
    int zero = 0;
    if (g.y_zero) zero = g.y_signed ? *(const int8_t *)g.y_zero : *g.y_zero;
    float v;
    if (g.bias_is_int)
        v = (float)(sum + ((const int32_t *)g.bias)[channel]) * scale;
    else
        v = (float)sum * scale + (g.bias ? ((const float *)g.bias)[channel] : 0.f);
    v = rintf(v) + (float)zero;
    v = v < (float)g.low ? (float)g.low : v > (float)g.high ? (float)g.high : v;
    ((uint8_t *)g.y)[at] = (uint8_t)(int)v;
}

__global__ void __launch_bounds__(128)
    conv_i8_sm80(const __grid_constant__ cu_conv_i8_args g, cu_div in_c, cu_div kw, cu_div out_w,
                 cu_div out_pixels, int pixels, int tiles_p, int tiles_w)
{
    constexpr int SIDE = I8_SIDE, BK = I8_BK, ST = I8_STAGES, CH = BK / 16, ROWS = 128 / CH;
    constexpr int N = SIDE / ROWS, MI = SIDE / 32, NI = SIDE / 16;
    IGT_SMEM(smem);
    uint16_t *sp = (uint16_t *)smem, *sw = sp + ST * SIDE * BK / 2; // pairs of bytes
    const int tid = threadIdx.x, lane = tid & 31, wm = (tid >> 5) & 1, wn = tid >> 6;
    const cu_conv_window &o = g.window;
    const int tiles = tiles_p * tiles_w, group = blockIdx.x / tiles;
    int ip, iw;
    walk<8>(blockIdx.x % tiles, tiles_p, tiles_w, ip, iw);
    const int p0 = ip * SIDE, w0 = iw * SIDE, taps = o.kh * o.kw;
    const int steps = (taps * g.in_c + BK - 1) / BK;
    const int r0 = tid / CH, ch = tid % CH;
    const int64_t x_pixel = (int64_t)g.groups * g.in_c;
    const int8_t *x[N];
    int y_at[N], x_at[N];
#pragma unroll
    for (int i = 0; i < N; i++) {
        uint32_t p = (uint32_t)(p0 + r0 + i * ROWS);
        const bool there = p < (uint32_t)pixels;
        uint32_t n = there ? p : 0;
        uint32_t row = cu_remainder(n, out_pixels);
        const uint32_t col = cu_remainder(row, out_w);
        x[i] = g.x + (int64_t)n * o.in_h * o.in_w * x_pixel + group * g.in_c;
        y_at[i] = (int)row * o.stride_h - o.pad_top;
        x_at[i] = (int)col * o.stride_w - o.pad_left;
    }
    const int8_t *w = g.w + (int64_t)(group * g.out_c + w0 + r0) * taps * g.in_c;
    auto load = [&](int st, int t) {
        uint32_t tap = (uint32_t)(t * BK + ch * 16);
        const int c = (int)cu_remainder(tap, in_c);
        uint32_t ky = tap;
        const int dx = (int)cu_remainder(ky, kw) * o.dilation_w, dy = (int)ky * o.dilation_h;
        const bool in_k = (int)tap < taps;
#pragma unroll
        for (int i = 0; i < N; i++) {
            const int yy = y_at[i] + dy, xx = x_at[i] + dx;
            const bool inside = (uint32_t)yy < (uint32_t)o.in_h && (uint32_t)xx < (uint32_t)o.in_w;
            px_cp16(sp + st * SIDE * BK / 2 + gemm_swz<BK / 2>(r0 + i * ROWS, ch),
                    inside ? x[i] + (int64_t)(yy * o.in_w + xx) * x_pixel + c : g.border,
                    in_k ? 16 : 0);
        }
#pragma unroll
        for (int i = 0; i < N; i++) {
            const bool ok = in_k && w0 + r0 + i * ROWS < g.out_c;
            px_cp16(sw + st * SIDE * BK / 2 + gemm_swz<BK / 2>(r0 + i * ROWS, ch),
                    ok ? w + (int64_t)(i * ROWS * taps + (int)tap) * g.in_c + c : w, ok ? 16 : 0);
        }
    };
    int acc[MI][NI][4];
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
        for (int j = 0; j < NI; j++)
#pragma unroll
            for (int q = 0; q < 4; q++) acc[i][j][q] = 0;
#pragma unroll
    for (int s = 0; s < ST - 1; s++) {
        if (s < steps) load(s, s);
        px_cp_commit();
    }
    for (int t = 0; t < steps; t++) {
        px_cp_wait<ST - 2>();
        __syncthreads();
        if (t + ST - 1 < steps) load((t + ST - 1) % ST, t + ST - 1);
        px_cp_commit();
        const uint16_t *ta = sp + t % ST * SIDE * BK / 2, *tb = sw + t % ST * SIDE * BK / 2;
#pragma unroll
        for (int kk = 0; kk < BK / 32; kk++) {
            uint32_t a[MI][4], b[NI / 2][4];
#pragma unroll
            for (int i = 0; i < MI; i++)
                px_ldsm4(a[i], ta + gemm_swz<BK / 2>(wm * SIDE / 2 + i * 16 + (lane & 15),
                                                     kk * 2 + (lane >> 4)));
#pragma unroll
            for (int j = 0; j < NI / 2; j++)
                px_ldsm4(b[j], tb + gemm_swz<BK / 2>(wn * SIDE / 2 + j * 16 + (lane & 7) +
                                                         (lane >> 4) * 8,
                                                     kk * 2 + (lane >> 3 & 1)));
#pragma unroll
            for (int i = 0; i < MI; i++)
#pragma unroll
                for (int j = 0; j < NI; j++) px_mma_s8(acc[i][j], a[i], &b[j / 2][(j & 1) * 2]);
        }
    }
    px_cp_wait<0>();
    const int zero = conv_i8_zero(g), all = g.groups * g.out_c;
#pragma unroll
    for (int j = 0; j < NI; j++)
#pragma unroll
        for (int q = 0; q < 2; q++) {
            const int m = w0 + wn * SIDE / 2 + j * 8 + (lane & 3) * 2 + q;
            if (m >= g.out_c) continue;
            const int channel = group * g.out_c + m, start = -zero * g.w_sum[channel];
#pragma unroll
            for (int i = 0; i < MI; i++)
#pragma unroll
                for (int h = 0; h < 2; h++) {
                    const int p = p0 + wm * SIDE / 2 + i * 16 + (lane >> 2) + h * 8;
                    if (p < pixels)
                        conv_i8_store(g, (int64_t)p * all + channel, channel,
                                      acc[i][j][h * 2 + q] + start);
                }
        }
}
