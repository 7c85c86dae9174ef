/* shim_neon.h - the NEON intrinsics that the kernels use and SIMDe 0.7.4 lacks: loops over lanes.
 */
#ifndef IG_SHIM_NEON_H
#define IG_SHIM_NEON_H

#include <math.h>

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
#define vfmsq_f32  shim_vfmsq_f32
#define vdivq_f32  shim_vdivq_f32
#define vsqrtq_f32 shim_vsqrtq_f32

#endif
