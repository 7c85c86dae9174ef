/* bench.h - what the author of a kernel sees of `ingot bench kernels`.
 *
 * The cases of kernels/<op>/ are one file, bench_<op>.c, with one function void bench_<op>(bench
 * *b); CMake finds the file, no list is edited. Each case says what it is, makes its operands, adds
 * Ingot's function and any peers', and is then timed with 1 thread and with all:
 *
 *     static void part(void *arg, size_t begin, size_t end, size_t worker) { .. }
 *
 *     void bench_softmax(bench *b)
 *     {
 *         const bench_case c = {.name = "softmax_f32", .family = "softmax_f32",
 *                               .unit = BENCH_BYTES, .bytes = 8.0 * n, .copies = true};
 *         if (!bench_next(b, &c, "rows=%zu,cols=%zu", rows, cols)) return;
 *         job j = {bench_take(b, 4 * n), bench_f32(b, n, -1, 1)};
 *         bench_add_parts(b, "ingot", part, &j, rows, 8);     split as the op splits it
 *         bench_run(b);
 *     }
 *
 * Operands live until the next case. Names of benches end in the dtype; shapes are "NAME=n,..",
 * M=,N=,K= for products. */
#ifndef IG_BENCH_H
#define IG_BENCH_H

#include "runtime/base/checked.h"
#include "runtime/base/pool.h"

typedef struct bench bench;

/* What a kernel computes with: the limit of its arithmetic. */
typedef enum {
    BENCH_NOTHING, /* moves bytes only */
    BENCH_FMA_F32,
    BENCH_FMA_F64,
    BENCH_MAC_I8,   /* exact 8-bit products; GOP/s, 2 a multiply-add */
    BENCH_MAC_I4,   /* 4-bit weights times 8-bit activations; likewise */
    BENCH_DOT_BF16, /* bf16 products by the CPU's own instruction; FMA_F32 where it has none */
} bench_compute;

/* What the figure is. */
typedef enum {
    BENCH_NEAREST, /* work/s of the limit that binds: operations, or bytes (bytes / flop and the
                      measured limits decide) */
    BENCH_BYTES,   /* GB/s of `bytes`, against reading or copying */
    BENCH_OPS,     /* GFLOP/s or GOP/s of `flop`, against `compute` */
    BENCH_TIME,    /* us a call, without a limit: less is better */
} bench_unit;

typedef struct {
    const char *name;      /* of the bench: gemm_f32 */
    const char *family;    /* of a .kern: its chosen variant gives "isa"; NULL: none */
    bench_compute compute; /* the kind of `flop` */
    bench_unit unit;
    double flop;  /* operations a call; a multiply-add is 2 */
    double bytes; /* that a call must at least move, each operand counted once */
    double set;   /* bytes that calls use again and again: they tell which cache's limit counts;
                     0: `bytes` */
    bool copies;  /* about half of the bytes are written: the limit is of copying, not reading */
    bool all_threads; /* means nothing with 1 thread */
    double items;     /* that a call gives, where the figure is of them: tokens; else 0 */
    const char *item; /* then its unit: "tok/s" */
    bool slow;        /* calls of seconds: few rounds */
} bench_case;

/* bench_next - end the last case and open one; false: left out by --filter or --shape. */
bool bench_next(bench *b, const bench_case *c, const char *shape, ...)
    __attribute__((format(printf, 3, 4)));

/* One call of what is timed. pool NULL: one thread; ig_pool_threads(pool) tells how many. */
typedef void bench_fn(void *job, ig_pool *pool);

/* bench_add - what is timed: first "ingot", then peers, each under its name. */
void bench_add(bench *b, const char *who, bench_fn *fn, void *job);

/* bench_add_parts - the same, where a call is ig_parallel(pool, n, grain, 0, part, job). */
void bench_add_parts(bench *b, const char *who, ig_task_fn *part, void *job, size_t n,
                     size_t grain);

/* bench_run - time all that was added, in turns, for each number of threads. */
void bench_run(bench *b);

/* Memory that lives until the next case, 64-byte aligned, in huge pages where large; random values
 * that depend on nothing but the case. Without memory the program ends (exit code 5). */
void *bench_take(bench *b, size_t bytes);  /* zeros */
void *bench_bytes(bench *b, size_t bytes); /* random */
void *bench_bf16(bench *b, size_t n);
float *bench_f32(bench *b, size_t n, float low, float high);
double *bench_f64(bench *b, size_t n, double low, double high);
int32_t *bench_i32(bench *b, size_t n, int32_t low, int32_t high);

/* bench_defer - call fn(arg) when the case ends: for what a peer's library holds. */
void bench_defer(bench *b, void (*fn)(void *arg), void *arg);

/* Bytes that no cache holds: at least 4 times the L3 (what "from DRAM" means here). */
size_t bench_uncached(const bench *b);
/* The most threads that a case is timed with: how many slices of scratch a job needs. */
size_t bench_threads(const bench *b);
size_t bench_threads_least(const bench *b);
/* --quick was given: leave out the shapes that only add detail. */
bool bench_quick(const bench *b);
/* Sizes of --shape M,N,K; false: not given so. Products time these in place of their own list. */
bool bench_product(const bench *b, size_t mnk[3]);

#endif
