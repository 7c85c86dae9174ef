/* parts.h - what the files of the engine share. Internal. */
#ifndef IG_LLM_ENGINE_PARTS_H
#define IG_LLM_ENGINE_PARTS_H

#include "runtime/llm/engine/batch.h"
#include "runtime/llm/engine/engine.h"
#include "runtime/llm/engine/job.h"
#include "runtime/llm/engine/site.h"

#include <pthread.h>

/* Jobs in the order in which they came. */
typedef struct {
    ig_lm_job *first, **last;
    size_t n;
} ig_lm_jobs;

void ig_lm_jobs_init(ig_lm_jobs *q);
void ig_lm_jobs_push(ig_lm_jobs *q, ig_lm_job *job);
void ig_lm_jobs_drop(ig_lm_jobs *q, ig_lm_job *job); /* which is in it */

/* A call that the engine's thread makes between two steps, for another thread that waits. */
typedef struct {
    ingot_status (*fn)(struct ig_engine *e, void *arg, ingot_error *err);
    void *arg;
    ingot_status status;
    ingot_error error;
    bool done;
} ig_errand;

struct ig_engine {
    ig_heap *heap;
    ig_engine_setup setup;
    ingot_generator_options options; /* all defaults filled in */
    ig_lm lm;
    ig_prompts *prompts;
    ig_site site;
    ig_kv_cache *cache;
    ig_batch batch;
    ig_sample_work *sampler;
    ingot_error broken;     /* status not OK: no cache is open, requests end with this */
    size_t kv_bytes;        /* the cache's budget: that of options, or chosen */
    bool context_given;     /* not taken from the model */
    size_t context;         /* most tokens of a request: of options, model and cache the least */
    struct ig_draft *draft; /* NULL: none; see draft.h */
    size_t most_guess;      /* guesses a step */

    /* the text of a restored session, for requests that begin with it */
    ig_kv_seq *restored;
    ig_arena restored_arena;
    ig_kv_saved saved;

    /* the thread's own */
    ig_lm_jobs waiting, running;
    ig_tenant *tenants;
    ig_lm_job **order; /* [max_sequences] of the step, first in rank first */
    size_t n_order;
    atomic_bool cancel_step;
    atomic_size_t step_live; /* jobs of the step that are not cancelled */

    /* shared, under the mutex */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* something for the thread to do; an end to hear of */
    bool has_thread, quit;
    ig_lm_jobs inbox;
    size_t n_queued; /* taken from the inbox and not begun */
    uint64_t n_arrived;
    ig_errand *errand;
    ingot_generator_info info;  /* its counters: the thread alone, copied under the mutex */
    ingot_generator_info shown; /* the copy */
};

/* ---- order.c: who goes first ---- */

ig_tenant *ig_tenant_join(struct ig_engine *e, uint64_t salt); /* NULL: no memory */
void ig_tenant_leave(struct ig_engine *e, ig_tenant *t);
void ig_tenants_clear(struct ig_engine *e);
/* ig_lm_job_before - does a go before b? A total order. */
bool ig_lm_job_before(const ig_lm_job *a, const ig_lm_job *b);
ig_lm_job *ig_lm_jobs_first(const ig_lm_jobs *q); /* in that order, or NULL */
ig_lm_job *ig_lm_jobs_last(const ig_lm_jobs *q);

/* ---- schedule.c: what a step computes ---- */

/* ig_schedule - admit, then fill the batch; jobs that cannot go on end here. false: there is
 * nothing to compute. */
bool ig_schedule(struct ig_engine *e);
/* ig_preempt - its pages go to others; it waits again. */
void ig_preempt(struct ig_engine *e, ig_lm_job *job);

/* ---- deliver.c: what came of a step ---- */

void ig_deliver_ask(struct ig_engine *e); /* while the step runs: what will be drawn */
/* ig_deliver - E_DEVICE: it was lost before all was delivered. */
ingot_status ig_deliver(struct ig_engine *e, ingot_error *err);

/* ---- open.c ---- */

/* ig_engine_move - cache, batch and draft model are closed, and opened again on n devices, or on
 * this machine (0). Nothing runs. On failure none are open. */
ingot_status ig_engine_move(struct ig_engine *e, const ig_exec_device *devices, size_t n,
                            ingot_error *err);

/* ---- engine.c ---- */

void *ig_engine_serve(void *engine);      /* the thread */
void ig_engine_show(struct ig_engine *e); /* bring what others are shown up to date; the mutex is
                                             held */

/* ig_lm_job_end - it leaves waiting or running, and who waits for it is told. error NULL: none.
 * After this the job belongs to its caller. */
void ig_lm_job_end(struct ig_engine *e, ig_lm_job *job, ingot_finish finish,
                   const ingot_error *error);

#endif
