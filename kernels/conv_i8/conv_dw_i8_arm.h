/* conv_dw_i8_arm.h - depthwise convolution of bytes for Arm; the including file has
 *
 *     int32x4_t add_taps(int32x4_t acc, uint8x16_t x, int8x16_t w)
 *
 * which adds four taps of four channels. Four taps of 16 channels are interleaved by eight zips and
 * lie then as the packed weights do. */
#ifndef IG_CONV_DW_I8_ARM_H
#define IG_CONV_DW_I8_ARM_H

#include "kernels/conv_i8/conv_dw_i8.h"
#include "kernels/gemm_i8/i8_finish_neon.h"

#define UNROLL _Pragma("GCC unroll 4")

/* n channels of a tap, n <= 16. */
NEON_INLINE uint8x16_t some_bytes(const uint8_t *p, size_t n)
{
    uint8_t room[16] = {0};
    memcpy(room, p, n);
    return vld1q_u8(room);
}

/* Channels c .. c + n of pixel i, n <= 16; whole: n = 16, a constant. w: of the channels' block. */
NEON_INLINE void pixel(const conv_dw_i8_args *p, size_t i, size_t c, size_t n, const bool whole,
                       const int8_t *w, size_t groups)
{
    const size_t quarter = c % CONV_DW_I8_BLOCK / 16, order = c - quarter * 16 + quarter * 4;
    const uint8_t *const *taps = p->taps + i * groups * 4;
    const uint8x16_t flip = vdupq_n_u8(p->flip);
    int32x4_t acc[4];
    UNROLL for (size_t q = 0; q < 4; q++) acc[q] = vld1q_s32(p->finish.start + order + 16 * q);
    for (size_t g = 0; g < groups; g++, taps += 4, w += 256) {
        uint8x16_t x[4];
        x[3] = vdupq_n_u8(0); /* of a column, the fourth tap is none */
        UNROLL for (size_t t = 0; t < 4; t++)
        {
            if (t == 3 && p->columns) break;
            x[t] = veorq_u8(whole ? vld1q_u8(taps[t] + c) : some_bytes(taps[t] + c, n), flip);
        }
        const uint16x8_t a0 = vreinterpretq_u16_u8(vzip1q_u8(x[0], x[1]));
        const uint16x8_t a1 = vreinterpretq_u16_u8(vzip2q_u8(x[0], x[1]));
        const uint16x8_t b0 = vreinterpretq_u16_u8(vzip1q_u8(x[2], x[3]));
        const uint16x8_t b1 = vreinterpretq_u16_u8(vzip2q_u8(x[2], x[3]));
        const uint16x8_t quads[4] = {vzip1q_u16(a0, b0), vzip2q_u16(a0, b0), vzip1q_u16(a1, b1),
                                     vzip2q_u16(a1, b1)};
        UNROLL for (size_t q = 0; q < 4; q++) acc[q] =
            add_taps(acc[q], vreinterpretq_u8_u16(quads[q]), vld1q_s8(w + 64 * q + 16 * quarter));
    }
    finish_16_neon(&p->finish, p->y, i * p->y_row + c, acc, order, 16, n);
}

NEON_INLINE void conv_dw_i8(const conv_dw_i8_args *p, size_t pixels)
{
    const size_t groups = p->groups, whole = p->c / 16 * 16;
    for (size_t c = 0; c < p->c; c += 16) {
        const int8_t *w = p->w + c / CONV_DW_I8_BLOCK * groups * 256;
        for (size_t i = 0; i < pixels; i++) {
            if (c < whole)
                pixel(p, i, c, 16, true, w, groups);
            else
                pixel(p, i, c, p->c - c, false, w, groups);
        }
    }
}

#endif
