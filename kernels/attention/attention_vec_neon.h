/* attention_vec_neon.h - what attention adds to the vector of vec_neon.h: elements of pages, and
 * powers of two. */
#ifndef IG_ATTENTION_VEC_NEON_H
#define IG_ATTENTION_VEC_NEON_H

#include "kernels/vec/vec_neon.h"

#define FOUR(call) ((vf){call(0), call(1), call(2), call(3)})

VEC_INLINE uint16x4_t half_words(const unsigned char *p, size_t quarter)
{
    return vreinterpret_u16_u8(vld1_u8(p + 8 * quarter));
}

VEC_INLINE vf vf_f16(const unsigned char *p)
{
#define F16_4(i) vcvt_f32_f16(vreinterpret_f16_u16(half_words(p, i)))
    return FOUR(F16_4);
#undef F16_4
}

VEC_INLINE vf vf_bf16(const unsigned char *p)
{
#define BF16_4(i) vreinterpretq_f32_u32(vshll_n_u16(half_words(p, i), 16))
    return FOUR(BF16_4);
#undef BF16_4
}

VEC_INLINE vf vf_i8(const unsigned char *p)
{
    const int8x16_t bytes = vreinterpretq_s8_u8(vld1q_u8(p));
    const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
    return (vf){vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))),
                vcvtq_f32_s32(vmovl_s16(vget_high_s16(low))),
                vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))),
                vcvtq_f32_s32(vmovl_s16(vget_high_s16(high)))};
}

/* Four bytes of each 32-bit lane. */
VEC_INLINE void i8_bytes(float32x4_t out[4], const unsigned char *p)
{
    const int32x4_t x = vreinterpretq_s32_u8(vld1q_u8(p));
    out[0] = vcvtq_f32_s32(vshrq_n_s32(vshlq_n_s32(x, 24), 24));
    out[1] = vcvtq_f32_s32(vshrq_n_s32(vshlq_n_s32(x, 16), 24));
    out[2] = vcvtq_f32_s32(vshrq_n_s32(vshlq_n_s32(x, 8), 24));
    out[3] = vcvtq_f32_s32(vshrq_n_s32(x, 24));
}

VEC_INLINE void vf_i8_quads(const unsigned char *p, vf out[4])
{
    float32x4_t v[4][4];
    for (size_t i = 0; i < 4; i++) i8_bytes(v[i], p + 16 * i);
    for (size_t at = 0; at < 4; at++) out[at] = (vf){v[0][at], v[1][at], v[2][at], v[3][at]};
}

/* 2^n of t = n + 0x1.8p23, n integral within -127 .. 0; 2^-127 counts as zero. */
VEC_INLINE float32x4_t power_4(float32x4_t t)
{
    const int32x4_t n = vshlq_n_s32(vreinterpretq_s32_f32(t), 23);
    return vreinterpretq_f32_s32(vaddq_s32(n, vdupq_n_s32(127 << 23)));
}
VEC_INLINE vf vf_power(vf t)
{
    return (vf){power_4(t.a), power_4(t.b), power_4(t.c), power_4(t.d)};
}

#undef FOUR

#endif
