// resize_sm80.cuh - resampling, one thread an output: taps are few and neighbours share them, so L1
// serves what is read more than once, and memory sees x and y once. Places are computed in double
// as on the CPU: which pixel a tap is must not depend on the machine.
#pragma once
#include "kernels/cuda/index.cuh"
#include "kernels/cuda/number.cuh"
#include "kernels/resize/resize_cuda.h"

enum { RESIZE_THREADS = 256 };

template <class REAL>
__global__ void __launch_bounds__(RESIZE_THREADS)
    resize_axis(const __grid_constant__ cu_resize_args g, cu_div inner, cu_div out, uint32_t total)
{
    const uint32_t i = cu_thread();
    if (i >= total) return;
    uint32_t outer = i;
    const uint32_t e = cu_remainder(outer, inner), j = cu_remainder(outer, out);
    const int32_t *index = g.index + (int64_t)j * g.taps;
    const double *weight = g.weight + (int64_t)j * g.taps;
    REAL sum = 0;
    if (index[0] < 0) {
        sum = (REAL)g.fill;
    } else {
        const int64_t row = (int64_t)outer * g.in;
        for (int t = 0; t < g.taps; t++)
            sum += (REAL)weight[t] *
                   nb_real<REAL>(g.x, g.x_type, (row + index[t]) * (int64_t)inner.d + e);
    }
    nb_put<REAL>(g.y, g.y_type, i, g.y_type > NB_BF16 ? (REAL)rint((double)sum) : sum);
}

// ---- grid_sample ----

__device__ __forceinline__ double sample_reflect(double x, double low, double high)
{
    const double range = high - low;
    if (!(range > 0)) return low;
    double over = x < low ? low - x : x > high ? x - high : 0;
    if (over == 0) return x;
    const double turns = floor(over / range);
    const bool odd = turns - 2 * floor(turns / 2) != 0, below = x < low;
    over -= turns * range;
    return below != odd ? low + over : high - over;
}

// A coordinate in -1..1 as a place in [0, n); grids of narrow types compute in f32.
__device__ __forceinline__ double sample_place(double g, double n, bool align, bool f64)
{
    if (f64) return align ? (g + 1) / 2 * (n - 1) : ((g + 1) * n - 1) / 2;
    const float v = (float)g, size = (float)n;
    return (double)(align ? (v + 1) / 2 * (size - 1) : ((v + 1) * size - 1) / 2);
}

// The element that place i of a dimension of n stands for; -1: none.
__device__ __forceinline__ int64_t sample_element(const cu_grid_sample_args &g, double i, int64_t n)
{
    const double size = (double)n;
    if (g.padding == CU_PAD_ZEROS) return i >= 0 && i < size ? (int64_t)i : -1;
    if (g.padding == CU_PAD_REFLECTION)
        i = g.align_corners ? sample_reflect(i, 0, size - 1) : sample_reflect(i, -0.5, size - 0.5);
    if (!(i > 0)) return 0;
    return i < size ? (int64_t)i : n - 1;
}

enum { SAMPLE_THREADS = 128, SAMPLE_SLOTS = 3 * 4 };

// The taps of one dimension around place x: how many; where and how much, SAMPLE_THREADS apart.
__device__ __forceinline__ int sample_taps(const cu_grid_sample_args &g, double x, int64_t n,
                                           int64_t *at, double *weight)
{
    const double low = g.align_corners ? 0 : -0.5, size = (double)n;
    const double high = g.align_corners ? size - 1 : size - 0.5;
    if (x != x) x = g.padding == CU_PAD_ZEROS ? -2 * size - 4 : 0;
    if (g.mode == CU_SAMPLE_NEAREST) x = rint(x);
    if ((x < low || x > high) && g.padding == CU_PAD_BORDER) x = fmin(fmax(x, 0.), size - 1);
    if ((x < low || x > high) && g.padding == CU_PAD_REFLECTION) x = sample_reflect(x, low, high);
    if (g.mode == CU_SAMPLE_NEAREST) {
        at[0] = sample_element(g, g.padding == CU_PAD_ZEROS ? x : trunc(x), n);
        weight[0] = 1;
        return 1;
    }
    x = fmin(fmax(x, -1e15), 1e15);
    const double left = floor(x), r = x - left, s = 1 - r, k = -0.75;
    if (g.mode == CU_SAMPLE_LINEAR) {
        at[0] = sample_element(g, left, n);
        at[SAMPLE_THREADS] = sample_element(g, left + 1, n);
        weight[0] = s;
        weight[SAMPLE_THREADS] = r;
        return 2;
    }
#pragma unroll
    for (int i = 0; i < 4; i++) at[i * SAMPLE_THREADS] = sample_element(g, left - 1 + i, n);
    weight[0] = ((k * (r + 1) - 5 * k) * (r + 1) + 8 * k) * (r + 1) - 4 * k;
    weight[SAMPLE_THREADS] = ((k + 2) * r - (k + 3)) * r * r + 1;
    weight[2 * SAMPLE_THREADS] = ((k + 2) * s - (k + 3)) * s * s + 1;
    weight[3 * SAMPLE_THREADS] = ((k * (s + 1) - 5 * k) * (s + 1) + 8 * k) * (s + 1) - 4 * k;
    return 4;
}

// A thread takes a point and all its channels: the taps are found once, and kept in shared memory
// ([dim][tap][thread]), where loops may index them.

__global__ void __launch_bounds__(SAMPLE_THREADS)
    grid_samples(const __grid_constant__ cu_grid_sample_args g, cu_div points, uint32_t total)
{
    IGT_SMEM(smem);
    double *weight = (double *)smem + threadIdx.x;
    int64_t *at = (int64_t *)smem + SAMPLE_SLOTS * SAMPLE_THREADS + threadIdx.x;
    uint32_t batch = cu_thread();
    if (batch >= total) return;
    const int64_t at_grid = (int64_t)batch * g.dims;
    const uint32_t p = cu_remainder(batch, points);
    int64_t plane = 1;
    int n1 = 1, n2 = 1, all = 1; // taps of the later dims, of all
#pragma unroll 1
    for (int d = 0; d < 3; d++) {
        int64_t *place = at + d * 4 * SAMPLE_THREADS;
        double *w = weight + d * 4 * SAMPLE_THREADS;
        int n = 1;
        place[0] = 0;
        w[0] = 1;
        if (d < g.dims) {
            const double v = nb_real<double>(g.grid, g.grid_type, at_grid + g.dims - 1 - d);
            const double x =
                sample_place(v, (double)g.size[d], g.align_corners, g.grid_type == NB_F64);
            n = sample_taps(g, x, g.size[d], place, w);
            plane *= g.size[d];
        }
        n1 = d == 1 ? n : n1;
        n2 = d == 2 ? n : n2;
        all *= n;
    }
    const int64_t size1 = g.dims > 1 ? g.size[1] : 1, size2 = g.dims > 2 ? g.size[2] : 1;
#pragma unroll 1
    for (int64_t c = 0; c < g.channels; c++) {
        const int64_t base = ((int64_t)batch * g.channels + c) * plane;
        double sum = 0;
        int64_t nearest = -1;
#pragma unroll 1
        for (int t = 0; t < all; t++) {
            const int i = t / (n1 * n2), j = 4 + t / n2 % n1, k = 8 + t % n2;
            const int64_t y = at[i * SAMPLE_THREADS], x = at[j * SAMPLE_THREADS],
                          z = at[k * SAMPLE_THREADS];
            if (y < 0 || x < 0 || z < 0) continue;
            nearest = base + (y * size1 + x) * size2 + z;
            if (g.mode != CU_SAMPLE_NEAREST)
                sum += weight[i * SAMPLE_THREADS] * weight[j * SAMPLE_THREADS] *
                       weight[k * SAMPLE_THREADS] * nb_real<double>(g.x, g.type, nearest);
        }
        const int64_t to = ((int64_t)batch * g.channels + c) * points.d + p;
        if (g.mode == CU_SAMPLE_NEAREST) {
            if (g.type > NB_BF16) { // integers keep all their bits
                nb_put_int(g.y, g.type, to, nearest < 0 ? 0 : nb_int(g.x, g.type, nearest));
                continue;
            }
            sum = nearest < 0 ? 0 : nb_real<double>(g.x, g.type, nearest);
        }
        nb_put<double>(g.y, g.type, to, sum);
    }
}

// ---- affine_grid ----

__global__ void __launch_bounds__(RESIZE_THREADS)
    affine_points(const __grid_constant__ cu_affine_grid_args g, uint32_t points, uint32_t total)
{
    const uint32_t i = cu_thread();
    if (i >= total) return;
    int64_t rest = i % points;
    double at[4] = {0, 0, 0, 0}; // x, y, z
#pragma unroll
    for (int d = 0; d < 3; d++)
        if (d < g.dims) {
            const int64_t n = g.dims == 3 ? g.size[2 - d] : g.size[d == 0 ? 1 : 0], k = rest % n;
            rest /= n;
            if (g.align_corners)
                at[d] = n > 1 ? -1 + 2 * (double)k / (double)(n - 1) : -1;
            else
                at[d] = (2 * (double)k + 1) / (double)n - 1;
        }
    const int64_t matrix = (int64_t)(i / points) * g.dims * (g.dims + 1);
#pragma unroll
    for (int row = 0; row < 3; row++)
        if (row < g.dims) {
            const int64_t m = matrix + row * (g.dims + 1);
            double sum = 0;
#pragma unroll
            for (int d = 0; d < 3; d++)
                if (d < g.dims) sum += at[d] * nb_real<double>(g.theta, g.theta_type, m + d);
            sum += nb_real<double>(g.theta, g.theta_type, m + g.dims);
            nb_put<double>(g.y, g.y_type, (int64_t)i * g.dims + row, sum);
        }
}
