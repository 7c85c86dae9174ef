/* half_neon.c - 16-bit floats by conversion, and bfloat16 by integer steps, NEON; tails are scalar.
 */
#include "kernels/half/half.h"
#include "runtime/base/half.h"

#include <arm_neon.h>

enum { LANES = 4 };

#define INLINE static inline __attribute__((always_inline))

void widen_f16_neon(float *y, const uint16_t *x, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vst1q_f32(y + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(x + i))));
    for (; i < n; i++) y[i] = ig_f16_to_f32(x[i]);
}

void widen_bf16_neon(float *y, const uint16_t *x, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vst1q_f32(y + i, vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(x + i), 16)));
    for (; i < n; i++) y[i] = ig_bf16_to_f32(x[i]);
}

void narrow_f16_neon(uint16_t *y, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vst1_u16(y + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(x + i))));
    for (; i < n; i++) y[i] = ig_f32_to_f16(x[i]);
}

/* The upper 16 bits of each lane, rounded; NaN is cut and made quiet. */
INLINE uint16x4_t round_bf16(float32x4_t v)
{
    const uint32x4_t u = vreinterpretq_u32_f32(v);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(u, 16), vdupq_n_u32(1));
    const uint32x4_t rounded = vaddq_u32(u, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
    const uint32x4_t quiet = vorrq_u32(u, vdupq_n_u32(0x400000));
    return vshrn_n_u32(vbslq_u32(vceqq_f32(v, v), rounded, quiet), 16);
}

void narrow_bf16_neon(uint16_t *y, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) vst1_u16(y + i, round_bf16(vld1q_f32(x + i)));
    for (; i < n; i++) y[i] = ig_f32_to_bf16(x[i]);
}
