/* conv_dw_i8_neon.c - depthwise convolution of bytes with widening multiplications, NEON. */
#include <arm_neon.h>

/* Unsigned by signed bytes fit 16 bits and a sign; two of them may not: pairs are added to 32. */
static inline __attribute__((always_inline)) int32x4_t add_taps(int32x4_t acc, uint8x16_t x,
                                                                int8x16_t w)
{
    const int16x8_t xl = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(x)));
    const int16x8_t xh = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(x)));
    const int16x8_t low = vmulq_s16(xl, vmovl_s8(vget_low_s8(w)));
    const int16x8_t high = vmulq_s16(xh, vmovl_s8(vget_high_s8(w)));
    return vaddq_s32(acc, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
}

#include "kernels/conv_i8/conv_dw_i8_arm.h"

void conv_dw_i8_neon(const conv_dw_i8_args *p, size_t pixels) { conv_dw_i8(p, pixels); }
