/* shim_neon.h - the NEON intrinsics that the kernels use and SIMDe 0.7.4 lacks: loops over lanes.
 */
#ifndef IG_SHIM_NEON_H
#define IG_SHIM_NEON_H

#include <math.h>
#include <string.h>

#define SHIM static inline __attribute__((always_inline))

SHIM float32x4_t shim_vdivq_f32(float32x4_t x, float32x4_t y)
{
    for (int i = 0; i < 4; i++) x[i] = x[i] / y[i];
    return x;
}
SHIM float32x4_t shim_vsqrtq_f32(float32x4_t x)
{
    for (int i = 0; i < 4; i++) x[i] = sqrtf(x[i]);
    return x;
}
SHIM float32x4_t shim_vfmsq_f32(float32x4_t sum, float32x4_t x, float32x4_t y)
{
    return vfmaq_f32(sum, vnegq_f32(x), y);
}
/* SIMDe cuts a float that becomes a half. */
SHIM float16x4_t shim_vcvt_f16_f32(float32x4_t x)
{
    float v[4];
    uint16_t h[4];
    float16x4_t y;
    memcpy(v, &x, sizeof v);
    for (int i = 0; i < 4; i++) h[i] = _cvtss_sh(v[i], 0);
    memcpy(&y, h, sizeof y);
    return y;
}
#undef vcvt_f16_f32
#define vcvt_f16_f32 shim_vcvt_f16_f32
SHIM int32x4_t shim_vusdotq_s32(int32x4_t sum, uint8x16_t a, int8x16_t b)
{
    for (int i = 0; i < 16; i++) sum[i / 4] += a[i] * b[i];
    return sum;
}
#define vusdotq_s32 shim_vusdotq_s32

/* i8mm: 2 x 8 by 8 x 2. */
SHIM int32x4_t shim_vusmmlaq_s32(int32x4_t sum, uint8x16_t a, int8x16_t b)
{
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 8; k++) sum[i] += a[i / 2 * 8 + k] * b[i % 2 * 8 + k];
    return sum;
}
#define vusmmlaq_s32 shim_vusmmlaq_s32

/* bf16: four dot products of pairs, added to the sums. */
SHIM float32x4_t shim_vbfdotq_f32(float32x4_t sum, uint16x8_t a, uint16x8_t b)
{
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 2; k++) {
            const uint32_t x = (uint32_t)a[2 * i + k] << 16, y = (uint32_t)b[2 * i + k] << 16;
            float p, q;
            memcpy(&p, &x, sizeof p);
            memcpy(&q, &y, sizeof q);
            sum[i] += p * q;
        }
    return sum;
}
#define vbfdotq_f32            shim_vbfdotq_f32
#define vreinterpretq_bf16_f32 vreinterpretq_u16_f32
#define vfmsq_f32              shim_vfmsq_f32
#define vdivq_f32              shim_vdivq_f32
#define vsqrtq_f32             shim_vsqrtq_f32

#endif
