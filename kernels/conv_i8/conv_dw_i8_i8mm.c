/* conv_dw_i8_i8mm.c - depthwise convolution of bytes with usdot. */
#include <arm_neon.h>

static inline __attribute__((always_inline)) int32x4_t add_taps(int32x4_t acc, uint8x16_t x,
                                                                int8x16_t w)
{
    return vusdotq_s32(acc, x, w);
}

#include "kernels/conv_i8/conv_dw_i8_arm.h"

void conv_dw_i8_i8mm(const conv_dw_i8_args *p, size_t pixels) { conv_dw_i8(p, pixels); }
