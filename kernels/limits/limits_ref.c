/* limits_ref.c - the clock, and the limits of plain C: what the compiler makes of it for the
 * baseline processor. */
#include "kernels/limits/limits.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum { CHAINS = 8, LANES = 16 };

double ig_limit_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double fma_f32(size_t n)
{
    volatile float start = 1, factor = 0.5f;
    float acc[CHAINS];
    const float f = factor;
    for (size_t i = 0; i < CHAINS; i++) acc[i] = start;
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < CHAINS; i++) acc[i] = acc[i] * f + f;
    for (size_t i = 0; i < CHAINS; i++) start = acc[i];
    return 2.0 * CHAINS * (double)n;
}

static double fma_f64(size_t n)
{
    volatile double start = 1, factor = 0.5;
    double acc[CHAINS];
    const double f = factor;
    for (size_t i = 0; i < CHAINS; i++) acc[i] = start;
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < CHAINS; i++) acc[i] = acc[i] * f + f;
    for (size_t i = 0; i < CHAINS; i++) start = acc[i];
    return 2.0 * CHAINS * (double)n;
}

/* A product that depends on the turn, so that it is not taken out of the loop. */
static double mac_int(size_t n)
{
    volatile uint32_t start = 3;
    uint32_t acc[CHAINS];
    const uint32_t w = start;
    for (size_t i = 0; i < CHAINS; i++) acc[i] = start + (uint32_t)i;
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < CHAINS; i++) acc[i] = acc[i] * w + (uint32_t)t;
    for (size_t i = 0; i < CHAINS; i++) start = acc[i];
    return 2.0 * CHAINS * (double)n;
}

/* Independent sums, so that the loads and not a chain of additions set the pace; the compiler makes
 * vectors of them. */
static uint64_t read_plain(const void *from, size_t bytes)
{
    const uint64_t *p = from;
    uint64_t sum[LANES] = {0}, all = 0;
    for (size_t i = 0; i + LANES <= bytes / 8; i += LANES)
        for (size_t k = 0; k < LANES; k++) sum[k] += p[i + k];
    for (size_t k = 0; k < LANES; k++) all += sum[k];
    return all;
}

static void copy_libc(void *to, const void *from, size_t bytes) { memcpy(to, from, bytes); }

const ig_limit_loops ig_limit_loops_ref = {
    .fma_f32 = fma_f32,
    .fma_f64 = fma_f64,
    .mac_i8 = mac_int,
    .mac_i4 = mac_int,
    .read = {read_plain},
    .copy = {copy_libc},
};
