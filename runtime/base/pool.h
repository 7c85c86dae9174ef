/* pool.h - the thread pool of a runtime.
 *
 * Fork-join: the calling thread works too. Callers at once share the workers: a free worker joins
 * any call that still has items. A call made from inside a task runs inline. With one thread no
 * thread is ever created. Nothing here allocates after ig_pool_open. In the child of a fork(),
 * where the workers do not exist, every call runs inline. */
#ifndef IG_POOL_H
#define IG_POOL_H

#include "runtime/base/alloc.h"

typedef struct ig_pool ig_pool;

enum { IG_MAX_THREADS = 1024 };

/* A task does items [begin, end) of its loop. `worker` < ig_pool_threads(pool), and no two threads
 * that work on one call have the same: it is the index of a scratch slice that belongs to the call.
 * Nested calls hand on the worker of the task that made them. */
typedef void ig_task_fn(void *arg, size_t begin, size_t end, size_t worker);

typedef struct {
    size_t n_threads; /* 0: what this process may use (affinity, cgroup quota, INGOT_THREADS) */
    bool pin;         /* bind workers to cores */
    /* host-supplied executor: runs fn(arg, i) for each i < n, in any order, on the host's threads,
     * and returns when all are done; NULL: own threads. n never exceeds n_threads. */
    void (*host_parallel)(void *ud, size_t n, void (*fn)(void *arg, size_t i), void *arg);
    void *host_ud;
} ig_pool_options;

/* ig_pool_open - options may be NULL: all zero. Errors: E_ARG (more than IG_MAX_THREADS threads, an
 * INGOT_THREADS that is no count), E_NOMEM (memory, or the system's limit of threads). */
ingot_status ig_pool_open(ig_pool **out, ig_heap *heap, const ig_pool_options *options,
                          ingot_error *err);

/* ig_pool_close - ends the workers; no call may be under way. Sets *pool to NULL. */
void ig_pool_close(ig_pool **pool);

size_t ig_pool_threads(const ig_pool *pool); /* pool == NULL: 1 */

/* ig_parallel - call fn on disjoint ranges that cover [0, n), each at least `grain` items (the last
 * may be shorter; 0 counts as 1) and starting at a multiple of it. Runs on the calling thread alone
 * when n < 2 grain (the second thread would have less than its worth) or pool is NULL or has one
 * thread. limit: at most so many threads (0: all).
 * Everything that the tasks wrote is visible to the caller afterwards. Threads: any. */
void ig_parallel(ig_pool *pool, size_t n, size_t grain, size_t limit, ig_task_fn *fn, void *arg);

/* ig_pool_zero - zero `bytes` at p so that worker w writes the w-th share: on a machine with
 * several NUMA nodes and pinned workers, fresh pages land beside the worker that ig_parallel later
 * starts on them. p == NULL is allowed when bytes is 0. */
void ig_pool_zero(ig_pool *pool, void *p, size_t bytes);

#endif
