// norm_sm80.cuh - layer, RMS, group and instance normalisation, and those across channels.
//
// Bound by memory: x is read once and y written once where a row fits the registers, of a warp up
// to 1024 elements, of a block of 256 threads up to 8192, of one of 512 up to 16384; mean and
// variance take two passes over registers, so that nothing cancels. At most 128 registers a thread
// leave room for two blocks of 256: rows of 4096 f32 have 32 KB a multiprocessor in flight. Longer
// rows and f64 are read three times, from the L2 after the first. Parameters are read through the
// caches, as vectors where they lie like the row.
#pragma once
#include "kernels/norm/norm_cuda.h"
#include "kernels/reduce/rows.cuh"
#include "kernels/unary/functions.cuh"

enum { NORM_THREADS = 256, NORM_PACKS = 8 };

typedef struct {
    const void *x, *residual, *gamma, *beta;
    void *y, *mean, *inv_std;
    uint32_t rows, period, row;
    cu_div inner;
    int n, dtype;
    double eps;
    bool rms;
} norm_job;

template <class T> EL_INLINE T norm_add(T a, T b) { return a + b; }

template <class T> EL_INLINE T norm_scaled(const norm_job &j, T unit, uint32_t base, int i)
{
    const uint32_t p = base + (j.inner.d == 1 ? (uint32_t)i : cu_divide((uint32_t)i, j.inner));
    if (j.gamma) unit *= ((const T *)j.gamma)[p];
    if (j.beta) unit += ((const T *)j.beta)[p];
    return unit;
}

// Parameters that lie like the row: four at a time.
template <class Tile>
EL_INLINE void norm_scale_packs(const norm_job &j, Tile &t, float mean, float inv_std,
                                uint32_t base)
{
#pragma unroll
    for (int p = 0; p < Tile::N / 4; p++) {
        const int i = t.at(4 * p);
        if (i >= j.n) continue;
        float4 g = {1, 1, 1, 1}, b = {0, 0, 0, 0};
        if (j.gamma) g = *(const float4 *)((const float *)j.gamma + base + i);
        if (j.beta) b = *(const float4 *)((const float *)j.beta + base + i);
        t.v[4 * p] = (t.v[4 * p] - mean) * inv_std * g.x + b.x;
        t.v[4 * p + 1] = (t.v[4 * p + 1] - mean) * inv_std * g.y + b.y;
        t.v[4 * p + 2] = (t.v[4 * p + 2] - mean) * inv_std * g.z + b.z;
        t.v[4 * p + 3] = (t.v[4 * p + 3] - mean) * inv_std * g.w + b.w;
    }
}

template <class T> EL_INLINE void norm_tell(const norm_job &j, uint32_t row, T mean, T inv_std)
{
    if (j.mean && !j.rms) ((T *)j.mean)[row] = mean;
    if (j.inv_std) ((T *)j.inv_std)[row] = inv_std;
}

template <int S, int LANES>
__global__ void __launch_bounds__(LANES == 32 ? NORM_THREADS : LANES, LANES == 512 ? 1 : 2)
    norm_rows_k(const __grid_constant__ norm_job j)
{
    px_grid_wait();
    px_grid_launch();
    IGT_SMEM(smem);
    float *room = (float *)smem;
    const int lane = (int)(threadIdx.x % LANES);
    const uint32_t row = blockIdx.x * (blockDim.x / LANES) + threadIdx.x / LANES;
    if (row >= j.rows) return;
    const int64_t from = (int64_t)row * j.n;
    rows_tile<S, LANES, NORM_PACKS> t(j.n, lane);
    t.load(j.x, from, j.dtype, 0);
    if (j.residual) {
        rows_tile<S, LANES, NORM_PACKS> more(j.n, lane);
        more.load(j.residual, from, j.dtype, 0);
#pragma unroll
        for (int e = 0; e < t.N; e++) t.v[e] += more.v[e];
    }
    float mean = 0, sum = 0;
    if (!j.rms) {
        t.each([&](float &v, int) { sum += v; });
        mean = rows_join<LANES>(sum, norm_add<float>, room) / (float)j.n;
    }
    sum = 0;
    t.each([&](float &v, int) { sum += (v - mean) * (v - mean); });
    sum = rows_join<LANES>(sum, norm_add<float>, room);
    const float inv_std = 1 / px_sqrt(sum / (float)j.n + (float)j.eps);
    const uint32_t base = row % j.period * j.row;
    if (t.packs && j.inner.d == 1)
        norm_scale_packs(j, t, mean, inv_std, base);
    else
        t.each([&](float &v, int i) { v = norm_scaled<float>(j, (v - mean) * inv_std, base, i); });
    t.store(j.y, from, j.dtype);
    if (lane == 0) norm_tell(j, row, mean, inv_std);
}

// A block a row of any length.
template <class T, int S>
__global__ void __launch_bounds__(NORM_THREADS) norm_long_k(const __grid_constant__ norm_job j)
{
    IGT_SMEM(smem);
    T *room = (T *)smem;
    const uint32_t row = blockIdx.x;
    const int64_t from = (int64_t)row * j.n;
    const auto value = [&](int i) {
        const T x = el_code<T, S>::of(el_load<S>(j.x, from + i), j.dtype);
        return j.residual ? x + el_code<T, S>::of(el_load<S>(j.residual, from + i), j.dtype) : x;
    };
    T mean = 0, sum = 0;
    if (!j.rms) {
        for (int i = threadIdx.x; i < j.n; i += NORM_THREADS) sum += value(i);
        mean = rows_block(sum, norm_add<T>, room) / (T)j.n;
    }
    sum = 0;
    for (int i = threadIdx.x; i < j.n; i += NORM_THREADS) {
        const T d = value(i) - mean;
        sum += d * d;
    }
    sum = rows_block(sum, norm_add<T>, room);
    const T inv_std = 1 / fn_sqrt(sum / (T)j.n + (T)j.eps);
    const uint32_t base = row % j.period * j.row;
    for (int i = threadIdx.x; i < j.n; i += NORM_THREADS) {
        const T v = norm_scaled<T>(j, (value(i) - mean) * inv_std, base, i);
        el_store<S>(j.y, from + i, el_code<T, S>::to(v, j.dtype));
    }
    if (threadIdx.x == 0) norm_tell(j, row, mean, inv_std);
}

__global__ void __launch_bounds__(NORM_THREADS) fold_k(const __grid_constant__ cu_fold_args a)
{
    const uint32_t c = cu_thread();
    if (c >= a.n) return;
    const double gamma = el_double_at(a.gamma, el_bytes(a.gamma_dtype), a.gamma_dtype, c);
    const double beta = el_double_at(a.beta, el_bytes(a.beta_dtype), a.beta_dtype, c);
    const double mean = el_double_at(a.mean, el_bytes(a.mean_dtype), a.mean_dtype, c);
    const double var = el_double_at(a.var, el_bytes(a.var_dtype), a.var_dtype, c);
    const double scale = gamma / fn_sqrt(el_add(var, a.eps));
    const double shift = el_add(beta, -el_mul(mean, scale));
    if (a.wide) {
        ((double *)a.scale)[c] = scale;
        ((double *)a.shift)[c] = shift;
    } else {
        ((float *)a.scale)[c] = (float)scale;
        ((float *)a.shift)[c] = (float)shift;
    }
}

// An element a thread; neighbours in memory share their channels' lines in the caches.
template <class T, int S>
__global__ void __launch_bounds__(NORM_THREADS)
    lrn_k(const void *x, void *y, uint32_t total, const __grid_constant__ cu_div channels,
          const __grid_constant__ cu_div inner, int before, int after, T scale, T beta, T bias,
          int dtype)
{
    for (uint32_t i = cu_thread(); i < total; i += cu_threads()) {
        uint32_t sample = i;
        const uint32_t in = cu_remainder(sample, inner);
        const int c = (int)cu_remainder(sample, channels), n = (int)channels.d;
        const int from = c > before ? c - before : 0, to = n - c <= after ? n : c + after + 1;
        const int64_t base = (int64_t)sample * n * inner.d + in;
        T sum = 0;
        for (int k = from; k < to; k++) {
            const T v = el_code<T, S>::of(el_load<S>(x, base + (int64_t)k * inner.d), dtype);
            sum += v * v;
        }
        sum = bias + scale * sum;
        const T root = fn_sqrt(sum),
                by = beta == (T)0.75 ? root * fn_sqrt(root) : fn_pow(sum, beta);
        const T v = el_code<T, S>::of(el_load<S>(x, i), dtype);
        el_store<S>(y, i, el_code<T, S>::to(v / by, dtype));
    }
}

__global__ void __launch_bounds__(NORM_THREADS)
    row_normalize_k(const void *x, float *y, int cols, int bytes, int dtype, int kind)
{
    IGT_SMEM(smem);
    double *room = (double *)smem;
    const int64_t from = (int64_t)blockIdx.x * cols;
    double by = kind == 0 ? -INFINITY : 0;
    for (int i = threadIdx.x; i < cols; i += NORM_THREADS) {
        const double v = el_double_at(x, bytes, dtype, from + i);
        by = kind == 0 ? (by > v ? by : v) : by + (kind == 1 ? fabs(v) : v * v);
    }
    by = rows_block(
        by, [kind](double a, double b) { return kind == 0 ? (a > b ? a : b) : a + b; }, room);
    if (kind == 2) by = fn_sqrt(by);
    for (int i = threadIdx.x; i < cols; i += NORM_THREADS) {
        const double v = el_double_at(x, bytes, dtype, from + i);
        y[from + i] = (float)(by != 0 ? v / by : v);
    }
}
