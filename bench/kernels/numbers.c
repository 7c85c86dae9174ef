/* numbers.c - see numbers.h. */
#include "bench/kernels/numbers.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double numbers_quantile(double *values, size_t n, double q)
{
    qsort(values, n, sizeof *values, by_size);
    const double at = q * (double)(n - 1);
    const size_t low = (size_t)at, high = low + 1 < n ? low + 1 : low;
    return values[low] + (at - (double)low) * (values[high] - values[low]);
}
