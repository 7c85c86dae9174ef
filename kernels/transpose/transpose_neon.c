/* transpose_neon.c - square blocks through registers, NEON: pairs of lanes are exchanged between
 * rows, then pairs of pairs, and so on. Bound by memory. */
#include "kernels/transpose/transpose_walk.h"

#include <arm_neon.h>

#define UNROLL _Pragma("GCC unroll 8")

/* 8 x 8 bytes. */
WALK_INLINE void block_b1(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row)
{
    uint8x8_t a[8], b[8];
    UNROLL for (size_t i = 0; i < 8; i++) a[i] = vld1_u8(x + i * x_row);
    UNROLL for (size_t i = 0; i < 8; i += 2)
    {
        b[i] = vtrn1_u8(a[i], a[i + 1]);
        b[i + 1] = vtrn2_u8(a[i], a[i + 1]);
    }
    UNROLL for (size_t i = 0; i < 8; i += 4)
    {
        UNROLL for (size_t j = 0; j < 2; j++)
        {
            const uint16x4_t p = vreinterpret_u16_u8(b[i + j]);
            const uint16x4_t q = vreinterpret_u16_u8(b[i + j + 2]);
            a[i + j] = vreinterpret_u8_u16(vtrn1_u16(p, q));
            a[i + j + 2] = vreinterpret_u8_u16(vtrn2_u16(p, q));
        }
    }
    UNROLL for (size_t j = 0; j < 4; j++)
    {
        const uint32x2_t p = vreinterpret_u32_u8(a[j]), q = vreinterpret_u32_u8(a[j + 4]);
        vst1_u8(y + j * y_row, vreinterpret_u8_u32(vtrn1_u32(p, q)));
        vst1_u8(y + (j + 4) * y_row, vreinterpret_u8_u32(vtrn2_u32(p, q)));
    }
}

/* The low halves of two q registers side by side, and the high ones. */
WALK_INLINE void store_pair(uint8_t *low, uint8_t *high, uint64x2_t p, uint64x2_t q)
{
    vst1q_u8(low, vreinterpretq_u8_u64(vtrn1q_u64(p, q)));
    vst1q_u8(high, vreinterpretq_u8_u64(vtrn2q_u64(p, q)));
}

/* 8 x 8 of 2 bytes. */
WALK_INLINE void block_b2(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row)
{
    uint32x4_t a[8], b[8];
    UNROLL for (size_t i = 0; i < 8; i += 2)
    {
        const uint16x8_t p = vreinterpretq_u16_u8(vld1q_u8(x + i * x_row));
        const uint16x8_t q = vreinterpretq_u16_u8(vld1q_u8(x + (i + 1) * x_row));
        a[i] = vreinterpretq_u32_u16(vtrn1q_u16(p, q));
        a[i + 1] = vreinterpretq_u32_u16(vtrn2q_u16(p, q));
    }
    UNROLL for (size_t i = 0; i < 8; i += 4)
    {
        UNROLL for (size_t j = 0; j < 2; j++)
        {
            b[i + j] = vtrn1q_u32(a[i + j], a[i + j + 2]);
            b[i + j + 2] = vtrn2q_u32(a[i + j], a[i + j + 2]);
        }
    }
    UNROLL for (size_t j = 0; j < 4; j++)
        store_pair(y + j * y_row, y + (j + 4) * y_row, vreinterpretq_u64_u32(b[j]),
                   vreinterpretq_u64_u32(b[j + 4]));
}

/* 4 x 4 of 4 bytes. */
WALK_INLINE void block_b4(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row)
{
    uint32x4_t a[4];
    UNROLL for (size_t i = 0; i < 4; i += 2)
    {
        const uint32x4_t p = vreinterpretq_u32_u8(vld1q_u8(x + i * x_row));
        const uint32x4_t q = vreinterpretq_u32_u8(vld1q_u8(x + (i + 1) * x_row));
        a[i] = vtrn1q_u32(p, q);
        a[i + 1] = vtrn2q_u32(p, q);
    }
    UNROLL for (size_t j = 0; j < 2; j++)
        store_pair(y + j * y_row, y + (j + 2) * y_row, vreinterpretq_u64_u32(a[j]),
                   vreinterpretq_u64_u32(a[j + 2]));
}

/* 2 x 2 of 8 bytes. */
WALK_INLINE void block_b8(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row)
{
    store_pair(y, y + y_row, vreinterpretq_u64_u8(vld1q_u8(x)),
               vreinterpretq_u64_u8(vld1q_u8(x + x_row)));
}

/* Arm's caches do not read a line that is written whole. */
WALK_INLINE void send(uint8_t *y, const uint8_t *x, size_t bytes) { memcpy(y, x, bytes); }

void transpose_b1_neon(void *y, const void *x, const transpose_shape *s)
{
    walk_batch(y, x, s, 1, 8, block_b1, send);
}

void transpose_b2_neon(void *y, const void *x, const transpose_shape *s)
{
    walk_batch(y, x, s, 2, 8, block_b2, send);
}

void transpose_b4_neon(void *y, const void *x, const transpose_shape *s)
{
    walk_batch(y, x, s, 4, 4, block_b4, send);
}

void transpose_b8_neon(void *y, const void *x, const transpose_shape *s)
{
    walk_batch(y, x, s, 8, 2, block_b8, send);
}
