/* limits.h - what this machine can do at most, measured: the yardstick of traces and benchmarks. */
#ifndef IG_LIMITS_H
#define IG_LIMITS_H

#include "kernels/cpu.h"
#include "runtime/base/pool.h"

/* FLOP/s of n turns of a register-only FMA loop with this vector width, on the calling thread. */
typedef double ig_limit_fma_fn(size_t n);
ig_limit_fma_fn ig_limit_fma_ref, ig_limit_fma_avx2, ig_limit_fma_avx512;

/* ig_limit_seconds - this thread's time on the CPU: waiting for a shared core is not counted. */
double ig_limit_seconds(void);

/* ig_limit_fma - FLOP/s of one core with the widest vectors that kernels may use: the best of a few
 * short rounds (about 5 ms). */
double ig_limit_fma(void);

/* ig_limit_read - bytes/s at which one core reads memory: the best of a few passes over `bytes` at
 * p, which should be larger than the caches to say something of DRAM. */
double ig_limit_read(const void *p, size_t bytes);

/* What all threads of a pool reach together, each measured at the same time as the others. */
typedef struct {
    double flops; /* a second */
    double bytes; /* read from memory, a second */
} ig_limits;

/* ig_limits_measure - pool may be NULL: one thread. About 0.1 s a thread. E_NOMEM. */
ingot_status ig_limits_measure(ig_limits *out, ig_pool *pool, ig_heap *heap, ingot_error *err);

#endif
