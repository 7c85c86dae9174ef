// pool_sm80.cuh - pools, one thread an output, and pools of whole images, one warp an output.
//
// Bound by reading x once: neighbouring threads share most of their windows, which L1 serves. Sums
// of averages run in double for the same bits as windows of any shape would need, one an output:
// the double units are not what bounds windows of a few taps. Whole images are read in runs of 32
// elements by a warp, whose lanes' sums are added in a fixed order.
#pragma once
#include "kernels/cuda/index.cuh"
#include "kernels/cuda/number.cuh"
#include "kernels/pool/pool_cuda.h"

enum { POOL_THREADS = 256 };

template <class REAL> struct pool_sum {
    REAL value = 0;
    int64_t at = -1; // of a maximum
    __device__ __forceinline__ void take(const cu_pool_args &g, REAL v, int64_t place)
    {
        if (g.fn == CU_POOL_MAX) {
            if (at < 0 || v > value || (v != v && value == value)) {
                value = v;
                at = place;
            }
        } else if (g.fn == CU_POOL_AVERAGE || g.p == 1) {
            value += g.fn == CU_POOL_AVERAGE || v > 0 ? v : -v;
        } else {
            value += g.p == 2 ? v * v : (REAL)pow((double)(v > 0 ? v : -v), (double)g.p);
        }
    }
    __device__ __forceinline__ REAL result(const cu_pool_args &g, int64_t counted) const
    {
        if (g.fn == CU_POOL_MAX) return at < 0 ? (REAL)g.lowest : value;
        if (g.fn == CU_POOL_AVERAGE) return counted ? value / (REAL)counted : 0;
        return g.p == 1   ? value
               : g.p == 2 ? (REAL)sqrt((double)value)
                          : (REAL)pow((double)value, 1 / (double)g.p);
    }
};

// Where the maximum at element `at` of an image lies when the first dim is the fastest.
__device__ __forceinline__ int64_t pool_by_columns(const cu_pool_args &g, int64_t at)
{
    int64_t sum = 0, size = 1;
#pragma unroll
    for (int d = 0; d < CU_POOL_SPATIAL; d++)
        if (d < g.spatial) size *= g.in[d];
#pragma unroll
    for (int d = 0; d < CU_POOL_SPATIAL; d++)
        if (d < g.spatial) {
            size /= g.in[d];
            sum += at % g.in[d] * size;
            at /= g.in[d];
        }
    return sum;
}

template <class REAL>
__global__ void __launch_bounds__(POOL_THREADS)
    pool_windows(const __grid_constant__ cu_pool_args g, cu_div inner, cu_div pixels,
                 uint32_t total)
{
    const uint32_t i = cu_thread();
    if (i >= total) return;
    uint32_t outer = i;
    const uint32_t channel = cu_remainder(outer, inner);
    int p = (int)cu_remainder(outer, pixels), rows = 1, area = 1;
    int start[CU_POOL_SPATIAL];
#pragma unroll
    for (int d = 0; d < CU_POOL_SPATIAL; d++)
        if (d < g.spatial) {
            start[d] = p % (int)g.out[d] * (int)g.stride[d] - (int)g.begin[d];
            p /= (int)g.out[d];
            rows *= d ? (int)g.kernel[d] : 1;
            area *= (int)g.in[d];
        }
    const int64_t image = (int64_t)outer * area;
    pool_sum<REAL> sum;
    int64_t counted = 0;
    for (int t = 0; t < rows; t++) { // rows of taps along the innermost dim
        int rest = t, place = 0, step = (int)g.in[0];
        bool inside = true, beyond = false;
#pragma unroll
        for (int d = 1; d < CU_POOL_SPATIAL; d++)
            if (d < g.spatial) {
                const int at = start[d] + rest % (int)g.kernel[d] * (int)g.dilation[d];
                rest /= (int)g.kernel[d];
                inside = inside && at >= 0 && at < (int)g.in[d];
                beyond = beyond || at >= (int)(g.in[d] + g.end[d]);
                place += at * step;
                step *= (int)g.in[d];
            }
        if (beyond || (!inside && !g.count_pad)) continue;
        for (int k = 0; k < (int)g.kernel[0]; k++) {
            const int at = start[0] + k * (int)g.dilation[0];
            const bool here = inside && at >= 0 && at < (int)g.in[0];
            counted += here || (g.count_pad && at < (int)(g.in[0] + g.end[0]));
            if (here)
                sum.take(g, nb_real<REAL>(g.x, g.type, (image + place + at) * inner.d + channel),
                         place + at);
        }
    }
    nb_put<REAL>(g.y, g.type, i, sum.result(g, counted));
    if (g.index)
        g.index[i] = sum.at < 0 ? -1 : image + (g.by_columns ? pool_by_columns(g, sum.at) : sum.at);
}

// A block for 32 neighbouring outputs of `inner` (channels last), or 8 whose windows are runs.
template <class REAL>
__global__ void __launch_bounds__(POOL_THREADS)
    pool_whole(const __grid_constant__ cu_pool_args g, uint32_t pixels, uint32_t total)
{
    IGT_SMEM(smem);
    REAL *part = (REAL *)smem; // [8 warps][32]
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const bool run = g.inner == 1;
    const uint32_t out = run ? blockIdx.x * 8 + warp : blockIdx.x * 32 + lane;
    const int64_t outer = out / g.inner, channel = out % g.inner;
    pool_sum<REAL> sum;
    if (out < total)
        for (uint32_t p = run ? lane : warp; p < pixels; p += run ? 32 : 8)
            sum.take(g, nb_real<REAL>(g.x, g.type, (outer * pixels + p) * g.inner + channel), p);
    part[threadIdx.x] = sum.at < 0 && g.fn == CU_POOL_MAX ? (REAL)g.lowest : sum.value;
    __syncthreads();
    if (run ? lane : warp) return;
    pool_sum<REAL> all;
    const int n = run ? 32 : 8;
    for (int k = 0; k < n; k++) all.take(g, part[run ? warp * 32 + k : k * 32 + lane], k);
    if (out < total) nb_put<REAL>(g.y, g.type, out, all.result(g, pixels));
}
