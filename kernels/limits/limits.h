/* limits.h - what this machine can do at most, measured: the yardstick of traces and benchmarks.
 *
 * Each ISA has a file of loops: arithmetic in registers alone, and reading and copying of memory
 * with nothing else in between. A loop only works; whoever calls it holds the clock. */
#ifndef IG_LIMITS_H
#define IG_LIMITS_H

#include "kernels/cpu.h"
#include "runtime/base/pool.h"

/* n turns of independent chains in registers. Returns the operations done: a multiply-add is 2. */
typedef double ig_limit_ops_fn(size_t n);
/* Reads every byte of p (64-byte aligned, bytes a multiple of 4096). The result means nothing. */
typedef uint64_t ig_limit_read_fn(const void *p, size_t bytes);
/* Copies; both aligned and sized as above. */
typedef void ig_limit_copy_fn(void *to, const void *from, size_t bytes);

/* Ways to read and to copy: which is fastest depends on the cache and on the machine, so the limit
 * is the best of all. */
enum { IG_LIMIT_WAYS = 16 };

typedef struct {
    ig_limit_ops_fn *fma_f32, *fma_f64;
    ig_limit_ops_fn *mac_i8;   /* exact sums of 8-bit products, in 32 bits */
    ig_limit_ops_fn *mac_i4;   /* exact sums of 4-bit times 8-bit products */
    ig_limit_ops_fn *dot_bf16; /* bf16 products summed in fp32; NULL: no such instruction */
    ig_limit_read_fn *read[IG_LIMIT_WAYS]; /* a NULL ends them */
    ig_limit_copy_fn *copy[IG_LIMIT_WAYS];
} ig_limit_loops;

/* What each ISA's file brings; NULL: nothing better than the levels below. */
extern const ig_limit_loops ig_limit_loops_ref;
#if IG_X86
extern const ig_limit_loops ig_limit_loops_avx2, ig_limit_loops_avxvnni, ig_limit_loops_avx512,
    ig_limit_loops_avx512vnni, ig_limit_loops_avx512bf16;
#elif IG_ARM
extern const ig_limit_loops ig_limit_loops_neon, ig_limit_loops_dotprod, ig_limit_loops_i8mm;
#endif

/* ig_limit_loops_get - for each kind the loop of the highest level in use; all ways to read and to
 * copy of all levels in use. */
void ig_limit_loops_get(ig_limit_loops *out);

/* ig_limit_seconds - this thread's time on the CPU: waiting for a shared core is not counted. */
double ig_limit_seconds(void);

/* ig_limit_rate - operations/s of n turns on the calling thread. */
double ig_limit_rate(ig_limit_ops_fn *fn, size_t n);

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

/* ig_limits_measure - pool may be NULL: one thread. About half a second. E_NOMEM. */
ingot_status ig_limits_measure(ig_limits *out, ig_pool *pool, ig_heap *heap, ingot_error *err);

#endif
