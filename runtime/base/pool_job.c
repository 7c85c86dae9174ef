/* pool_job.c - see pool_job.h: dealing out, taking, stealing, leaving. */
#include "runtime/base/pool_job.h"
#include "runtime/base/checked.h"
#include "runtime/base/clock.h"

#include <sched.h>

enum { SHARE = 4 }; /* an owner takes 1/SHARE of what its span has left: few swaps, fine ends */

#define CHUNKS_MAX      UINT64_C(0x7fffffff)
#define PATIENCE_NS     UINT64_C(50000000) /* a patient job's worker that late is given up */
#define span_word(b, e) ((uint64_t)(e) << 32 | (uint64_t)(b))

static uint64_t span_first(uint64_t span) { return span & 0xffffffff; }
static uint64_t span_left(uint64_t span) { return (span >> 32) - span_first(span); }

size_t ig_job_open(ig_job *job, size_t n, size_t grain, size_t most, bool patient, ig_task_fn *fn,
                   void *arg)
{
    size_t chunks = (n - 1) / grain + 1;
    if (chunks > CHUNKS_MAX) {
        grain *= chunks / CHUNKS_MAX + 1;
        chunks = (n - 1) / grain + 1;
    }
    const size_t parts = IG_MIN(most, chunks);
    job->fn = fn;
    job->arg = arg;
    job->n = n;
    job->grain = grain;
    uint64_t begin = 0;
    for (size_t p = 0; p < parts; p++) {
        const uint64_t end = begin + chunks / parts + (p < chunks % parts);
        atomic_store_explicit(&job->spans[p].group, 0, memory_order_relaxed);
        atomic_store_explicit(&job->spans[p].chunks, span_word(begin, end), memory_order_relaxed);
        begin = end;
    }
    const uint64_t seq = (atomic_load_explicit(&job->state, memory_order_relaxed) & ~(JOB_SEQ - 1));
    atomic_store_explicit(&job->state,
                          (seq + JOB_SEQ) | (patient ? JOB_PATIENT : 0) | JOB_OPEN |
                              (uint64_t)parts << 16,
                          memory_order_release);
    return parts;
}

bool ig_job_join(ig_job *job, size_t part)
{
    uint64_t state = atomic_load_explicit(&job->state, memory_order_acquire);
    while (state & JOB_OPEN && part < job_parts(state)) {
        if (state & JOB_PATIENT) {
            const uint64_t own =
                atomic_load_explicit(&job->spans[part].chunks, memory_order_relaxed);
            if (!span_left(own)) return false;
        }
        if (atomic_compare_exchange_weak_explicit(&job->state, &state, state + 1,
                                                  memory_order_acq_rel, memory_order_acquire))
            return true;
    }
    return false;
}

void ig_job_leave(ig_job *job)
{
    const uint64_t old = atomic_fetch_sub_explicit(&job->state, 1, memory_order_acq_rel);
    if ((old & JOB_ACTIVE) == 1 && old & JOB_WAIT) {
        atomic_fetch_add(&job->done, 1);
        ig_wake(&job->done, UINT32_MAX);
    }
}

static void run_chunks(const ig_job *job, uint64_t first, uint64_t n, size_t worker)
{
    const size_t begin = (size_t)first * job->grain, most = (size_t)n * job->grain;
    job->fn(job->arg, begin, most < job->n - begin ? begin + most : job->n, worker);
}

/* Take from the front of one's own span; false when it is empty. */
static bool run_own(ig_job *job, size_t part, size_t worker)
{
    _Atomic uint64_t *span = &job->spans[part].chunks;
    uint64_t have = atomic_load_explicit(span, memory_order_relaxed), take;
    do {
        const uint64_t left = span_left(have);
        if (!left) return false;
        take = (left + SHARE - 1) / SHARE;
    } while (!atomic_compare_exchange_weak_explicit(span, &have, have + take, memory_order_acq_rel,
                                                    memory_order_relaxed));
    run_chunks(job, span_first(have), take, worker);
    return true;
}

/* The fullest other span, of the same cache if one there has anything; `parts` when all are empty.
 */
static size_t find_victim(const ig_job *job, size_t parts, size_t part, unsigned group)
{
    size_t best = parts;
    uint64_t most = 0;
    bool near = false;
    for (size_t p = 0; p < parts; p++) {
        if (p == part) continue;
        const ig_span *s = &job->spans[p];
        const uint64_t left = span_left(atomic_load_explicit(&s->chunks, memory_order_relaxed));
        const bool is_near = atomic_load_explicit(&s->group, memory_order_relaxed) == group;
        if (!left || (near && !is_near) || (near == is_near && left <= most)) continue;
        best = p;
        most = left;
        near = is_near;
    }
    return best;
}

/* Move the back half of another's span into one's own, which is empty. False: nothing anywhere. */
static bool steal(ig_job *job, size_t parts, size_t part, unsigned group)
{
    for (;;) {
        const size_t victim = find_victim(job, parts, part, group);
        if (victim == parts) return false;
        _Atomic uint64_t *span = &job->spans[victim].chunks;
        uint64_t have = atomic_load_explicit(span, memory_order_relaxed);
        const uint64_t left = span_left(have);
        if (!left) continue;
        const uint64_t end = have >> 32, middle = span_first(have) + left / 2;
        if (!atomic_compare_exchange_strong_explicit(span, &have,
                                                     span_word(span_first(have), middle),
                                                     memory_order_acq_rel, memory_order_relaxed))
            continue;
        atomic_store_explicit(&job->spans[part].chunks, span_word(middle, end),
                              memory_order_release);
        return true;
    }
}

void ig_job_work(ig_job *job, size_t part, size_t worker, unsigned group)
{
    const uint64_t state = atomic_load_explicit(&job->state, memory_order_relaxed);
    const size_t parts = job_parts(state);
    atomic_store_explicit(&job->spans[part].group, group, memory_order_relaxed);
    do {
        while (run_own(job, part, worker)) continue;
    } while (!(state & JOB_PATIENT) && steal(job, parts, part, group));
    if (!(state & JOB_PATIENT)) /* all is taken: nobody else needs to come in */
        atomic_fetch_and_explicit(&job->state, ~JOB_OPEN, memory_order_relaxed);
}

/* Wait for the owners; do what they leave undone for too long (a worker busy elsewhere). */
static void finish_patient(ig_job *job)
{
    const size_t parts = job_parts(atomic_load_explicit(&job->state, memory_order_relaxed));
    const uint64_t till = ig_now_ns() + PATIENCE_NS;
    while (find_victim(job, parts, 0, 0) < parts && ig_now_ns() < till) sched_yield();
    while (steal(job, parts, 0, 0))
        while (run_own(job, 0, 0)) continue;
}

void ig_job_finish(ig_job *job, ig_patience *patience)
{
    const uint64_t state = atomic_load_explicit(&job->state, memory_order_relaxed);
    if (state & JOB_PATIENT) finish_patient(job);
    atomic_fetch_and_explicit(&job->state, ~JOB_OPEN, memory_order_acq_rel);
    if (ig_spin_idle(&job->state, patience)) return;
    atomic_fetch_or_explicit(&job->state, JOB_WAIT, memory_order_acq_rel);
    for (;;) {
        const uint32_t seen = atomic_load(&job->done);
        if (!(atomic_load_explicit(&job->state, memory_order_acquire) & JOB_ACTIVE)) return;
        ig_sleep(&job->done, seen, UINT32_MAX);
    }
}
