// numbers.cuh - the narrow number formats of tensor cores in plain integer code that runs on
// devices and on the host alike: 8-bit floats (OCP 8-bit floating point specification, 2023): e4m3
// has no infinity and saturates at 448, e5m2 is a half cut short.
#pragma once
#include "kernels/cuda/ptx/px.cuh"

typedef uint16_t bf16_t, f16_t; // storage only
typedef uint8_t e4m3_t, e5m2_t;

__device__ __forceinline__ uint32_t px_bits(float x)
{
#ifdef IGT_EMU
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
#else
    return __float_as_uint(x);
#endif
}
__device__ __forceinline__ float px_float(uint32_t u)
{
#ifdef IGT_EMU
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
#else
    return __uint_as_float(u);
#endif
}

// x to a float of `E` exponent and `M` fraction bits, round to nearest even; magnitudes past `MOST`
// become it, and NaN becomes `NOT_A_NUMBER`.
template <int E, int M, int MOST, int NOT_A_NUMBER>
__device__ __forceinline__ uint8_t igt_encode_f8(float x)
{
    constexpr int BIAS = (1 << (E - 1)) - 1, DROP = 23 - M;
    const uint32_t u = px_bits(x), a = u & 0x7fffffffu, sign = u >> 24 & 0x80u;
    if (a > 0x7f800000u) return (uint8_t)(sign | NOT_A_NUMBER);
    uint32_t r;
    if (a < (uint32_t)(128 - BIAS) << 23) { // below the smallest normal: a multiple of the last bit
        // adding 2^(23 - BIAS + 1 - M) leaves just those bits, rounded, at the end of the fraction
        const uint32_t one = (uint32_t)(127 + 23 - BIAS + 1 - M) << 23;
        r = px_bits(px_float(a) + px_float(one)) - one;
    } else
        r = (a - ((uint32_t)(127 - BIAS) << 23) + (1u << (DROP - 1)) - 1 + (a >> DROP & 1)) >> DROP;
    return (uint8_t)(sign | (r > MOST ? (uint32_t)MOST : r));
}
__device__ __forceinline__ e4m3_t igt_e4m3(float x) { return igt_encode_f8<4, 3, 0x7e, 0x7f>(x); }
__device__ __forceinline__ e5m2_t igt_e5m2(float x) { return igt_encode_f8<5, 2, 0x7b, 0x7f>(x); }

__device__ __forceinline__ float igt_of_e4m3(e4m3_t v)
{
    const uint32_t sign = (uint32_t)(v & 0x80) << 24, a = v & 0x7f;
    if (a == 0x7f) return px_float(0x7fffffffu);
    // exponent and fraction in the fields of a float, 2^120 too small; a subnormal becomes right
    // too
    return px_float(px_bits(px_float(a << 20) * 0x1p120f) | sign);
}
__device__ __forceinline__ float igt_of_e5m2(e5m2_t v)
{
    const uint32_t sign = (uint32_t)(v & 0x80) << 24, a = v & 0x7f;
    if (a > 0x7c) return px_float(0x7fffffffu);
    if (a == 0x7c) return px_float(0x7f800000u | sign);
    return px_float(px_bits(px_float(a << 21) * 0x1p112f) | sign);
}
