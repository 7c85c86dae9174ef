/* f8.c - floats of a byte and less, by their bit patterns; see dtype.h.
 *
 * All but e8m0 share one shape: sign, exponent, mantissa. `specials` says what the top codes mean.
 *
 *   e4m3fn    s eeee mmm   bias 7   NaN at s1111111, no infinity
 *   e4m3fnuz  s eeee mmm   bias 8   NaN at 10000000 only (no -0), no infinity
 *   e5m2      s eeeee mm   bias 15  as IEEE: infinity and NaN
 *   e5m2fnuz  s eeeee mm   bias 16  NaN at 10000000 only (no -0), no infinity
 *   e2m1      s ee m       bias 1   finite only
 *   e8m0      eeeeeeee     bias 127 a power of two; 255 is NaN */
#include "runtime/base/dtype.h"
#include "runtime/base/half.h"

#include <math.h>

typedef enum { NAN_AT_TOP, NAN_IS_MINUS_ZERO, IEEE_TOP, FINITE_ONLY } specials;

typedef struct {
    int exp_bits, man_bits, bias;
    specials top;
    uint8_t largest; /* the largest finite value's code */
} shape;

static shape shape_of(ingot_dtype dtype)
{
    switch (dtype) {
    case INGOT_F8E4M3FN:
        return (shape){4, 3, 7, NAN_AT_TOP, 0x7e};
    case INGOT_F8E4M3FNUZ:
        return (shape){4, 3, 8, NAN_IS_MINUS_ZERO, 0x7f};
    case INGOT_F8E5M2:
        return (shape){5, 2, 15, IEEE_TOP, 0x7b};
    case INGOT_F8E5M2FNUZ:
        return (shape){5, 2, 16, NAN_IS_MINUS_ZERO, 0x7f};
    default:
        return (shape){2, 1, 1, FINITE_ONLY, 0x07};
    }
}

static float e8m0_to_f32(uint8_t bits)
{
    if (bits == 0xff) return NAN;
    return bits ? ig_f32_from_bits((uint32_t)bits << 23) : 0x1p-127f;
}

float ig_f8_to_f32(uint8_t bits, ingot_dtype dtype)
{
    if (dtype == INGOT_F8E8M0) return e8m0_to_f32(bits);
    const shape s = shape_of(dtype);
    const unsigned sign_bit = 1u << (s.exp_bits + s.man_bits);
    const unsigned code = bits & (sign_bit - 1u);
    const bool negative = bits & sign_bit;
    if (s.top == NAN_IS_MINUS_ZERO && negative && !code) return NAN;
    if (s.top == NAN_AT_TOP && code == 0x7f) return NAN;
    if (s.top == IEEE_TOP && code > s.largest)
        return code == s.largest + 1u ? (negative ? -INFINITY : INFINITY) : NAN;
    const int exp = (int)(code >> s.man_bits);
    const int man = (int)(code & ((1u << s.man_bits) - 1u));
    const float v = exp ? ldexpf((float)(man + (1 << s.man_bits)), exp - s.bias - s.man_bits)
                        : ldexpf((float)man, 1 - s.bias - s.man_bits);
    return negative ? -v : v;
}

/* |x| (finite) to the nearest code, ties to even, as if there were no largest value. The codes of
 * a format rise by one with each value, so a carry into the exponent is right by itself. */
static uint32_t nearest_code(float a, shape s)
{
    const int lowest = 1 - s.bias; /* exponent of the smallest normal value */
    int e = 0;
    if (a == 0) return 0;
    (void)frexpf(a, &e);
    e = e - 1 > lowest ? e - 1 : lowest;
    const double steps = ldexp((double)a, s.man_bits - e); /* exact */
    const uint32_t man = (uint32_t)rint(steps);            /* < 2^(man_bits+1) + 1 */
    return (uint32_t)(e - lowest) * (1u << s.man_bits) + man;
}

static uint8_t overflowed(shape s, uint8_t sign, bool saturate)
{
    if (saturate || s.top == FINITE_ONLY) return (uint8_t)(sign | s.largest);
    if (s.top == NAN_IS_MINUS_ZERO) return 0x80;
    return (uint8_t)(sign | (s.largest + 1)); /* e4m3fn: NaN, e5m2: infinity */
}

uint8_t ig_f32_to_f8(float x, ingot_dtype dtype, bool saturate)
{
    if (dtype == INGOT_F8E8M0)
        return ig_f32_to_e8m0(x, saturate ? IG_ROUND_UP : IG_ROUND_NEAREST, saturate);
    const shape s = shape_of(dtype);
    const uint8_t sign = signbit(x) ? (uint8_t)(1u << (s.exp_bits + s.man_bits)) : 0;
    if (isnan(x)) {
        if (s.top == FINITE_ONLY) return 0x08; /* no NaN: -0 */
        if (s.top == NAN_IS_MINUS_ZERO) return 0x80;
        return (uint8_t)(sign | (s.top == IEEE_TOP ? 0x7e : 0x7f));
    }
    if (isinf(x)) return overflowed(s, sign, saturate);
    const uint32_t code = fabsf(x) >= 0x1p20f ? UINT32_MAX : nearest_code(fabsf(x), s);
    if (code > s.largest) return overflowed(s, sign, saturate);
    if (!code && s.top == NAN_IS_MINUS_ZERO) return 0;
    return (uint8_t)(sign | code);
}

/* The power of two below a > 0 and where a lies between it and the next. */
uint8_t ig_f32_to_e8m0(float x, ig_round round, bool saturate)
{
    if (isnan(x)) return 0xff;
    const float a = fabsf(x);
    if (isinf(a)) return saturate ? 0xfe : 0xff;
    if (a < 0x1p-127f) return saturate || a > 0 ? 0 : 0xff;
    int e;
    const float m = frexpf(a, &e) * 2; /* [1, 2) */
    int code = e - 1 + 127;
    if ((round == IG_ROUND_UP && m > 1) || (round == IG_ROUND_NEAREST && m >= 1.5f)) code++;
    if (code > 0xfe) return saturate ? 0xfe : 0xff;
    return (uint8_t)code;
}
