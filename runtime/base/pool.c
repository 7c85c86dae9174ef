/* pool.c - see pool.h: the workers, and how calls reach them.
 *
 * A call takes one of a few job slots, opens it, raises `generation` and wakes those workers whose
 * seat it has; then the caller works as seat 0. Workers look through the slots whenever generation
 * changes. In slot s worker w has seat 1 + (w - 1 + s) mod (workers): fixed for a lone caller, so
 * that the same worker gets the same share each time, and spread when several share the pool. */
#include "runtime/base/pool.h"
#include "runtime/base/checked.h"
#include "runtime/base/pool_job.h"
#include "runtime/base/topology.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { SLOTS = 4, SPIN_NS = 250000 };

typedef struct {
    ig_pool *pool;
    size_t index; /* 1 .. n_threads - 1 */
    unsigned group;
    pthread_t thread;
} worker;

struct ig_pool {
    _Alignas(IG_ALIGN) _Atomic uint32_t generation; /* futex: raised by each call and by close */
    atomic_size_t n_sleepers;
    atomic_bool stop;
    ig_patience patience;
    ig_job slots[SLOTS];
    /* constant after opening */
    _Alignas(IG_ALIGN) ig_heap *heap;
    size_t bytes, n_threads, n_started; /* n_started: workers that exist */
    unsigned fork_epoch;
    ig_pool_options options;
    worker *workers;
};

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static atomic_uint fork_epoch; /* raised in every forked child, whose threads are gone */

/* The task this thread is in, if any. */
typedef struct {
    const ig_pool *pool;
    size_t worker;
} task;
static _Thread_local task inside;

static void after_fork(void) { atomic_fetch_add(&fork_epoch, 1); }

static void watch_forks(void) { pthread_atfork(NULL, NULL, after_fork); }

static void work_in(ig_pool *pool, ig_job *job, size_t part, size_t index, unsigned group)
{
    const task before = inside; /* a host's thread may be in the middle of another pool's task */
    inside = (task){pool, index};
    ig_job_work(job, part, index, group);
    inside = before;
}

/* ---- workers ---- */

static size_t seat_of(const ig_pool *pool, size_t index, size_t slot)
{
    return 1 + (index - 1 + slot) % (pool->n_threads - 1);
}

/* Help in every slot that has room; false when none had. */
static bool help(worker *self)
{
    ig_pool *pool = self->pool;
    bool helped = false;
    for (size_t i = 0; i < SLOTS; i++) {
        const size_t slot = (self->index + i) % SLOTS, part = seat_of(pool, self->index, slot);
        ig_job *job = &pool->slots[slot];
        if (!ig_job_join(job, part)) continue;
        work_in(pool, job, part, part, self->group);
        ig_job_leave(job);
        helped = true;
    }
    return helped;
}

static uint32_t wake_bit(size_t index) { return UINT32_C(1) << (index - 1) % 32; }

static void await_change(worker *self, uint32_t seen)
{
    ig_pool *pool = self->pool;
    if (ig_spin_changed(&pool->generation, seen, &pool->patience)) return;
    atomic_fetch_add(&pool->n_sleepers, 1); /* before the kernel compares: see announce */
    ig_sleep(&pool->generation, seen, wake_bit(self->index));
    atomic_fetch_sub(&pool->n_sleepers, 1);
}

static void *worker_main(void *arg)
{
    worker *self = arg;
    ig_pool *pool = self->pool;
    for (;;) {
        const uint32_t seen = atomic_load(&pool->generation);
        if (atomic_load(&pool->stop)) return NULL;
        if (!help(self)) await_change(self, seen);
    }
}

/* Let the workers with seats 1 .. parts - 1 of this slot know. */
static void announce(ig_pool *pool, size_t slot, size_t parts)
{
    atomic_fetch_add(&pool->generation, 1);
    if (!atomic_load(&pool->n_sleepers)) return;
    const size_t workers = pool->n_threads - 1;
    uint32_t mask = 0;
    for (size_t seat = 0; seat < parts - 1 && mask != UINT32_MAX; seat++)
        mask |= wake_bit(1 + (seat + workers - slot % workers) % workers);
    ig_wake(&pool->generation, mask);
}

/* ---- calls ---- */

typedef struct {
    ig_pool *pool;
    ig_job *job;
} host_call;

static void host_part(void *arg, size_t part)
{
    const host_call *call = arg;
    work_in(call->pool, call->job, part, part, 0);
}

static unsigned caller_group(const ig_pool *pool)
{
    if (!pool->options.pin) return 0;
    const ig_topology *t = ig_topology_get();
    const int cpu = t->n_caches > 1 ? sched_getcpu() : -1;
    for (size_t i = 0; cpu >= 0 && i < t->n_cores; i++)
        if (t->cores[i].cpu == cpu) return t->cores[i].cache;
    return 0;
}

static ig_job *take_slot(ig_pool *pool, size_t *slot)
{
    for (size_t s = 0; s < SLOTS; s++) {
        ig_job *job = &pool->slots[s];
        if (atomic_load_explicit(&job->taken, memory_order_relaxed)) continue;
        if (atomic_exchange_explicit(&job->taken, true, memory_order_acquire)) continue;
        *slot = s;
        return job;
    }
    return NULL;
}

static bool runs_inline(const ig_pool *pool, size_t n, size_t grain)
{
    return !pool || pool->n_threads == 1 || n / 2 < grain || inside.pool ||
           pool->fork_epoch != atomic_load_explicit(&fork_epoch, memory_order_relaxed);
}

static void parallel(ig_pool *pool, size_t n, size_t grain, size_t limit, bool patient,
                     ig_task_fn *fn, void *arg)
{
    if (n == 0) return;
    size_t slot = 0;
    grain = IG_MAX(grain, (size_t)1);
    const size_t most = pool ? IG_MIN(limit ? limit : pool->n_threads, pool->n_threads) : 1;
    ig_job *job = most == 1 || runs_inline(pool, n, grain) ? NULL : take_slot(pool, &slot);
    if (!job) { /* one thread, a task's own call, or more callers than slots */
        fn(arg, 0, n, pool && inside.pool == pool ? inside.worker : 0);
        return;
    }
    const size_t parts = ig_job_open(job, n, grain, most, patient, fn, arg);
    if (pool->options.host_parallel) {
        host_call call = {pool, job};
        pool->options.host_parallel(pool->options.host_ud, parts, host_part, &call);
    } else {
        announce(pool, slot, parts);
        work_in(pool, job, 0, 0, caller_group(pool));
        ig_job_finish(job, &pool->patience);
    }
    atomic_store_explicit(&job->taken, false, memory_order_release);
}

void ig_parallel(ig_pool *pool, size_t n, size_t grain, size_t limit, ig_task_fn *fn, void *arg)
{
    parallel(pool, n, grain, limit, false, fn, arg);
}

static void zero_pages(void *arg, size_t begin, size_t end, size_t index)
{
    (void)index;
    memset((char *)arg + begin, 0, end - begin);
}

void ig_pool_zero(ig_pool *pool, void *p, size_t bytes)
{
    enum { GRAIN = 64 << 10 };
    const bool placed =
        pool && pool->options.pin && !pool->options.host_parallel && ig_topology_get()->n_nodes > 1;
    parallel(pool, bytes, GRAIN, 0, placed, zero_pages, p);
}

size_t ig_pool_threads(const ig_pool *pool) { return pool ? pool->n_threads : 1; }

/* ---- opening and closing ---- */

/* One block holds the pool, its workers and the spans of all slots. */
static ig_pool *take_pool(ig_heap *heap, size_t n)
{
    const size_t spans_at = sizeof(ig_pool), workers_at = spans_at + SLOTS * n * sizeof(ig_span);
    const size_t bytes = workers_at + n * sizeof(worker);
    char *block = ig_take0(heap, bytes);
    if (!block) return NULL;
    ig_pool *pool = (ig_pool *)block;
    for (size_t s = 0; s < SLOTS; s++) pool->slots[s].spans = (ig_span *)(block + spans_at) + s * n;
    pool->workers = (worker *)(block + workers_at);
    pool->heap = heap;
    pool->bytes = bytes;
    pool->n_threads = n;
    return pool;
}

/* Spinning is for threads that each have a CPU. */
static uint64_t choose_spin(size_t n)
{
    const double quota = ig_cgroup_quota("");
    cpu_set_t mask;
    const bool known = sched_getaffinity(0, sizeof mask, &mask) == 0;
    if (known && n > (size_t)CPU_COUNT(&mask)) return 0;
    return quota > 0 && quota < (double)n ? 0 : SPIN_NS;
}

/* Bind the thread to come to a core, in the order of the topology; seat 0 is the caller's. */
static void pin_worker(worker *w, pthread_attr_t *attr)
{
    const ig_topology *t = ig_topology_get();
    if (t->n_cores == 0) return;
    const ig_core *core = &t->cores[w->index % t->n_cores];
    if (core->cpu >= CPU_SETSIZE) return;
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(core->cpu, &mask);
    if (pthread_attr_setaffinity_np(attr, sizeof mask, &mask) == 0) w->group = core->cache;
}

static ingot_status start_worker(ig_pool *pool, size_t index, ingot_error *err)
{
    worker *w = &pool->workers[index];
    *w = (worker){.pool = pool, .index = index};
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    if (pool->options.pin) pin_worker(w, &attr);
    const int failed = pthread_create(&w->thread, &attr, worker_main, w);
    pthread_attr_destroy(&attr);
    if (failed)
        return ig_fail(err, INGOT_E_NOMEM, "thread pool: cannot start thread %zu of %zu: %s",
                       index + 1, pool->n_threads, strerror(failed));
    pool->n_started++;
    char name[16];
    snprintf(name, sizeof name, "ingot-%u", (unsigned)index % 100000);
    pthread_setname_np(w->thread, name);
    return INGOT_OK;
}

/* Workers take none of the host's signals; those that a fault raises in them stay open. */
static ingot_status start_workers(ig_pool *pool, ingot_error *err)
{
    static const int faults[] = {SIGBUS,  SIGSEGV, SIGFPE, SIGILL,
                                 SIGABRT, SIGTRAP, SIGSYS, SIGPROF};
    sigset_t block, before;
    sigfillset(&block);
    for (size_t i = 0; i < IG_LEN(faults); i++) sigdelset(&block, faults[i]);
    pthread_sigmask(SIG_SETMASK, &block, &before);
    ingot_status s = INGOT_OK;
    for (size_t i = 1; i < pool->n_threads && !s; i++) s = start_worker(pool, i, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return s;
}

ingot_status ig_pool_open(ig_pool **out, ig_heap *heap, const ig_pool_options *options,
                          ingot_error *err)
{
    *out = NULL;
    const ig_pool_options o = options ? *options : (ig_pool_options){0};
    size_t n = o.n_threads;
    if (n == 0) IG_TRY(ig_topology_threads(&n, NULL, err));
    if (n > IG_MAX_THREADS)
        return ig_fail(err, INGOT_E_ARG, "thread pool: %zu threads asked for, at most %d possible",
                       n, IG_MAX_THREADS);
    pthread_once(&fork_once, watch_forks);
    ig_pool *pool = take_pool(heap, n);
    if (!pool) return ig_fail(err, INGOT_E_NOMEM, "thread pool: no memory for %zu threads", n);
    pool->options = o;
    pool->fork_epoch = atomic_load(&fork_epoch);
    if (n > 1 && !o.host_parallel) {
        pool->patience.spin_ns = choose_spin(n);
        const ingot_status s = start_workers(pool, err);
        if (s) {
            ig_pool_close(&pool);
            return s;
        }
    }
    *out = pool;
    return INGOT_OK;
}

void ig_pool_close(ig_pool **p)
{
    ig_pool *pool = *p;
    *p = NULL;
    if (!pool) return;
    if (pool->fork_epoch == atomic_load(&fork_epoch)) { /* in a forked child nobody is there */
        atomic_store(&pool->stop, true);
        atomic_fetch_add(&pool->generation, 1);
        ig_wake(&pool->generation, UINT32_MAX);
        for (size_t i = 1; i <= pool->n_started; i++) pthread_join(pool->workers[i].thread, NULL);
    }
    ig_give(pool->heap, pool, pool->bytes);
}
