/* lanes_neon.h - parts of a q register of floats, and the house's min and max; only NEON files
 * include it. */
#ifndef IG_LANES_NEON_H
#define IG_LANES_NEON_H

#include <arm_neon.h>
#include <stddef.h>

#define NEON_INLINE static inline __attribute__((always_inline))

/* The first n lanes of p, the others of fill; any n from 4 up means all. Nothing else is read. */
NEON_INLINE float32x4_t ig_load_neon(const float *p, size_t n, float32x4_t fill)
{
    if (n >= 4) return vld1q_f32(p);
    if (n > 0) fill = vld1q_lane_f32(p, fill, 0);
    if (n > 1) fill = vld1q_lane_f32(p + 1, fill, 1);
    if (n > 2) fill = vld1q_lane_f32(p + 2, fill, 2);
    return fill;
}

NEON_INLINE void ig_store_neon(float *p, size_t n, float32x4_t v)
{
    if (n >= 4) {
        vst1q_f32(p, v);
        return;
    }
    if (n > 0) vst1q_lane_f32(p, v, 0);
    if (n > 1) vst1q_lane_f32(p + 1, v, 1);
    if (n > 2) vst1q_lane_f32(p + 2, v, 2);
}

/* x < y ? x : y and x > y ? x : y: the second operand where one is a NaN, which is not the choice
 * of the instructions called min and max. */
NEON_INLINE float32x4_t ig_min_neon(float32x4_t x, float32x4_t y)
{
    return vbslq_f32(vcltq_f32(x, y), x, y);
}
NEON_INLINE float32x4_t ig_max_neon(float32x4_t x, float32x4_t y)
{
    return vbslq_f32(vcgtq_f32(x, y), x, y);
}

#endif
