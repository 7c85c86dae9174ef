/* limits_neon.c - what NEON can do at most: independent chains in registers; loads alone. The
 * compiler does not know the operands, which are volatile once, so that no product leaves its loop.
 */
#include "kernels/limits/limits.h"

#include <arm_neon.h>

enum { CHAINS = 16, SUMS = 8, LINE = 64 };

/* Unrolled everywhere: else the chains lie on the stack. */
#define EACH(i) _Pragma("GCC unroll 16") for (size_t i = 0; i < CHAINS; i++)
#define HALF(i) _Pragma("GCC unroll 16") for (size_t i = 0; i < CHAINS / 2; i++)

static double fma_f32(size_t n)
{
    volatile float start = 0.5f;
    const float32x4_t f = vdupq_n_f32(start);
    float32x4_t acc[CHAINS];
    EACH(i) acc[i] = vdupq_n_f32(start);
    for (size_t t = 0; t < n; t++) EACH(i) acc[i] = vfmaq_f32(f, acc[i], f);
    EACH(i) start = vgetq_lane_f32(acc[i], 0);
    return 2.0 * CHAINS * 4 * (double)n;
}

static double fma_f64(size_t n)
{
    volatile double start = 0.5;
    const float64x2_t f = vdupq_n_f64(start);
    float64x2_t acc[CHAINS];
    EACH(i) acc[i] = vdupq_n_f64(start);
    for (size_t t = 0; t < n; t++) EACH(i) acc[i] = vfmaq_f64(f, acc[i], f);
    EACH(i) start = vgetq_lane_f64(acc[i], 0);
    return 2.0 * CHAINS * 2 * (double)n;
}

/* Exact: a product of 16 bits, pairs of which are added to 32. One operand changes, or the products
 * would leave the loop. */
static double mac_i8(size_t n)
{
    volatile int8_t start = 3;
    int8x8_t w = vdup_n_s8(start), b[CHAINS / 2];
    int32x4_t acc[CHAINS / 2];
    HALF(i)
    {
        b[i] = vdup_n_s8(start);
        acc[i] = vdupq_n_s32(start);
    }
    for (size_t t = 0; t < n; t++) {
        HALF(i) acc[i] = vpadalq_s16(acc[i], vmull_s8(w, b[i]));
        w = vadd_s8(w, w);
    }
    HALF(i) start = (int8_t)vgetq_lane_s32(acc[i], 0);
    return 2.0 * CHAINS / 2 * 8 * (double)n;
}

static uint64_t read_lines(const void *from, size_t bytes)
{
    const uint8_t *p = from;
    uint64x2_t sum[SUMS];
    for (size_t k = 0; k < SUMS; k++) sum[k] = vdupq_n_u64(0);
    for (size_t i = 0; i < bytes; i += 2 * LINE)
        _Pragma("GCC unroll 8") for (size_t k = 0; k < SUMS; k++) sum[k] =
            vaddq_u64(sum[k], vreinterpretq_u64_u8(vld1q_u8(p + i + 16 * k)));
    for (size_t k = 1; k < SUMS; k++) sum[0] = vaddq_u64(sum[0], sum[k]);
    return vgetq_lane_u64(sum[0], 0) + vgetq_lane_u64(sum[0], 1);
}

static void copy_lines(void *to, const void *from, size_t bytes)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    for (size_t i = 0; i < bytes; i += LINE)
        _Pragma("GCC unroll 4") for (size_t k = 0; k < LINE; k += 16)
            vst1q_u8(t + i + k, vld1q_u8(f + i + k));
}

const ig_limit_loops ig_limit_loops_neon = {.fma_f32 = fma_f32,
                                            .fma_f64 = fma_f64,
                                            .mac_i8 = mac_i8,
                                            .mac_i4 = mac_i8,
                                            .read = {read_lines},
                                            .copy = {copy_lines}};
