/* bench_barrier.c - what a parallel region costs beside its work: fork and join of tasks that do
 * nothing, microseconds. */
#include "bench/kernels/bench.h"

static void nothing(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)arg;
    (void)begin;
    (void)end;
    (void)worker;
}

static void run(void *arg, ig_pool *pool)
{
    ig_parallel(pool, ig_pool_threads(pool), 1, 0, nothing, arg);
}

void bench_barrier(bench *b)
{
    const bench_case c = {.name = "pool_barrier", .unit = BENCH_TIME, .all_threads = true};
    if (!bench_next(b, &c, "tasks=threads")) return;
    bench_add(b, "ingot", run, NULL);
    bench_run(b);
}
