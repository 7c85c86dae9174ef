// rope_sm80.cuh - tables of rotary position embedding, and turning heads by them.
//
// Tables: angles reach 2^31, so they are reduced in double by two parts of pi / 2 and summed as
// Taylor series in [-pi/4, pi/4] (errors below 2^-53): the library's sine keeps a table on the
// stack. Turning is bound by memory: a thread has a pair, neighbours lie beside each other.
#pragma once
#include "kernels/cuda/fault.cuh"
#include "kernels/rope/rope_cuda.h"

// Both of an angle x >= 0.
__device__ __forceinline__ void rope_sincos(double x, double *sine, double *cosine)
{
    const double n = rint(x * 0.63661977236758134308);
    double r = fma(-n, 1.57079632679489655800, x);
    r = fma(-n, 6.12323399573676603587e-17, r);
    const double z = r * r;
    // 1 / k! with alternating signs
    double s = 2.8114572543455206e-15, c = -1.1470745597729725e-11;
    s = fma(s, z, -7.6471637318198164e-13);
    s = fma(s, z, 1.6059043836821613e-10);
    s = fma(s, z, -2.5052108385441720e-08);
    s = fma(s, z, 2.7557319223985893e-06);
    s = fma(s, z, -1.9841269841269841e-04);
    s = fma(s, z, 8.3333333333333333e-03);
    s = fma(s, z, -1.6666666666666667e-01);
    s = fma(s * z, r, r);
    c = fma(c, z, 2.0876756987868099e-09);
    c = fma(c, z, -2.7557319223985888e-07);
    c = fma(c, z, 2.4801587301587302e-05);
    c = fma(c, z, -1.3888888888888889e-03);
    c = fma(c, z, 4.1666666666666664e-02);
    c = fma(c, z, -0.5);
    c = fma(c, z, 1.0);
    const int quarter = (int)((long long)n & 3);
    const double a = quarter & 1 ? c : s, b = quarter & 1 ? s : c;
    *sine = quarter & 2 ? -a : a;
    *cosine = quarter == 1 || quarter == 2 ? -b : b;
}

__global__ void __launch_bounds__(256) rope_table_sm80(const __grid_constant__ cu_rope_table_args a)
{
    const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= a.n * a.half) return;
    const int64_t row = i / a.half, pair = i % a.half;
    const int64_t at =
        a.narrow ? ((const int32_t *)a.positions)[row] : ((const int64_t *)a.positions)[row];
    double s, c;
    rope_sincos((double)at * a.w[pair], &s, &c);
    float *y = a.y + row * 2 * a.half + pair;
    y[0] = at < 0 ? NAN : (float)(a.by * c);
    y[a.half] = at < 0 ? NAN : (float)(a.by * s);
    if (at < 0 && pair == 0) cu_fail(a.fault, row, at);
}

__device__ __forceinline__ float rope_load(const void *p, cu_rope_type t, int64_t i)
{
    return t == CU_ROPE_F32   ? ((const float *)p)[i]
           : t == CU_ROPE_F16 ? px_h2f(((const f16_t *)p)[i])
                              : px_bf2f(((const bf16_t *)p)[i]);
}
__device__ __forceinline__ void rope_store(void *p, cu_rope_type t, int64_t i, float x)
{
    if (t == CU_ROPE_F32)
        ((float *)p)[i] = x;
    else
        ((uint16_t *)p)[i] = t == CU_ROPE_F16 ? px_f2h(x) : px_f2bf(x);
}

// Threads: the pairs of a head, then what of it does not turn.
__global__ void __launch_bounds__(256) rope_sm80(const __grid_constant__ cu_rope_args a)
{
    const int units = a.size - a.half;
    int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (int64_t)a.batch * a.tokens * a.heads * units) return;
    const int unit = (int)(i % units);
    i /= units;
    const int head = (int)(i % a.heads);
    i /= a.heads;
    const int64_t token = i % a.tokens, batch = i / a.tokens;
    const int64_t at = batch * a.x_batch + head * a.x_head + token * a.x_token;
    if (unit >= a.half) {
        const int64_t from = at + a.half + unit;
        rope_store(a.y, a.x_type, from, rope_load(a.x, a.x_type, from));
        return;
    }
    int64_t row = batch * a.tokens + token;
    const int64_t entry = a.from_first ? 0 : row;
    const int64_t given = a.positions ? a.positions[entry] : row;
    row = a.from_first ? given + token : given;
    const bool known = given >= 0 && given < a.rows && row < a.rows;
    const float c = known ? rope_load(a.cos, a.cos_type, row * a.half + unit) : NAN;
    const float s = known ? rope_load(a.sin, a.sin_type, row * a.half + unit) : NAN;
    const int64_t p = at + (a.interleaved ? 2 * unit : unit);
    const int64_t q = a.interleaved ? p + 1 : p + a.half;
    const float x0 = rope_load(a.x, a.x_type, p), x1 = rope_load(a.x, a.x_type, q);
    rope_store(a.y, a.x_type, p, fmaf(-x1, s, x0 * c));
    rope_store(a.y, a.x_type, q, fmaf(x0, s, x1 * c));
    if (!known && unit == 0 && head == 0) cu_fail(a.fault, entry, given);
}
