/* limits_ref.c - the clock, and the FMA peak of scalar code. */
#include "kernels/limits/limits.h"

#include <math.h>
#include <time.h>

enum { CHAINS = 8 };

double ig_limit_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double ig_limit_fma_ref(size_t n)
{
    volatile float start = 1, factor = 0.5f;
    float acc[CHAINS];
    const float f = factor;
    for (size_t i = 0; i < CHAINS; i++) acc[i] = start;
    const double t0 = ig_limit_seconds();
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < CHAINS; i++) acc[i] = acc[i] * f + f;
    const double spent = ig_limit_seconds() - t0;
    for (size_t i = 0; i < CHAINS; i++) start = acc[i];
    return 2.0 * CHAINS * (double)n / spent;
}
