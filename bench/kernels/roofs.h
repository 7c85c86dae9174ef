/* roofs.h - the machine's limits, measured again and again while the benches run.
 *
 * A limit is a kind (arithmetic, or reading or copying from one level of memory) and a number of
 * threads. Samples are taken beside every round, because the clock of a shared machine wanders. The
 * figure of a limit is the 90th percentile of its samples: what the machine does when nobody
 * disturbs it. */
#ifndef IG_BENCH_ROOFS_H
#define IG_BENCH_ROOFS_H

#include "kernels/limits/limits.h"

typedef enum {
    ROOF_FMA_F32,
    ROOF_FMA_F64,
    ROOF_MAC_I8,
    ROOF_MAC_I4,
    ROOF_DOT_BF16,
    ROOF_L1_READ,
    ROOF_L2_READ,
    ROOF_L3_READ,
    ROOF_DRAM_READ,
    ROOF_L1_COPY, /* bytes read plus bytes written */
    ROOF_L2_COPY,
    ROOF_L3_COPY,
    ROOF_DRAM_COPY,
    ROOF_KINDS,
} roof_kind;

enum {
    ROOF_POOLS = 2, /* numbers of threads that one run may measure */
    ROOF_SAMPLES = 2048,
};

typedef struct {
    roof_kind kind;
    ig_pool *pool;                /* NULL: one thread */
    size_t items;                 /* of work in one sample; 0: not measured yet */
    size_t way;                   /* to read or copy: the fastest when first measured */
    double samples[ROOF_SAMPLES]; /* a second; the last ones */
    size_t n;                     /* that were taken */
} roof;

typedef struct {
    ig_heap *heap;
    ig_limit_loops loops;
    unsigned char *memory; /* larger than all caches */
    size_t memory_bytes, cursor;
    size_t cache[3]; /* bytes of L1d and L2 (a core's), L3 (all cores') */
    roof all[ROOF_POOLS][ROOF_KINDS];
} roofs;

/* roofs_open - errors: E_NOMEM. */
ingot_status roofs_open(roofs *r, ig_heap *heap, ingot_error *err);
void roofs_close(roofs *r);

/* roofs_find - the limit, first measured now if it has not been (some milliseconds). slot: which of
 * the run's pools this one is. NULL: this CPU has no such instruction. */
roof *roofs_find(roofs *r, roof_kind kind, size_t slot, ig_pool *pool);

/* roofs_sample - what the machine reaches at this moment, a second; about a millisecond. Kept. */
double roofs_sample(roofs *r, roof *f);

double roof_limit(const roof *f);      /* of the samples, a second */
const char *roof_name(roof_kind kind); /* "fma_f32": without the threads */
const char *roof_unit(roof_kind kind); /* "GFLOP/s" */
bool roof_is_memory(roof_kind kind);
roof_kind roof_memory(const roofs *r, double set, size_t threads, bool copies);

/* roofs_evict - leave nothing of the operands in the caches. */
void roofs_evict(roofs *r);

/* Seconds of one thread: time on the CPU, so that waiting for a shared core is not counted; of
 * several: time on the wall. */
double bench_seconds(const ig_pool *pool);

#endif
