/* i8_finish_neon.h - i8_finish.h on q registers, sixteen sums at a time. */
#ifndef IG_I8_FINISH_NEON_H
#define IG_I8_FINISH_NEON_H

#include "kernels/gemm_i8/i8_finish.h"
#include "kernels/vec/lanes_neon.h"

#include <string.h>

NEON_INLINE float32x4_t scaled_4(const i8_finish *f, int32x4_t acc, size_t n)
{
    const float32x4_t v = vmulq_f32(vcvtq_f32_s32(acc), vld1q_f32(f->scale + n));
    return f->bias ? vaddq_f32(v, vld1q_f32(f->bias + n)) : v;
}

/* With the zero point, in the low byte whatever its sign. The bounds are whole numbers, so clipping
 * may come first; the second operand wins over a NaN. */
NEON_INLINE int16x4_t rounded_4(const i8_finish *f, int32x4_t acc, size_t n)
{
    const float32x4_t above = ig_max_neon(scaled_4(f, acc, n), vdupq_n_f32(f->low));
    const float32x4_t v = vrndnq_f32(ig_min_neon(above, vdupq_n_f32(f->high)));
    return vmovn_s32(vaddq_s32(vcvtq_s32_f32(v), vdupq_n_s32(f->zero)));
}

/* Sixteen sums whose elements of the arrays begin at n, n + step, n + 2 step and n + 3 step; the
 * first `left` (any number from 16 up: all) are stored at element `at` of y. */
NEON_INLINE void finish_16_neon(const i8_finish *f, void *y, size_t at, const int32x4_t acc[4],
                                size_t n, const size_t step, size_t left)
{
    const size_t each = i8_finish_bytes(f);
    uint8_t *to = (uint8_t *)y + at * each, room[64];
    uint8_t *v = left < 16 ? room : to;
    if (f->to == I8_TO_I32) {
        for (size_t i = 0; i < 4; i++) vst1q_s32((int32_t *)(void *)v + 4 * i, acc[i]);
    } else if (f->to == I8_TO_F32) {
        for (size_t i = 0; i < 4; i++)
            vst1q_f32((float *)(void *)v + 4 * i, scaled_4(f, acc[i], n + i * step));
    } else {
        const int16x8_t low = vcombine_s16(rounded_4(f, acc[0], n), rounded_4(f, acc[1], n + step));
        const int16x8_t high =
            vcombine_s16(rounded_4(f, acc[2], n + 2 * step), rounded_4(f, acc[3], n + 3 * step));
        vst1q_s8((int8_t *)v, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
    }
    if (left < 16) memcpy(to, room, left * each);
}

#endif
