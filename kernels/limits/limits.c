/* limits.c - see limits.h. */
#include "kernels/limits/limits.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { ROUNDS = 5, TURNS = 40000 };

/* Ways of the higher level come first; what does not fit is left out. */
static void add_ways(ig_limit_loops *out, const ig_limit_loops *more)
{
    for (size_t i = 0; i + 1 < IG_LIMIT_WAYS && more->read[i]; i++) {
        size_t n = 0;
        while (out->read[n]) n++;
        if (n + 1 < IG_LIMIT_WAYS) out->read[n] = more->read[i];
    }
    for (size_t i = 0; i + 1 < IG_LIMIT_WAYS && more->copy[i]; i++) {
        size_t n = 0;
        while (out->copy[n]) n++;
        if (n + 1 < IG_LIMIT_WAYS) out->copy[n] = more->copy[i];
    }
}

static void add_level(ig_limit_loops *out, const ig_limit_loops *less)
{
    if (!out->fma_f32) out->fma_f32 = less->fma_f32;
    if (!out->fma_f64) out->fma_f64 = less->fma_f64;
    if (!out->mac_i8) out->mac_i8 = less->mac_i8;
    if (!out->mac_i4) out->mac_i4 = less->mac_i4;
    if (!out->dot_bf16) out->dot_bf16 = less->dot_bf16;
    add_ways(out, less);
}

void ig_limit_loops_get(ig_limit_loops *out)
{
    *out = (ig_limit_loops){0};
#if IG_X86
    const uint32_t have = ig_cpu_flags();
    if (have & IG_CPU_AVX512BF16) add_level(out, &ig_limit_loops_avx512bf16);
    if (have & IG_CPU_AVX512VNNI) add_level(out, &ig_limit_loops_avx512vnni);
    if (have & IG_CPU_AVXVNNI) add_level(out, &ig_limit_loops_avxvnni);
    if (have & IG_CPU_AVX512) add_level(out, &ig_limit_loops_avx512);
    if (have & IG_CPU_AVX2) add_level(out, &ig_limit_loops_avx2);
#elif IG_ARM
    const uint32_t have = ig_cpu_flags();
    if (have & IG_CPU_I8MM) add_level(out, &ig_limit_loops_i8mm);
    if (have & IG_CPU_DOTPROD) add_level(out, &ig_limit_loops_dotprod);
    if (have & IG_CPU_NEON) add_level(out, &ig_limit_loops_neon);
#endif
    add_level(out, &ig_limit_loops_ref);
}

double ig_limit_rate(ig_limit_ops_fn *fn, size_t n)
{
    const double t0 = ig_limit_seconds();
    const double done = fn(n);
    return done / (ig_limit_seconds() - t0);
}

double ig_limit_fma(void)
{
    ig_limit_loops loops;
    ig_limit_loops_get(&loops);
    double best = 0;
    for (int r = 0; r < ROUNDS; r++) best = IG_MAX(best, ig_limit_rate(loops.fma_f32, TURNS));
    return best;
}

double ig_limit_read(const void *p, size_t bytes)
{
    ig_limit_loops loops;
    ig_limit_loops_get(&loops);
    volatile uint64_t sink = loops.read[0](p, bytes); /* the first pass brings the pages in */
    double best = 0;
    for (int r = 0; r < ROUNDS; r++)
        for (size_t i = 0; loops.read[i]; i++) {
            const double t0 = ig_limit_seconds();
            sink = sink + loops.read[i](p, bytes);
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
