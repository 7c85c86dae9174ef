/* q_e4m3.h - floats of 8 bits (e4m3: sign, 4 bits of exponent with bias 7, 3 of mantissa; OCP 8-bit
 * Floating Point Specification, 2023) as weights have them: without NaN.
 *
 * The bits of e4m3, moved to where f16 has its exponent and mantissa, are the number divided by
 * 256, subnormal ones too. So a conversion is a shift, on every ISA and device alike. */
#ifndef IG_Q_E4M3_H
#define IG_Q_E4M3_H

#include "runtime/base/half.h"

#include <math.h>
#include <stdint.h>

#define IG_E4M3_MOST 448.0f

/* Exact; the code of NaN gives 480. */
static inline float q_from_e4m3(uint8_t q)
{
    return ig_f16_to_f32((uint16_t)((q & 0x80) << 8 | (q & 0x7f) << 7)) * 256;
}

/* To nearest, ties to even; beyond the range the largest. Not for NaN. */
static inline uint8_t q_to_e4m3(float x)
{
    const uint32_t bits = ig_f32_bits(x), sign = bits >> 24 & 0x80;
    uint32_t a = bits & 0x7fffffff;
    if (a < ig_f32_bits(0x1p-6f)) /* steps of 2^-9; the largest of them is the first normal one */
        return (uint8_t)(sign | (uint32_t)rintf(fabsf(x) * 0x1p9f));
    if (a > ig_f32_bits(IG_E4M3_MOST)) a = ig_f32_bits(IG_E4M3_MOST);
    a += 0x7ffff + (a >> 20 & 1);
    return (uint8_t)(sign | ((a >> 20) - 120 * 8));
}

#endif
