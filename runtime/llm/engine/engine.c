/* engine.c - see engine.h: the thread, what other threads call. */
#include "runtime/llm/engine/draft.h"
#include "runtime/llm/engine/parts.h"
#include "runtime/base/checked.h"
#include "runtime/base/clock.h"

#include <string.h>

/* ---- ends ---- */

static void tell_result(ig_lm_job *j)
{
    ingot_result *r = &j->result;
    const uint64_t begun = j->begun_ns ? j->begun_ns : j->ended_ns;
    const uint64_t first = j->first_ns ? j->first_ns : j->ended_ns;
    r->text = (ingot_str){j->text.text.n ? (const char *)j->text.text.p : "", j->text.text.n};
    r->tokens = j->answer;
    r->n_tokens = j->n_answer;
    r->ids = j->tokens.v;
    r->n_ids = j->tokens.n;
    r->queue_ns = begun - j->submitted_ns;
    r->prefill_ns = first - begun;
    r->decode_ns = j->ended_ns - first;
}

void ig_lm_job_end(ig_engine *e, ig_lm_job *j, ingot_finish finish, const ingot_error *error)
{
    ingot_error err = error ? *error : (ingot_error){0};
    ig_lm_jobs_drop(j->running ? &e->running : &e->waiting, j);
    j->running = false;
    ig_kv_seq_free(&j->seq);
    ig_draft_forget(j);
    ig_tenant_leave(e, j->tenant);
    if (!error && ig_answer_text_end(&j->text, &err)) finish = INGOT_FINISH_ERROR;
    j->ended_ns = ig_now_ns();
    j->result.finish = finish;
    j->error = err;
    ig_lm_job_hand(j); /* the last piece: its answer changes nothing any more */
    tell_result(j);
    e->info.answer_tokens += j->n_answer;
    e->info.cached_tokens += j->result.cached_tokens;
    e->info.drafted += j->result.drafted;
    e->info.accepted += j->result.accepted;
    if (j->done_fn) j->done_fn(j->ud);
    pthread_mutex_lock(&e->mutex);
    j->ended = true;
    ig_engine_show(e); /* who waited for it and then asks finds it counted */
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->mutex);
}

/* ---- the thread ---- */

void ig_engine_show(ig_engine *e)
{
    ig_kv_stats kv = {0};
    if (e->cache) ig_kv_get_stats(&kv, e->cache);
    e->shown = e->info;
    e->shown.page_bytes = kv.page_bytes;
    e->shown.pages = kv.pages;
    e->shown.pages_used = kv.used;
    e->shown.pages_cached = kv.cached;
    e->shown.running = e->running.n;
    e->n_queued = e->waiting.n;
}

/* A job that cannot even wait: its tenant has no place. */
static void refuse(ig_engine *e, ig_lm_job *j)
{
    ig_tenant nobody = {.n_jobs = 1};
    ingot_error err;
    ig_fail(&err, INGOT_E_NOMEM, "request: no memory for its tenant");
    j->tenant = &nobody;
    ig_lm_job_end(e, j, INGOT_FINISH_ERROR, &err);
}

static void take_inbox(ig_engine *e, ig_lm_jobs *inbox)
{
    for (ig_lm_job *j = inbox->first, *next; j; j = next) {
        next = j->next;
        j->tenant = ig_tenant_join(e, j->salt);
        ig_lm_jobs_push(&e->waiting, j);
        if (!j->tenant)
            refuse(e, j);
        else if (e->broken.status)
            ig_lm_job_end(e, j, INGOT_FINISH_ERROR, &e->broken);
    }
}

/* Jobs that are cancelled while the step runs count down; at none it ends early. */
static void begin_step(ig_engine *e)
{
    atomic_store(&e->cancel_step, false);
    atomic_store(&e->step_live, e->n_order);
    for (size_t i = 0; i < e->n_order; i++) atomic_store(&e->order[i]->in_step, true);
    for (size_t i = 0; i < e->n_order; i++)
        if (atomic_load(&e->order[i]->cancel)) ingot_generation_cancel(e->order[i]);
}

/* The device and all pages are gone: what was running is computed again on this machine. */
static void leave_device(ig_engine *e, const ingot_error *why)
{
    ig_log_say(e->setup.log, IG_LOG_WARN,
               "%s; %zu requests are computed again on the CPU, and all that come", why->text,
               e->running.n);
    while (e->running.first) ig_preempt(e, e->running.first);
    if (!ig_engine_move(e, NULL, 0, &e->broken)) return;
    while (e->waiting.first) ig_lm_job_end(e, e->waiting.first, INGOT_FINISH_ERROR, &e->broken);
}

static ingot_status do_errand(ig_engine *e, ig_errand *errand)
{
    errand->error = e->broken;
    return e->broken.status ? e->broken.status : errand->fn(e, errand->arg, &errand->error);
}

/* One that a device fails at is done again on this machine. */
static void run_errand(ig_engine *e, ig_errand *errand)
{
    errand->status = do_errand(e, errand);
    if (errand->status == INGOT_E_DEVICE && ig_site_is_device(&e->site)) {
        leave_device(e, &errand->error);
        errand->status = do_errand(e, errand);
    }
    pthread_mutex_lock(&e->mutex);
    errand->done = true;
    e->errand = NULL;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->mutex);
}

static void run_step(ig_engine *e)
{
    ingot_error err;
    begin_step(e);
    ingot_status s = ig_batch_begin(&e->batch, &err);
    if (!s) ig_deliver_ask(e);
    if (!s) s = ig_batch_end(&e->batch, &err);
    for (size_t i = 0; i < e->n_order; i++) atomic_store(&e->order[i]->in_step, false);
    e->info.steps++;
    if (!s) s = ig_deliver(e, &err);
    if (s == INGOT_E_DEVICE && ig_site_is_device(&e->site))
        leave_device(e, &err);
    else if (s && s != INGOT_E_CANCELLED) /* then all of them are: the next sweep ends them */
        for (size_t i = 0; i < e->n_order; i++)
            ig_lm_job_end(e, e->order[i], INGOT_FINISH_ERROR, &err);
}

static void cancel_all(ig_engine *e)
{
    for (ig_lm_job *j = e->waiting.first; j; j = j->next) atomic_store(&j->cancel, true);
    for (ig_lm_job *j = e->running.first; j; j = j->next) atomic_store(&j->cancel, true);
}

void *ig_engine_serve(void *arg)
{
    ig_engine *e = arg;
    pthread_mutex_lock(&e->mutex);
    for (;;) {
        ig_engine_show(e);
        while (!e->quit && !e->errand && !e->inbox.n && !e->waiting.n && !e->running.n)
            pthread_cond_wait(&e->changed, &e->mutex);
        ig_lm_jobs inbox = e->inbox;
        ig_errand *errand = e->errand;
        const bool quit = e->quit;
        ig_lm_jobs_init(&e->inbox);
        e->n_queued += inbox.n; /* until it is known who begins */
        pthread_mutex_unlock(&e->mutex);
        take_inbox(e, &inbox);
        if (errand) run_errand(e, errand);
        if (quit) cancel_all(e);
        const bool any = ig_schedule(e);
        pthread_mutex_lock(&e->mutex);
        ig_engine_show(e);
        pthread_mutex_unlock(&e->mutex);
        if (any) run_step(e);
        pthread_mutex_lock(&e->mutex);
        if (quit && !e->inbox.n && !e->waiting.n && !e->running.n && !e->errand) break;
    }
    pthread_mutex_unlock(&e->mutex);
    return NULL;
}

/* ---- what other threads call ---- */

ingot_status ig_engine_submit(ingot_generation **out, ig_engine *e, const ingot_request *request,
                              ingot_error *err)
{
    IG_TRY(ig_lm_job_open(out, e, request, err));
    pthread_mutex_lock(&e->mutex);
    const size_t n = e->inbox.n + e->n_queued;
    const bool full = n >= e->options.max_queue;
    if (!full) {
        (*out)->arrival = e->n_arrived++;
        ig_lm_jobs_push(&e->inbox, *out);
        pthread_cond_broadcast(&e->changed);
    }
    pthread_mutex_unlock(&e->mutex);
    if (!full) return INGOT_OK;
    ig_lm_job_free(*out);
    *out = NULL;
    return ig_fail(err, INGOT_E_FULL, "%zu requests wait already, the limit is %zu (try later)", n,
                   e->options.max_queue);
}

ingot_status ingot_generation_wait(ingot_result *out, ingot_generation *j, ingot_error *err)
{
    ig_engine *e = j->engine;
    pthread_mutex_lock(&e->mutex);
    while (!j->ended) pthread_cond_wait(&e->changed, &e->mutex);
    pthread_mutex_unlock(&e->mutex);
    if (out) *out = j->result;
    if (err) *err = j->error;
    return j->error.status;
}

/* Only atomics: a signal handler may call it. */
void ingot_generation_cancel(ingot_generation *j)
{
    atomic_store(&j->cancel, true);
    if (atomic_exchange(&j->in_step, false) && atomic_fetch_sub(&j->engine->step_live, 1) == 1)
        atomic_store(&j->engine->cancel_step, true);
}

void ingot_generation_close(ingot_generation **generation)
{
    ingot_generation *j = *generation;
    *generation = NULL;
    if (!j) return;
    ingot_generation_cancel(j);
    const ingot_status s = ingot_generation_wait(NULL, j, NULL);
    (void)s;
    ig_lm_job_free(j);
}

void ig_engine_info(ingot_generator_info *out, ig_engine *e)
{
    pthread_mutex_lock(&e->mutex);
    *out = e->shown;
    out->waiting = e->n_queued + e->inbox.n;
    pthread_mutex_unlock(&e->mutex);
}

const ig_lm *ig_engine_lm(const ig_engine *e) { return &e->lm; }

/* ---- sessions ---- */

static ingot_status on_thread(ig_engine *e, ig_errand *errand, ingot_error *err)
{
    pthread_mutex_lock(&e->mutex);
    while (e->errand) pthread_cond_wait(&e->changed, &e->mutex);
    e->errand = errand;
    pthread_cond_broadcast(&e->changed);
    while (!errand->done) pthread_cond_wait(&e->changed, &e->mutex);
    pthread_mutex_unlock(&e->mutex);
    if (errand->status && err) *err = errand->error;
    return errand->status;
}

typedef struct {
    const char *path;
    const int32_t *ids;
    size_t n;
} session_arg;

/* Compute what the cache lacks of a text; where no pages are left, as far as it goes. */
static ingot_status compute(ig_engine *e, ig_kv_seq *seq, const session_arg *a, ingot_error *err)
{
    for (size_t at; (at = ig_kv_length(seq)) < a->n;) {
        const size_t n = IG_MIN(a->n - at, e->options.chunk);
        const ingot_status s = ig_kv_reserve(seq, n, err);
        if (s) return s == INGOT_E_FULL ? INGOT_OK : s;
        ig_batch_clear(&e->batch);
        ig_batch_add(&e->batch, seq, a->ids + at, n, NULL, 0, 0);
        IG_TRY(ig_batch_run(&e->batch, err));
        ig_kv_commit(seq, a->ids + at, n);
    }
    return INGOT_OK;
}

static ingot_status save(ig_engine *e, void *arg, ingot_error *err)
{
    const session_arg *a = arg;
    size_t n;
    ig_kv_seq *seq;
    IG_TRY(ig_kv_seq_open(&seq, e->cache, 0, e->context, err));
    atomic_store(&e->cancel_step, false);
    ig_kv_seq_match(&n, seq, a->ids, a->n);
    ingot_status s = compute(e, seq, a, err);
    n = ig_kv_length(seq);
    if (!s) s = ig_kv_seq_save(seq, a->path, ig_lm_identity(&e->lm), a->ids + n, a->n - n, err);
    ig_kv_seq_free(&seq);
    return s;
}

static ingot_status restore(ig_engine *e, void *arg, ingot_error *err)
{
    const session_arg *a = arg;
    ig_kv_seq_free(&e->restored);
    ig_arena_clear(&e->restored_arena);
    IG_TRY(ig_kv_seq_restore(&e->restored, &e->saved, &e->restored_arena, e->cache, a->path,
                             ig_lm_identity(&e->lm), 0, e->context, err));
    for (size_t i = 0; i < e->saved.n_cached + e->saved.n_pending; i++)
        if ((size_t)e->saved.tokens[i] >= e->lm.vocab) {
            ig_kv_seq_free(&e->restored);
            return ig_fail(err, INGOT_E_FORMAT, "%s: its token %zu is %d, the model has %zu",
                           a->path, i, e->saved.tokens[i], e->lm.vocab);
        }
    return INGOT_OK;
}

ingot_status ig_engine_save(ig_engine *e, const char *path, const int32_t *ids, size_t n,
                            ingot_error *err)
{
    session_arg a = {.path = path, .ids = ids, .n = n};
    if (!n || n > e->context)
        return ig_fail(err, INGOT_E_ARG, "a session of %zu tokens; the context is %zu", n,
                       e->context);
    return on_thread(e, &(ig_errand){.fn = save, .arg = &a}, err);
}

ingot_status ig_engine_restore(const int32_t **ids, size_t *n, ig_engine *e, const char *path,
                               ingot_error *err)
{
    session_arg a = {.path = path};
    *ids = NULL;
    *n = 0;
    IG_TRY(on_thread(e, &(ig_errand){.fn = restore, .arg = &a}, err));
    *ids = e->saved.tokens;
    *n = e->saved.n_cached + e->saved.n_pending;
    return INGOT_OK;
}
