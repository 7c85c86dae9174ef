/* numbers.h - order statistics of measurements. */
#ifndef IG_BENCH_NUMBERS_H
#define IG_BENCH_NUMBERS_H

#include <stddef.h>

/* numbers_quantile - the q-th quantile (0..1) of n > 0 values, between neighbours by straight line;
 * sorts them. */
double numbers_quantile(double *values, size_t n, double q);

#endif
