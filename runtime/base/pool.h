/* pool.h - the thread pool of a runtime.
 *
 * Fork-join: the calling thread works too. Two callers at once share the workers; a call made from
 * inside a task runs inline. With one thread no thread is ever created. Nothing here allocates
 * after ig_pool_open. Design: cpu-kernels design, section 6 (generation counter, spin then futex,
 * ranges packed in one 64-bit atomic, steal half). */
#ifndef IG_POOL_H
#define IG_POOL_H

#include "runtime/base/alloc.h"

typedef struct ig_pool ig_pool;

/* A task does items [begin, end) of its loop. `worker` < ig_pool_threads(pool): index of a private
 * scratch slice. */
typedef void ig_task_fn(void *arg, size_t begin, size_t end, size_t worker);

typedef struct {
    size_t n_threads; /* 0: what this process may use (affinity, cgroup quota, INGOT_THREADS) */
    bool pin;         /* bind workers to cores */
    /* host-supplied executor: runs fn(arg, i) for each i < n, in any order, on the host's threads,
     * and returns when all are done; NULL: own threads. n never exceeds n_threads. */
    void (*host_parallel)(void *ud, size_t n, void (*fn)(void *arg, size_t i), void *arg);
    void *host_ud;
} ig_pool_options;

ingot_status ig_pool_open(ig_pool **out, ig_heap *heap, const ig_pool_options *options,
                          ingot_error *err);
void ig_pool_close(ig_pool **pool);
size_t ig_pool_threads(const ig_pool *pool); /* pool == NULL: 1 */

/* ig_parallel - call fn on disjoint ranges that cover [0, n), each at least `grain` items (the last
 * may be shorter). Runs on the calling thread alone when n <= grain or pool is NULL or has one
 * thread. limit: at most so many threads (0: all). */
void ig_parallel(ig_pool *pool, size_t n, size_t grain, size_t limit, ig_task_fn *fn, void *arg);

#endif
