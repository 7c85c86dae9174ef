// numbers.hpp - narrow floats on the host, and arithmetic on pairs of them as a device does it: one
// rounding to nearest even of the exact result.
#pragma once
#include "kernels/cuda/emu/block.hpp"
#include "runtime/base/half.h"

namespace emu
{

inline float bf2f(uint16_t h) { return ig_bf16_to_f32(h); }
inline uint16_t f2bf(float f)
{
    const uint32_t u = ig_f32_bits(f);
    if ((u & 0x7fffffffu) > 0x7f800000u) return 0x7fff; // the NaN that devices make
    return ig_f32_to_bf16(f);
}
inline float h2f(uint16_t h) { return ig_f16_to_f32(h); }
inline uint16_t f2h(float f) { return f == f ? ig_f32_to_f16(f) : (uint16_t)0x7fff; }

// a + b rounded to odd: a later rounding to a narrower format is as if it were the only one
// (Boldo and Melquiond 2008).
inline double sum_to_odd(double a, double b)
{
    const double s = a + b, t = s - a, error = (a - (s - t)) + (b - t); // two-sum (Knuth)
    uint64_t bits;
    memcpy(&bits, &s, sizeof bits);
    if (error == 0 || error != error || (bits & 1)) return s;
    bits += (error > 0) == (s > 0) ? 1 : (uint64_t)-1;
    double odd;
    memcpy(&odd, &bits, sizeof odd);
    return odd;
}
// A double to float, rounded to odd.
inline float to_float_odd(double x)
{
    float f = (float)x;
    const uint32_t u = ig_f32_bits(f);
    if (x != x || (double)f == x || (u & 1) || (u & 0x7fffffffu) == 0x7f800000u) return f;
    const bool grow = (x > f) == !(u >> 31);
    return ig_f32_from_bits(grow ? u + 1 : u - 1);
}
inline float fma_to_odd(float a, float b, float c)
{
    return to_float_odd(sum_to_odd((double)a * (double)b, (double)c));
}

// op(x, y, z) on both halves of 32 bits.
template <class F> inline uint32_t on_halves(uint32_t a, uint32_t b, uint32_t c, F op)
{
    const uint32_t low = op((uint16_t)a, (uint16_t)b, (uint16_t)c);
    return low | (uint32_t)op((uint16_t)(a >> 16), (uint16_t)(b >> 16), (uint16_t)(c >> 16)) << 16;
}
inline uint32_t fma_bf16x2(uint32_t a, uint32_t b, uint32_t c)
{
    return on_halves(a, b, c, [](uint16_t x, uint16_t y, uint16_t z) {
        return f2bf(fma_to_odd(bf2f(x), bf2f(y), bf2f(z)));
    });
}
inline uint32_t fma_f16x2(uint32_t a, uint32_t b, uint32_t c)
{
    return on_halves(a, b, c, [](uint16_t x, uint16_t y, uint16_t z) {
        return f2h(fma_to_odd(h2f(x), h2f(y), h2f(z)));
    });
}
inline uint32_t pack(uint16_t low, uint16_t high) { return low | (uint32_t)high << 16; }
inline uint32_t lop3(uint32_t a, uint32_t b, uint32_t c, uint32_t table)
{
    uint32_t r = 0;
    for (uint32_t i = 0; i < 8; i++)
        if (table >> i & 1) r |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
    return r;
}
inline uint32_t prmt(uint32_t a, uint32_t b, uint32_t select)
{
    const uint64_t bytes = (uint64_t)b << 32 | a;
    uint32_t r = 0;
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t s = select >> (4 * i) & 15;
        uint32_t byte = (uint32_t)(bytes >> (8 * (s & 7))) & 0xff;
        if (s & 8) byte = byte & 0x80 ? 0xff : 0;
        r |= byte << (8 * i);
    }
    return r;
}

} // namespace emu
