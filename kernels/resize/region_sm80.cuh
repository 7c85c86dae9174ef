// region_sm80.cuh - pools over regions of interest and deformable convolution, one thread an
// output.
#pragma once
#include "kernels/cuda/fault.cuh"
#include "kernels/cuda/index.cuh"
#include "kernels/cuda/number.cuh"
#include "kernels/resize/resize_cuda.h"

enum { REGION_THREADS = 256 };

// ---- roi_align ----

// Coordinates of narrow types are computed in f32 steps: how many samples a bin gets depends on it.
__device__ __forceinline__ double roi_rounded(bool f64, double v)
{
    return f64 ? v : (double)(float)v;
}

// Two neighbours of v and the weight of the second; false: off the map.
__device__ __forceinline__ bool roi_neighbours(double v, int64_t n, int64_t &low, int64_t &high,
                                               double &weight)
{
    if (v < -1 || v > (double)n) return false;
    v = fmax(v, 0.);
    low = (int64_t)v;
    high = low + 1;
    if (low >= n - 1) {
        low = high = n - 1;
        v = (double)low;
    }
    weight = v - (double)low;
    return true;
}

__global__ void __launch_bounds__(REGION_THREADS)
    roi_bins(const __grid_constant__ cu_roi_align_args g, cu_div out_w, cu_div out_h,
             cu_div channels, uint32_t total)
{
    const uint32_t i = cu_thread();
    if (i >= total) return;
    uint32_t roi = i;
    const uint32_t pw = cu_remainder(roi, out_w), ph = cu_remainder(roi, out_h),
                   c = cu_remainder(roi, channels);
    const bool f64 = g.x_type == NB_F64;
    const double scale = roi_rounded(f64, g.scale), offset = g.half_pixel ? 0.5 : 0;
    double start[2], bin[2];
    int64_t samples[2];
    bool fine = true;
#pragma unroll
    for (int d = 0; d < 2; d++) { // y, x
        double corner[2];
#pragma unroll
        for (int k = 0; k < 2; k++) {
            const double v = nb_real<double>(g.rois, g.rois_type, (int64_t)roi * 4 + 2 * k + 1 - d);
            corner[k] = roi_rounded(f64, roi_rounded(f64, v * scale) - offset);
            fine = fine && corner[k] - corner[k] == 0;
        }
        double length = roi_rounded(f64, corner[1] - corner[0]);
        if (!g.half_pixel) length = fmax(length, 1.);
        start[d] = corner[0];
        bin[d] = roi_rounded(f64, length / (double)(d ? g.out_w : g.out_h));
        const double n = g.samples ? (double)g.samples : ceil(bin[d]);
        fine = fine && n <= (double)g.most;
        samples[d] = fine && n > 0 ? (int64_t)n : 0;
    }
    const int64_t batch = nb_int(g.batch, g.batch_type, roi);
    const bool there = batch >= 0 && batch < g.batches;
    if (!there || !fine) {
        nb_put<double>(g.y, g.x_type, i, 0);
        cu_fail(g.fault, roi, batch, there ? CU_ROI_BOX : CU_ROI_BATCH);
        return;
    }
    double sum = 0, most = 0;
    const int64_t plane = (batch * g.channels + c) * g.h * g.w;
    for (int64_t a = 0; a < samples[0]; a++)
        for (int64_t b = 0; b < samples[1]; b++) {
            const double at_y =
                roi_rounded(f64, start[0] + (double)ph * bin[0] +
                                     ((double)a + 0.5) * bin[0] / (double)samples[0]);
            const double at_x =
                roi_rounded(f64, start[1] + (double)pw * bin[1] +
                                     ((double)b + 0.5) * bin[1] / (double)samples[1]);
            int64_t y0 = 0, y1 = 0, x0 = 0, x1 = 0;
            double wy = 0, wx = 0, best = 0;
            const bool inside =
                roi_neighbours(at_y, g.h, y0, y1, wy) && roi_neighbours(at_x, g.w, x0, x1, wx);
            if (inside) {
                const double v00 =
                    (1 - wy) * (1 - wx) * nb_real<double>(g.x, g.x_type, plane + y0 * g.w + x0);
                const double v01 =
                    (1 - wy) * wx * nb_real<double>(g.x, g.x_type, plane + y0 * g.w + x1);
                const double v10 =
                    wy * (1 - wx) * nb_real<double>(g.x, g.x_type, plane + y1 * g.w + x0);
                const double v11 = wy * wx * nb_real<double>(g.x, g.x_type, plane + y1 * g.w + x1);
                sum = sum + v00 + v01 + v10 + v11;
                best = fmax(fmax(fmax(v00, v01), v10), v11);
            }
            most = a == 0 && b == 0 ? best : fmax(most, best);
        }
    const double n = fmax((double)(samples[0] * samples[1]), 1.);
    nb_put<double>(g.y, g.x_type, i, g.maximum ? most : sum / n);
}

// ---- max_roi_pool ----

__device__ __forceinline__ void roi_cell(double first, double last, uint32_t cell, int64_t n,
                                         int64_t size, int64_t &begin, int64_t &end)
{
    const double bin = fmax(last - first + 1, 1.) / (double)n, top = (double)size;
    begin = (int64_t)fmin(fmax(floor((double)cell * bin) + first, 0.), top);
    end = (int64_t)fmin(fmax(ceil((double)(cell + 1) * bin) + first, 0.), top);
}

__global__ void __launch_bounds__(REGION_THREADS)
    roi_cells(const __grid_constant__ cu_roi_pool_args g, cu_div out_w, cu_div out_h,
              cu_div channels, uint32_t total)
{
    const uint32_t i = cu_thread();
    if (i >= total) return;
    uint32_t roi = i;
    const uint32_t cw = cu_remainder(roi, out_w), ch = cu_remainder(roi, out_h),
                   c = cu_remainder(roi, channels);
    double corner[4];
    bool fine = true;
#pragma unroll
    for (int k = 0; k < 4; k++) {
        const double v = nb_real<double>(g.rois, g.rois_type, (int64_t)roi * 5 + 1 + k);
        fine = fine && v - v == 0;
        corner[k] = round(v * g.scale);
    }
    const double batch = nb_real<double>(g.rois, g.rois_type, (int64_t)roi * 5);
    const bool there = batch >= 0 && batch < (double)g.batches;
    double most = 0;
    if (fine && there) {
        int64_t h0, h1, w0, w1;
        roi_cell(corner[1], corner[3], ch, g.out_h, g.h, h0, h1);
        roi_cell(corner[0], corner[2], cw, g.out_w, g.w, w0, w1);
        const int64_t plane = ((int64_t)batch * g.channels + c) * g.h * g.w;
        if (h0 < h1 && w0 < w1) most = -INFINITY;
        for (int64_t y = h0; y < h1; y++)
            for (int64_t x = w0; x < w1; x++)
                most = fmax(most, nb_real<double>(g.x, g.x_type, plane + y * g.w + x));
    }
    nb_put<double>(g.y, g.x_type, i, most);
    if (!fine || !there) cu_fail_real(g.fault, roi, batch, fine ? CU_ROI_BATCH : CU_ROI_BOX);
}

// ---- deformable convolution ----

// A thread has one position and DEFORM_EACH output channels: a tap is found and read once for them.
enum { DEFORM_EACH = 4 };

template <class REAL>
__global__ void __launch_bounds__(REGION_THREADS, 2)
    deform_windows(const __grid_constant__ cu_deform_args g, cu_div pixels, cu_div blocks,
                   cu_div groups, uint32_t total)
{
    uint32_t n = cu_thread();
    if (n >= total) return;
    const int p = (int)cu_remainder(n, pixels);
    const int m0 = (int)cu_remainder(n, blocks) * DEFORM_EACH, group = (int)cu_remainder(n, groups);
    const int taps = g.kh * g.kw, out = g.out_h * g.out_w;
    const int row0 = p / g.out_w * g.stride_h - g.pad_top,
              col0 = p % g.out_w * g.stride_w - g.pad_left;
    const int all = g.groups * g.in_c, each = all / g.offset_groups;
    REAL sum[DEFORM_EACH];
#pragma unroll
    for (int q = 0; q < DEFORM_EACH; q++) sum[q] = 0;
    for (int t = 0; t < taps; t++)
        for (int c = 0; c < g.in_c; c++) {
            const int channel = group * g.in_c + c;
            const int64_t plane = ((int64_t)n * g.offset_groups + channel / each) * taps + t;
            const REAL row = (REAL)(row0 + t / g.kw * g.dilation_h) +
                             nb_real<REAL>(g.offset, g.type, plane * 2 * out + p);
            const REAL col = (REAL)(col0 + t % g.kw * g.dilation_w) +
                             nb_real<REAL>(g.offset, g.type, (plane * 2 + 1) * out + p);
            if (!(row > -1 && row < (REAL)g.h && col > -1 && col < (REAL)g.w_in)) continue;
            const REAL top = floor(row), left = floor(col), down = row - top, right = col - left;
            const int64_t image = ((int64_t)n * all + channel) * g.h * g.w_in;
            REAL v = 0;
#pragma unroll
            for (int k = 0; k < 4; k++) {
                const int y = (int)top + (k > 1), x = (int)left + (k & 1);
                if (y < 0 || x < 0 || y >= g.h || x >= g.w_in) continue;
                const REAL weight = (k > 1 ? down : 1 - down) * (k & 1 ? right : 1 - right);
                if (weight != 0)
                    v += weight * nb_real<REAL>(g.x, g.type, image + (int64_t)y * g.w_in + x);
            }
            if (g.mask) v *= nb_real<REAL>(g.mask, g.type, plane * out + p);
            const int64_t w = ((int64_t)(group * g.out_c + m0) * g.in_c + c) * taps + t;
#pragma unroll
            for (int q = 0; q < DEFORM_EACH; q++)
                if (m0 + q < g.out_c)
                    sum[q] += v * nb_real<REAL>(g.w, g.type, w + (int64_t)q * g.in_c * taps);
        }
#pragma unroll
    for (int q = 0; q < DEFORM_EACH; q++) {
        const int m = group * g.out_c + m0 + q;
        if (m0 + q >= g.out_c) continue;
        if (g.bias) sum[q] += nb_real<REAL>(g.bias, g.type, m);
        nb_put<REAL>(g.y, g.type, ((int64_t)n * g.groups * g.out_c + m) * out + p, sum[q]);
    }
}
