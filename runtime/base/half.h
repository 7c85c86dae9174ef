/* half.h - IEEE binary16 and bfloat16 to and from float, round to nearest even. */
#ifndef IG_HALF_H
#define IG_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t ig_f32_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float ig_f32_from_bits(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static inline float ig_bf16_to_f32(uint16_t h) { return ig_f32_from_bits((uint32_t)h << 16); }

static inline uint16_t ig_f32_to_bf16(float x)
{
    const uint32_t u = ig_f32_bits(x);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((u >> 16) | 0x40u); /* quiet NaN */
    return (uint16_t)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}

static inline float ig_f16_to_f32(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exp = (h >> 10) & 0x1fu, man = h & 0x3ffu;
    if (exp == 0x1fu) return ig_f32_from_bits(sign | 0x7f800000u | (man << 13));
    if (exp) return ig_f32_from_bits(sign | ((exp + 112u) << 23) | (man << 13));
    const float tiny = (float)man * 0x1p-24f; /* zero and subnormals are exact */
    return sign ? -tiny : tiny;
}

static inline uint16_t ig_f32_to_f16(float x)
{
    const uint32_t u = ig_f32_bits(x), sign = (u >> 16) & 0x8000u, a = u & 0x7fffffffu;
    if (a > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | ((a >> 13) & 0x3ffu));
    if (a >= 0x47800000u) return (uint16_t)(sign | 0x7c00u); /* 65536 and more, infinity */
    if (a < 0x38800000u) {                                   /* below the smallest normal half */
        const float shifted = ig_f32_from_bits(a) + 0.5f;    /* rounds to a multiple of 2^-24 */
        return (uint16_t)(sign | (ig_f32_bits(shifted) - 0x3f000000u));
    }
    const uint32_t rounded = a - 0x38000000u + 0xfffu + ((a >> 13) & 1u);
    return (uint16_t)(sign |
                      (rounded >> 13)); /* a carry into the exponent gives infinity rightly */
}

#endif
