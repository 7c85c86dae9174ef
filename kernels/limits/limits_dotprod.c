/* limits_dotprod.c - products of 8 bits summed in 32 by one instruction, sdot. */
#include "kernels/limits/limits.h"

#include <arm_neon.h>

enum { CHAINS = 16 };

#define EACH(i) _Pragma("GCC unroll 16") for (size_t i = 0; i < CHAINS; i++)

static double mac(size_t n)
{
    volatile int8_t start = 3;
    const int8x16_t a = vdupq_n_s8(start), w = vdupq_n_s8(start);
    int32x4_t acc[CHAINS];
    EACH(i) acc[i] = vdupq_n_s32(start);
    for (size_t t = 0; t < n; t++) EACH(i) acc[i] = vdotq_s32(acc[i], a, w);
    EACH(i) start = (int8_t)vgetq_lane_s32(acc[i], 0);
    return 2.0 * CHAINS * 16 * (double)n;
}

const ig_limit_loops ig_limit_loops_dotprod = {.mac_i8 = mac, .mac_i4 = mac};
