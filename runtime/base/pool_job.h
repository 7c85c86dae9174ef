/* pool_job.h - inside of the thread pool: one call under way, and waiting.
 *
 * A job cuts its loop into chunks of `grain` items and deals them out as one span of consecutive
 * chunks for each part (a part is a worker's seat in this job). A span is one 64-bit word, so its
 * owner takes from the front and thieves take the back half, each with one compare-and-swap:
 *
 *     63        32 31         0
 *     | end chunk | next chunk |
 *
 * The word fully describes what is left, so a swap that succeeds after the word went away and came
 * back is still right. Who may join is one word too:
 *
 *     63  35 34      33   32     31      16 15       0
 *     | seq | patient | wait | open | parts   | active  |
 *
 * A worker joins by adding one to active while open is set; `seq` makes the swap fail when the
 * slot meanwhile serves another call. The caller never waits for a worker that has not joined. */
#ifndef IG_POOL_JOB_H
#define IG_POOL_JOB_H

#include "runtime/base/pool.h"

#define JOB_ACTIVE  UINT64_C(0xffff)
#define JOB_OPEN    (UINT64_C(1) << 32)
#define JOB_WAIT    (UINT64_C(1) << 33) /* the caller sleeps until active is 0 */
#define JOB_PATIENT (UINT64_C(1) << 34) /* no stealing: every part does its own span */
#define JOB_SEQ     (UINT64_C(1) << 35)

static inline size_t job_parts(uint64_t state) { return (size_t)(state >> 16 & 0xffff); }

typedef struct {
    _Alignas(IG_ALIGN) _Atomic uint64_t chunks;
    atomic_uint group; /* L3 cache of the thread in this seat */
} ig_span;

typedef struct {
    _Alignas(IG_ALIGN) _Atomic uint64_t state;
    _Atomic uint32_t done; /* futex: bumped for a caller that sleeps */
    atomic_bool taken;     /* the slot serves a call */
    /* constant while the job is open */
    _Alignas(IG_ALIGN) ig_task_fn *fn;
    void *arg;
    size_t n, grain;
    ig_span *spans;
} ig_job;

/* Spinning that gives way when the machine is crowded. */
typedef struct {
    uint64_t spin_ns;              /* 0: never spin */
    _Atomic uint64_t crowded_till; /* no spinning before this time: a spinner was preempted */
} ig_patience;

/* ig_job_open - deal n > 0 items out to at most `most` seats and let workers in; returns the number
 * of seats. The slot must be taken. */
size_t ig_job_open(ig_job *job, size_t n, size_t grain, size_t most, bool patient, ig_task_fn *fn,
                   void *arg);

/* ig_job_join - take a seat; false when the job is over or has no such seat. */
bool ig_job_join(ig_job *job, size_t part);
void ig_job_leave(ig_job *job);

/* ig_job_work - do the part's own span, then steal until nothing is left to take. */
void ig_job_work(ig_job *job, size_t part, size_t worker, unsigned group);

/* ig_job_finish - the caller's end: returns when every item is done and nobody is in the job. */
void ig_job_finish(ig_job *job, ig_patience *patience);

/* Spin until *word != old, or until a job has nobody active; false when patience has run out. */
bool ig_spin_changed(_Atomic uint32_t *word, uint32_t old, ig_patience *patience);
bool ig_spin_idle(_Atomic uint64_t *state, ig_patience *patience);

/* Sleep while *word == old, woken by ig_wake with a common bit in `mask`. May wake for nothing. */
void ig_sleep(_Atomic uint32_t *word, uint32_t old, uint32_t mask);
void ig_wake(_Atomic uint32_t *word, uint32_t mask);

#endif
