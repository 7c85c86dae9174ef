// fft_sm80.cuh - Fourier transforms of rows in double: Stockham's passes of any radix up to 13, and
// Bluestein's convolution for lengths with larger prime factors (fft.h).
//
// A block takes a row through all its passes between two buffers, in shared memory where both fit
// (7264 points of 16 bytes on an H100), else in device memory that stays in L2. A thread makes one
// element of a pass from `radix` others and their roots; with a few radices that is 4 log4(n)
// complex multiplications a point: a frame of 2048 points is 0.4 MFLOP of f64 and 16 KB in, so the
// double units bound it. Sums are made in the CPU's order.
#pragma once
#include "kernels/cuda/index.cuh"
#include "kernels/cuda/number.cuh"
#include "kernels/fft/fft_cuda.h"

enum { FFT_THREADS = 256 };

typedef struct __align__(16) { double re, im; }
fft_point;

// One pass: from [radix][rest][stride], to [rest][radix][stride].
typedef struct {
    cu_div stride, radix;
    uint32_t rest, turn; // turn: n / radix, a radix-th of the circle
} fft_pass;

typedef struct {
    int n; // passes
    uint32_t size;
    cu_div inner;
    double scale, scale_m; // of the way back: 1 / n; of a convolution: 1 / m
    fft_pass pass[CU_FFT_PASSES];
} fft_plan;

__device__ __forceinline__ fft_point fft_mul(fft_point a, fft_point b)
{
    return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
__device__ __forceinline__ fft_point fft_conj(fft_point a) { return {a.re, -a.im}; }

__device__ __forceinline__ fft_point fft_element(const fft_point *from, const fft_point *roots,
                                                 const fft_pass &p, uint32_t i)
{
    const uint32_t stride = p.stride.d, radix = p.radix.d, s = cu_remainder(i, p.stride),
                   q = cu_remainder(i, p.radix); // and i counts the rest
    const fft_point *x = from + s + stride * i;
    fft_point sum = x[0];
    for (uint32_t j = 1, turns = q; j < radix; j++) {
        x += stride * p.rest;
        const fft_point t = fft_mul(x[0], roots[turns * p.turn]);
        sum.re += t.re, sum.im += t.im;
        turns += q;
        if (turns >= radix) turns -= radix;
    }
    return fft_mul(sum, roots[i * q * stride]);
}

// x through all passes; where the result lies. Begins with what the block wrote, ends readable.
__device__ __forceinline__ fft_point *fft_transform(fft_point *x, fft_point *other,
                                                    const fft_point *roots, const fft_plan &plan)
{
    __syncthreads();
    for (int p = 0; p < plan.n; p++) {
        for (uint32_t i = threadIdx.x; i < plan.size; i += FFT_THREADS)
            other[i] = fft_element(x, roots, plan.pass[p], i);
        fft_point *t = x;
        x = other, other = t;
        __syncthreads();
    }
    return x;
}

// Sample k of the row: windowed, or completed from the half that is there.
__device__ __forceinline__ fft_point fft_sample(const cu_fft_args &g, int64_t at, int k)
{
    const bool mirrored = g.hermitian && k > g.n / 2;
    const int from = mirrored ? g.n - k : k;
    if (from >= g.n_in) return {0, 0};
    at += from * g.x_step;
    fft_point v = {nb_real<double>(g.x, g.x_type, at),
                   g.parts == 2 ? nb_real<double>(g.x, g.x_type, at + 1) : 0.0};
    if (g.window) {
        const double w = k < g.n_window ? nb_real<double>(g.window, g.window_type, k) : 0.0;
        v = {w * v.re, w * v.im};
    }
    if (g.hermitian && (k == 0 || 2 * k == g.n)) v.im = 0;
    return mirrored != g.inverse ? fft_conj(v) : v; // the way back is the way there, mirrored
}

__global__ void __launch_bounds__(FFT_THREADS)
    fft_rows(const __grid_constant__ cu_fft_args g, const __grid_constant__ fft_plan plan)
{
    IGT_SMEM(smem);
    const fft_point *roots = (const fft_point *)g.roots, *chirp = (const fft_point *)g.chirp,
                    *spectrum = (const fft_point *)g.spectrum;
    fft_point *room =
        g.room ? (fft_point *)g.room + (int64_t)blockIdx.x * 2 * plan.size : (fft_point *)smem;
    for (uint32_t row = blockIdx.x; row < (uint32_t)g.rows; row += gridDim.x) {
        uint32_t outer = row;
        const uint32_t inner = cu_remainder(outer, plan.inner);
        const int64_t from = outer * g.x_outer + inner * g.x_inner;
        for (int k = threadIdx.x; k < (int)plan.size; k += FFT_THREADS) {
            fft_point v = {0, 0};
            if (k < g.n) v = fft_sample(g, from, k);
            room[k] = g.m ? (k < g.n ? fft_mul(v, chirp[k]) : v) : v;
        }
        fft_point *x = fft_transform(room, room + plan.size, roots, plan);
        if (g.m) { // times the chirp's spectrum and back, by the conjugate
            for (int k = threadIdx.x; k < g.m; k += FFT_THREADS)
                x[k] = fft_conj(fft_mul(x[k], spectrum[k]));
            x = fft_transform(x, x == room ? room + plan.size : room, roots, plan);
        }
        const int64_t to = outer * g.y_outer + inner * g.y_inner;
        for (int k = threadIdx.x; k < g.n_out; k += FFT_THREADS) {
            fft_point v = x[k];
            if (g.m) v = fft_mul({v.re * plan.scale_m, -v.im * plan.scale_m}, chirp[k]);
            nb_put<double>(g.y, g.y_type, to + k * g.y_step, v.re * plan.scale);
            if (g.out_parts == 2)
                nb_put<double>(g.y, g.y_type, to + k * g.y_step + 1,
                               g.inverse ? -v.im * plan.scale : v.im);
        }
        __syncthreads(); // before the next row's samples
    }
}
