// conv_direct_sm80.cuh - convolutions without matrix units: of any shape and float type, one thread
// an output, and depthwise ones of f32 images.
//
// The direct kernel serves what is rare: f64, three and more spatial dims, transposed ones. Threads
// of a warp are neighbours in the last dim, so x is read in runs, and w once for all. A depthwise
// convolution does one multiply-add for each element of x that it reads from cache: it is bound by
// reading x and writing y once; a thread takes V neighbouring channels, 16 bytes.
#pragma once
#include "kernels/conv/conv_cuda.h"
#include "kernels/cuda/index.cuh"
#include "kernels/cuda/number.cuh"
#include "kernels/gemm/act_sm80.cuh"

enum { DIRECT_THREADS = 256 };

__device__ __forceinline__ double direct_act(int act, double a, double b, double x)
{
    switch (act) { // the exact ones; the others in f32
    case CU_ACT_none:
        return x;
    case CU_ACT_relu:
        return 0 > x ? 0 : x;
    case CU_ACT_leaky_relu:
        return x < 0 ? a * x : x;
    case CU_ACT_affine:
        return a * x + b;
    case CU_ACT_clip: {
        const double t = a > x ? a : x;
        return b < t ? b : t;
    }
    default:
        return (double)act_any(act, (float)a, (float)b, (float)x);
    }
}
__device__ __forceinline__ float direct_act(int act, double a, double b, float x)
{
    return act_any(act, (float)a, (float)b, x);
}

template <class REAL>
__global__ void __launch_bounds__(DIRECT_THREADS)
    conv_direct(const __grid_constant__ cu_conv_direct_args g, cu_div out_c, cu_div groups,
                cu_div pixels, uint32_t total)
{
    const uint32_t i = cu_thread();
    if (i >= total) return;
    uint32_t image = i;
    int p = (int)cu_remainder(image, pixels);
    const int m = (int)cu_remainder(image, out_c), group = (int)cu_remainder(image, groups);
    int at[CU_SPATIAL], taps = 1, area = 1;
#pragma unroll
    for (int d = 0; d < CU_SPATIAL; d++)
        if (d < g.spatial) {
            at[d] = p % (int)g.out[d];
            p /= (int)g.out[d];
            at[d] = g.transposed ? at[d] + (int)g.before[d]
                                 : at[d] * (int)g.stride[d] - (int)g.before[d];
            taps *= (int)g.kernel[d];
            area *= (int)g.in[d];
        }
    const int64_t channel0 = ((int64_t)image * groups.d + group) * g.in_c;
    REAL sum = 0;
    for (int t = 0; t < taps; t++) {
        int rest = t, place = 0, step = 1;
        bool inside = true;
#pragma unroll
        for (int d = 0; d < CU_SPATIAL; d++)
            if (d < g.spatial) {
                const int k = rest % (int)g.kernel[d] * (int)g.dilation[d];
                rest /= (int)g.kernel[d];
                int x = g.transposed ? at[d] - k : at[d] + k;
                if (g.transposed) {
                    inside = inside && x >= 0 && x % (int)g.stride[d] == 0;
                    x /= (int)g.stride[d];
                }
                inside = inside && x >= 0 && x < (int)g.in[d];
                place += x * step;
                step *= (int)g.in[d];
            }
        if (!inside) continue;
        const int64_t w_step = g.transposed ? (int64_t)out_c.d * taps : taps;
        int64_t w = g.transposed ? ((int64_t)group * g.in_c * out_c.d + m) * taps + t
                                 : ((int64_t)group * out_c.d + m) * g.in_c * taps + t;
        int64_t x = channel0 * area + place;
        for (int64_t c = 0; c < g.in_c; c++, w += w_step, x += area)
            sum += nb_real<REAL>(g.x, g.type, x) * nb_real<REAL>(g.w, g.type, w);
    }
    if (g.bias) sum += nb_real<REAL>(g.bias, g.type, (int64_t)group * out_c.d + m);
    if (g.residual) sum += nb_real<REAL>(g.residual, g.type, i);
    nb_put<REAL>(g.y, g.type, i, direct_act(g.act, g.act_a, g.act_b, sum));
}

// ---- depthwise ----

template <int V> __device__ __forceinline__ void dw_load(float (&v)[V], const float *p)
{
    if constexpr (V == 4) {
        const float4 t = *(const float4 *)p;
        v[0] = t.x, v[1] = t.y, v[2] = t.z, v[3] = t.w;
    } else {
        v[0] = *p;
    }
}

template <int V>
__global__ void __launch_bounds__(DIRECT_THREADS)
    conv_dw(const __grid_constant__ cu_conv_dw_args g, cu_div units, cu_div out_w, cu_div out_h,
            uint32_t total)
{
    uint32_t image = cu_thread();
    if (image >= total) return;
    const int64_t at = (int64_t)image * V;
    const int c = (int)cu_remainder(image, units) * V;
    const cu_conv_window &o = g.window;
    const int x0 = (int)cu_remainder(image, out_w) * o.stride_w - o.pad_left,
              y0 = (int)cu_remainder(image, out_h) * o.stride_h - o.pad_top;
    const float *x = g.x + (int64_t)image * o.in_h * o.in_w * g.channels + c;
    float sum[V];
#pragma unroll
    for (int q = 0; q < V; q++) sum[q] = 0;
    for (int ky = 0; ky < o.kh; ky++) {
        const int y = y0 + ky * o.dilation_h;
        if ((uint32_t)y >= (uint32_t)o.in_h) continue;
        for (int kx = 0; kx < o.kw; kx++) {
            const int xx = x0 + kx * o.dilation_w;
            if ((uint32_t)xx >= (uint32_t)o.in_w) continue;
            float v[V], w[V];
            dw_load(v, x + (int64_t)(y * o.in_w + xx) * g.channels);
            dw_load(w, g.w + (ky * o.kw + kx) * g.channels + c);
#pragma unroll
            for (int q = 0; q < V; q++) sum[q] = fmaf(v[q], w[q], sum[q]);
        }
    }
    float more[V];
    if (g.bias) {
        dw_load(more, g.bias + c);
#pragma unroll
        for (int q = 0; q < V; q++) sum[q] += more[q];
    }
    if (g.residual) {
        dw_load(more, g.residual + at);
#pragma unroll
        for (int q = 0; q < V; q++) sum[q] += more[q];
    }
    act_apply<V>(g.act, g.act_a, g.act_b, sum);
    if constexpr (V == 4)
        *(float4 *)(g.y + at) = float4{sum[0], sum[1], sum[2], sum[3]};
    else
        g.y[at] = sum[0];
}
