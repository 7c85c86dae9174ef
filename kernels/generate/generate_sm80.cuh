// generate_sm80.cuh - ranges, identity matrices, windows, triangular filters, random numbers: one
// thread an element, computed in double or 64-bit integers as on the CPU and rounded once.
//
// Bound by writing y, or by the few double operations an element takes.
#pragma once
#include "kernels/cuda/number.cuh"
#include "kernels/generate/generate_cuda.h"
#include "kernels/unary/trig.cuh"

enum { GENERATE_THREADS = 256 };

// A double as the CPU's ops store it: of integers the low bits of what fits 32 bits (narrow signed
// ones) or 64.
__device__ __forceinline__ void generate_put(const cu_made &y, int64_t i, double v)
{
    if (y.type <= NB_BF16 || y.type == NB_BOOL || y.type >= NB_I64) {
        nb_put<double>(y.y, y.type, i, v);
        return;
    }
    int64_t wide;
    nb_put<double>(&wide, nb_signed(y.type) ? NB_I64 : NB_U64, 0, v);
    if (nb_signed(y.type))
        wide = wide < INT32_MIN ? INT32_MIN : wide > INT32_MAX ? INT32_MAX : wide;
    nb_put_int(y.y, y.type, i, wide);
}

__global__ void __launch_bounds__(GENERATE_THREADS) generate_range(const cu_range_args g)
{
    const int64_t i = cu_thread();
    if (i >= g.out.n) return;
    if (g.out.type <= NB_BF16)
        generate_put(g.out, i, el_add(g.start_f, el_mul((double)i, g.step_f)));
    else
        nb_put_int(g.out.y, g.out.type, i,
                   (int64_t)((uint64_t)g.start + (uint64_t)i * (uint64_t)g.step));
}

__global__ void __launch_bounds__(GENERATE_THREADS) generate_eye(const cu_eye_args g)
{
    const int64_t i = cu_thread();
    if (i < g.out.n) generate_put(g.out, i, i % g.columns == i / g.columns + g.k ? 1 : 0);
}

__global__ void __launch_bounds__(GENERATE_THREADS) generate_window(const cu_window_args g)
{
    const int64_t i = cu_thread();
    if (i >= g.out.n) return;
    const double t = 2 * 3.14159265358979323846 * (double)i / g.by;
    const double once = trig_apply(TRIG_COS, t), twice = trig_apply(TRIG_COS, 2 * t);
    generate_put(g.out, i, g.out.n == 1 ? 1 : g.term[0] - g.term[1] * once + g.term[2] * twice);
}

__global__ void __launch_bounds__(GENERATE_THREADS) generate_triangles(const cu_triangles_args g)
{
    const int64_t i = cu_thread();
    if (i >= g.out.n) return;
    const int64_t row = i / g.columns;
    const int32_t *edge = g.edge + i % g.columns;
    const int64_t low = edge[0], peak = edge[1], high = edge[2];
    double v = 0;
    if (row >= peak && row < high)
        v = (double)(high - row) / (double)(high - peak);
    else if (row >= low && row <= peak)
        v = peak == low ? 1 : (double)(row - low) / (double)(peak - low);
    generate_put(g.out, i, v);
}

// ---- random numbers: SplitMix64's finaliser over equidistant points (Steele, Lea, Flood 2014)
// ----
__device__ __forceinline__ uint64_t random_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}
__device__ __forceinline__ double random_uniform(uint64_t key, uint64_t i) // [0, 1), 53 bits
{
    return (double)(random_mix(key + (i + 1) * 0x9e3779b97f4a7c15ull) >> 11) * 0x1p-53;
}

__global__ void __launch_bounds__(GENERATE_THREADS) generate_random(const cu_random_args g)
{
    const uint64_t i = cu_thread();
    if (i >= (uint64_t)g.out.n) return;
    const uint64_t key = g.calls ? random_mix(g.key ^ random_mix(*g.calls)) : g.key;
    double v;
    if (g.normal) { // Box and Muller
        const double size = sqrt(-2 * log1p(-random_uniform(key, 2 * i)));
        v = g.b * size *
            trig_apply(TRIG_COS, 6.28318530717958647693 * random_uniform(key, 2 * i + 1));
    } else {
        v = el_mul(g.b - g.a, random_uniform(key, i));
    }
    generate_put(g.out, (int64_t)i, el_add(g.a, v));
}

// One warp, of which a thread counts.
__global__ void __launch_bounds__(32) generate_called(uint64_t *calls)
{
    if (threadIdx.x == 0) (*calls)++;
}
