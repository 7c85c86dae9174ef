/* limits.c - see limits.h. */
#include "kernels/limits/limits.h"
#include "runtime/base/checked.h"

#include <string.h>

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

/* ---- all threads together
 * ------------------------------------------------------------------------ */

enum { SLICE = 64 << 20, THREADS_MOST = 16 }; /* a slice is larger than most caches */

typedef struct {
    unsigned char *memory; /* a slice for each thread */
    ig_limits each[THREADS_MOST];
} measured;

static void measure(void *arg, size_t begin, size_t end, size_t worker)
{
    measured *m = arg;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        unsigned char *slice = m->memory + i * SLICE;
        memset(slice, 1, SLICE);
        m->each[i].flops = ig_limit_fma();
        m->each[i].bytes = ig_limit_read(slice, SLICE);
    }
}

/* Past 16 threads the sum is scaled: memory for more slices is not worth a yardstick. */
ingot_status ig_limits_measure(ig_limits *out, ig_pool *pool, ig_heap *heap, ingot_error *err)
{
    const size_t threads = ig_pool_threads(pool), n = IG_MIN(threads, (size_t)THREADS_MOST);
    measured m = {.memory = ig_take(heap, n * SLICE)};
    *out = (ig_limits){0};
    if (!m.memory) return ig_fail(err, INGOT_E_NOMEM, "limits: no memory to measure with");
    ig_parallel(pool, n, 1, n, measure, &m);
    ig_give(heap, m.memory, n * SLICE);
    for (size_t i = 0; i < n; i++) {
        out->flops += m.each[i].flops * (double)threads / (double)n;
        out->bytes += m.each[i].bytes;
    }
    return INGOT_OK;
}
