/* limits.c - see limits.h. */
#include "kernels/limits/limits.h"
#include "runtime/base/checked.h"

enum { ROUNDS = 5, TURNS = 40000, LANES = 16 };

double ig_limit_fma(void)
{
    ig_limit_fma_fn *fn = ig_limit_fma_ref;
#if IG_X86
    if (ig_cpu_flags() & IG_CPU_AVX2) fn = ig_limit_fma_avx2;
    if (ig_cpu_flags() & IG_CPU_AVX512) fn = ig_limit_fma_avx512;
#endif
    double best = 0;
    for (int r = 0; r < ROUNDS; r++) best = IG_MAX(best, fn(TURNS));
    return best;
}

/* Independent sums, so that the loads and not a chain of additions set the pace; the compiler makes
 * vectors of them. */
static uint64_t add_all(const uint64_t *p, size_t n)
{
    uint64_t sum[LANES] = {0}, all = 0;
    for (size_t i = 0; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++) sum[k] += p[i + k];
    for (size_t k = 0; k < LANES; k++) all += sum[k];
    return all;
}

double ig_limit_read(const void *p, size_t bytes)
{
    volatile uint64_t sink = add_all(p, bytes / 8); /* the first pass brings the pages in */
    double best = 0;
    for (int r = 0; r < ROUNDS; r++) {
        const double t0 = ig_limit_seconds();
        sink = sink + add_all(p, bytes / 8);
        const double spent = ig_limit_seconds() - t0;
        if (spent > 0) best = IG_MAX(best, (double)bytes / spent);
    }
    return best;
}
