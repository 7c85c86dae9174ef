// trig.cuh - sine, cosine and tangent for kernels, without the arrays in local memory that the
// vendor's large-argument path keeps.
//
// x is brought to |r| <= pi/4 and a quadrant: up to 2^20 by taking off multiples of pi/2 in three
// parts (Cody & Waite 1980), beyond by multiplying with as many bits of 2/pi as matter (Payne &
// Hanek 1983). r is a sum of two doubles. f32 goes the same way: its results are rounded once from
// double, well within 0.51 ulp.
#pragma once
#include "kernels/convert/element.cuh"

// 2/pi in binary: two zero words, then the words behind the point.
#ifdef IGT_EMU
static const uint32_t trig_two_over_pi[] = {
#else
static __constant__ const uint32_t trig_two_over_pi[] = {
#endif
    0x00000000, 0x00000000, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599,
    0x3c439041, 0xfe5163ab, 0xdebbc561, 0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c,
    0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484, 0xe99c7026, 0xb45f7e41, 0x3991d639,
    0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f, 0xef2f118b, 0x5a0a6d1f,
    0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d, 0x7527bac7, 0xebe5f17b, 0x3d0739f7,
    0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046, 0xfc7b6bab, 0xf0cfbc20,
};

#define TRIG_P1 0x1.921fb54442d18p+0 // pi/2 in three parts
#define TRIG_P2 0x1.1a62633145c07p-54
#define TRIG_P3 -0x1.f1976b7ed8fbcp-110

typedef struct {
    double r, low; // r + low, |r| <= pi/4
    int quadrant;  // 0..3
} trig_arg;

EL_INLINE uint64_t trig_high(uint64_t a, uint64_t b)
{
    PX(return (uint64_t)((unsigned __int128)a * b >> 64), return __umul64hi(a, b));
}
EL_INLINE int trig_zeros(uint64_t x) // leading ones; x > 0
{
    PX(return __builtin_clzll(x), return __clzll((long long)x));
}
EL_INLINE uint64_t trig_word(uint32_t at, uint32_t shift) // 64 bits of 2/pi
{
    const uint64_t high = (uint64_t)trig_two_over_pi[at] << 32 | trig_two_over_pi[at + 1];
    return shift ? high << shift | trig_two_over_pi[at + 2] >> (32 - shift) : high;
}

// |x| >= 2^20, finite. x = m 2^e; of 2/pi = sum b_i 2^-i only the bits from i = e - 1 on matter,
// for those before give whole turns. 192 of them: the product's first two bits are the quadrant.
EL_INLINE trig_arg trig_reduce_large(double x)
{
    const uint64_t u = el_bits64(x), m = (u & 0xfffffffffffffull) | 1ull << 52;
    const uint32_t at = (uint32_t)(u >> 52 & 0x7ff) - 1075 + 62; // e - 1, behind two words
    const uint32_t word = at >> 5, shift = at & 31;
    const uint64_t w2 = trig_word(word, shift), w1 = trig_word(word + 2, shift),
                   w0 = trig_word(word + 4, shift);
    const uint64_t p0 = m * w0, c0 = trig_high(m, w0), p1 = m * w1 + c0;
    const uint64_t p2 = m * w2 + trig_high(m, w1) + (p1 < c0);
    uint64_t top = p2 << 2 | p1 >> 62, next = p1 << 2 | p0 >> 62;
    trig_arg a;
    a.quadrant = (int)(p2 >> 62);
    const bool above = top >> 63; // past the half: the next quadrant, from the other side
    if (above) {
        a.quadrant++;
        next = ~next + 1;
        top = ~top + (next == 0);
    }
    top |= top == 0; // a double is never so near to a multiple
    const int zeros = trig_zeros(top);
    if (zeros) top = top << zeros | next >> (64 - zeros), next <<= zeros;
    const double scale = el_f64((uint64_t)(1023 - zeros) << 52);
    const double high = (double)(top >> 11) * 0x1p-53;
    const double rest = ((double)(top & 0x7ff) + (double)(next >> 11) * 0x1p-53) * 0x1p-64;
    const double h = high * TRIG_P1;
    const double l = fma(high, TRIG_P1, -h) + (high * TRIG_P2 + rest * TRIG_P1);
    const double r = h + l;
    a.r = r * scale;
    a.low = ((h - r) + l) * scale;
    if (above != (x < 0)) a.r = -a.r, a.low = -a.low;
    if (x < 0) a.quadrant = -a.quadrant;
    a.quadrant &= 3;
    return a;
}

EL_INLINE trig_arg trig_reduce(double x)
{
    if (!(fabs(x) < 1048576.0)) {
        if (fabs(x) <= 1.7976931348623157e308) return trig_reduce_large(x);
        const trig_arg nan = {x - x, 0, 0};
        return nan;
    }
    const double k = rint(x * 0.63661977236758134308);
    const double first = fma(-k, TRIG_P1, x), w = k * TRIG_P2; // first is exact
    trig_arg a;
    a.r = first - w;
    a.low = ((first - a.r) - w) - (fma(k, TRIG_P2, -w) + k * TRIG_P3);
    a.quadrant = (int)k & 3;
    return a;
}

// Taylor's sums: |r| <= pi/4 leaves less than 1e-18 behind them.
EL_INLINE double trig_sin_of(double r, double low)
{
    const double z = r * r;
    double s = 1.0 / 355687428096000.0; // 17!
    s = fma(s, z, -1.0 / 1307674368000.0);
    s = fma(s, z, 1.0 / 6227020800.0);
    s = fma(s, z, -1.0 / 39916800.0);
    s = fma(s, z, 1.0 / 362880.0);
    s = fma(s, z, -1.0 / 5040.0);
    s = fma(s, z, 1.0 / 120.0);
    s = fma(s, z, -1.0 / 6.0);
    return r + fma(s * z, r, low * (1 - 0.5 * z));
}
EL_INLINE double trig_cos_of(double r, double low)
{
    const double z = r * r;
    double c = 1.0 / 20922789888000.0; // 16!
    c = fma(c, z, -1.0 / 87178291200.0);
    c = fma(c, z, 1.0 / 479001600.0);
    c = fma(c, z, -1.0 / 3628800.0);
    c = fma(c, z, 1.0 / 40320.0);
    c = fma(c, z, -1.0 / 720.0);
    c = fma(c, z, 1.0 / 24.0);
    const double half = 0.5 * z, rest = 1 - half;
    return rest + ((1 - rest - half) + fma(c * z, z, -r * low));
}

enum { TRIG_SIN, TRIG_COS, TRIG_TAN };

EL_INLINE double trig_apply(int fn, double x)
{
    if (fn != TRIG_COS && fabs(x) < 0x1p-27) return x; // keeps the sign of zero
    const trig_arg a = trig_reduce(x);
    const double s = trig_sin_of(a.r, a.low), c = trig_cos_of(a.r, a.low);
    const bool odd = a.quadrant & 1;
    if (fn == TRIG_TAN) return odd ? -c / s : s / c;
    const double v = (fn == TRIG_SIN) != odd ? s : c;
    const int turned = fn == TRIG_SIN ? a.quadrant : a.quadrant + 1;
    return turned & 2 ? -v : v;
}
