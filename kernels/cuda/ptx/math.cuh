// math.cuh - elementary functions. Without `_fast` they are the accurate ones of the C library
// (device: a few units in the last place); `_fast` is the approximation of the special function
// unit. No function here needs a stack: the library's sine and cosine do, so those are our own.
#pragma once
#include "kernels/cuda/ptx/convert.cuh"

__device__ __forceinline__ float px_exp(float x) { return expf(x); }
__device__ __forceinline__ float px_log(float x) { return logf(x); }
__device__ __forceinline__ float px_tanh(float x) { return tanhf(x); }
__device__ __forceinline__ float px_erf(float x) { return erff(x); }
__device__ __forceinline__ float px_sqrt(float x) { PX(return sqrtf(x), return __fsqrt_rn(x)); }
__device__ __forceinline__ float px_rsqrt(float x) { PX(return 1.0f / sqrtf(x), return rsqrtf(x)); }
__device__ __forceinline__ float px_exp2_fast(float x)
{
#ifdef IGT_EMU
    return exp2f(x);
#else
    float r;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
    return r;
#endif
}
__device__ __forceinline__ float px_exp2(float x) { return px_exp2_fast(x); } // softmax's
__device__ __forceinline__ float px_exp_fast(float x)
{
    return px_exp2_fast(x * 1.4426950408889634f);
}
__device__ __forceinline__ float px_log2_fast(float x)
{
#ifdef IGT_EMU
    return log2f(x);
#else
    float r;
    asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
    return r;
#endif
}
__device__ __forceinline__ float px_log_fast(float x)
{
    return px_log2_fast(x) * 0.6931471805599453f;
}
__device__ __forceinline__ float px_rcp_fast(float x)
{
#ifdef IGT_EMU
    return 1.0f / x;
#else
    float r;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
    return r;
#endif
}
__device__ __forceinline__ float px_tanh_fast(float x)
{
#ifdef IGT_EMU
    return tanhf(x);
#else
    float r;
    asm("tanh.approx.f32 %0, %1;" : "=f"(r) : "f"(x));
    return r;
#endif
}

// ---- sine and cosine ----
// The 32-bit words of 2/pi after its binary point, for arguments up to 2^128.
__device__ __forceinline__ uint32_t igt_two_over_pi(int word)
{
    switch (word) {
    case 0:
        return 0xa2f9836eu;
    case 1:
        return 0x4e441529u;
    case 2:
        return 0xfc2757d1u;
    case 3:
        return 0xf534ddc0u;
    case 4:
        return 0xdb629599u;
    case 5:
        return 0x3c439041u;
    case 6:
        return 0xfe5163abu;
    default:
        return 0u;
    }
}
// For |x| >= 2^-12: x * 2/pi = quadrant + 4 n + r * 2/pi, |r| <= pi/4 (Payne and Hanek 1983 for all
// magnitudes): the fraction of the product needs only a window of 96 bits of 2/pi.
__device__ __forceinline__ float igt_reduce_angle(float x, int *quadrant)
{
    const uint32_t u = px_bits(x), m = (u & 0x7fffffu) | 0x800000u;
    const int e = (int)(u >> 23 & 0xff) - 150; // |x| = m 2^e
    if (e < -44) {                             // |x| < 2^-20: less than pi/4 by far
        *quadrant = 0;
        return x;
    }
    // 2/pi from the bit worth 2^(2-e-32...): words of the window start `skip` bits after the point
    const int skip = e - 2, word = skip >> 5, shift = skip & 31;
    uint32_t w[4];
#pragma unroll
    for (int i = 0; i < 4; i++) w[i] = word + i < 0 ? 0u : igt_two_over_pi(word + i);
    const uint64_t high = shift ? (uint64_t)(w[0] << shift | w[1] >> (32 - shift)) : w[0];
    const uint64_t middle = shift ? (uint64_t)(w[1] << shift | w[2] >> (32 - shift)) : w[1];
    const uint64_t low = shift ? (uint64_t)(w[2] << shift | w[3] >> (32 - shift)) : w[2];
    // the product modulo 4, as 2 integer bits and 62 of fraction
    const uint64_t p = ((high * m) << 32) + middle * m + ((low * m) >> 32);
    int q = (int)(p >> 62);
    int64_t fraction =
        (int64_t)(p << 2); // of a quadrant, in 2^-64; half and more: the next quadrant
    if (fraction < 0) q++;
    float r = (float)((double)fraction * (1.5707963267948966 * 0x1p-64));
    if (u >> 31) {
        r = -r;
        q = -q;
    }
    *quadrant = q & 3;
    return r;
}
// On [-pi/4, pi/4]: Taylor's polynomials, an error below half a unit in the last place of float.
__device__ __forceinline__ float igt_sin_poly(float r)
{
    const float s = r * r;
    float p = fmaf(s, 2.7557319e-6f, -1.9841270e-4f);
    p = fmaf(s, p, 8.3333333e-3f);
    p = fmaf(s, p, -1.6666667e-1f);
    return fmaf(r * s, p, r);
}
__device__ __forceinline__ float igt_cos_poly(float r)
{
    const float s = r * r;
    float p = fmaf(s, -2.7557319e-7f, 2.4801587e-5f);
    p = fmaf(s, p, -1.3888889e-3f);
    p = fmaf(s, p, 4.1666668e-2f);
    p = fmaf(s, p, -0.5f);
    return fmaf(s, p, 1.0f);
}
__device__ __forceinline__ void px_sincos(float x, float *sine, float *cosine)
{
    if ((px_bits(x) & 0x7fffffffu) >= 0x7f800000u) { // infinity, NaN
        *sine = *cosine = px_float(0x7fffffffu);
        return;
    }
    if ((px_bits(x) & 0x7fffffffu) < 0x39800000u) { // below 2^-12, where -0 stays what it is
        *sine = x;
        *cosine = 1;
        return;
    }
    int q;
    const float r = igt_reduce_angle(x, &q), s = igt_sin_poly(r), c = igt_cos_poly(r);
    const float at_sin = q & 1 ? c : s, at_cos = q & 1 ? s : c;
    *sine = q & 2 ? -at_sin : at_sin;
    *cosine = (q + 1) & 2 ? -at_cos : at_cos;
}
__device__ __forceinline__ float px_sin(float x)
{
    float s, c;
    px_sincos(x, &s, &c);
    return s;
}
__device__ __forceinline__ float px_cos(float x)
{
    float s, c;
    px_sincos(x, &s, &c);
    return c;
}
__device__ __forceinline__ float px_tan(float x)
{
    float s, c;
    px_sincos(x, &s, &c);
    return s / c;
}

// ---- random numbers ----
// Philox 4x32-10 (Salmon et al. 2011): four random words for a counter and a key.
__device__ __forceinline__ uint4 px_philox(uint4 c, uint2 key)
{
#pragma unroll
    for (int i = 0; i < 10; i++) {
        const uint32_t high0 = px_mulhi(0xd2511f53u, c.x), low0 = 0xd2511f53u * c.x;
        const uint32_t high1 = px_mulhi(0xcd9e8d57u, c.z), low1 = 0xcd9e8d57u * c.z;
        c = make_uint4(high1 ^ c.y ^ key.x, low1, high0 ^ c.w ^ key.y, low0);
        key.x += 0x9e3779b9u;
        key.y += 0xbb67ae85u;
    }
    return c;
}
// A word as a number in [0, 1), a multiple of 2^-24.
__device__ __forceinline__ float px_unit(uint32_t word) { return (float)(word >> 8) * 0x1p-24f; }
