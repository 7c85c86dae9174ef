/* engine.c - see engine.h: opening, the thread, what other threads call. */
#include "runtime/llm/engine/draft.h"
#include "runtime/llm/engine/parts.h"
#include "runtime/base/checked.h"
#include "runtime/base/clock.h"

#include <string.h>
#include <unistd.h>

enum { CHUNK = 512, SEQUENCES = 16, QUEUE = 4096, PAGE = 64, CONTEXT = 2048, GUESSES = 4 };
enum { SEQUENCES_MOST = 4096, GUESSES_MOST = 64 };

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
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->mutex);
}

/* ---- the thread ---- */

static void show_info(ig_engine *e)
{
    ig_kv_stats kv;
    ig_kv_get_stats(&kv, e->cache);
    e->shown = e->info;
    e->shown.page_bytes = kv.page_bytes;
    e->shown.pages = kv.pages;
    e->shown.pages_used = kv.used;
    e->shown.pages_cached = kv.cached;
    e->shown.running = e->running.n;
    e->shown.waiting = e->n_queued = e->waiting.n;
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
        if (!j->tenant) refuse(e, j);
    }
}

static void run_errand(ig_engine *e, ig_errand *errand)
{
    errand->status = errand->fn(e, errand->arg, &errand->error);
    pthread_mutex_lock(&e->mutex);
    errand->done = true;
    e->errand = NULL;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->mutex);
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

static void run_step(ig_engine *e)
{
    ingot_error err;
    begin_step(e);
    const ingot_status s = ig_batch_run(&e->batch, &err);
    for (size_t i = 0; i < e->n_order; i++) atomic_store(&e->order[i]->in_step, false);
    e->info.steps++;
    if (!s)
        ig_deliver(e);
    else if (s != INGOT_E_CANCELLED) /* then all of them are: the next sweep ends them */
        for (size_t i = 0; i < e->n_order; i++)
            ig_lm_job_end(e, e->order[i], INGOT_FINISH_ERROR, &err);
}

static void cancel_all(ig_engine *e)
{
    for (ig_lm_job *j = e->waiting.first; j; j = j->next) atomic_store(&j->cancel, true);
    for (ig_lm_job *j = e->running.first; j; j = j->next) atomic_store(&j->cancel, true);
}

static void *serve(void *arg)
{
    ig_engine *e = arg;
    pthread_mutex_lock(&e->mutex);
    for (;;) {
        show_info(e);
        while (!e->quit && !e->errand && !e->inbox.n && !e->waiting.n && !e->running.n)
            pthread_cond_wait(&e->changed, &e->mutex);
        ig_lm_jobs inbox = e->inbox;
        ig_errand *errand = e->errand;
        const bool quit = e->quit;
        ig_lm_jobs_init(&e->inbox);
        pthread_mutex_unlock(&e->mutex);
        take_inbox(e, &inbox);
        if (errand) run_errand(e, errand);
        if (quit) cancel_all(e);
        if (ig_schedule(e)) run_step(e);
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
    out->waiting += e->inbox.n;
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

/* ---- opening ---- */

static ig_kv_options cache_options(const ig_engine *e, const ig_lm *lm)
{
    static const ig_page_type types[] = {[INGOT_KV_F32] = IG_PAGE_F32,
                                         [INGOT_KV_F16] = IG_PAGE_F16,
                                         [INGOT_KV_BF16] = IG_PAGE_BF16,
                                         [INGOT_KV_I8] = IG_PAGE_I8};
    const ingot_kv_type type = e->options.kv_type;
    return (ig_kv_options){.layers = lm->layers,
                           .n_layers = lm->n_layers,
                           .type = type == INGOT_KV_AUTO ? lm->page_type : types[type],
                           .page_tokens = e->options.page_tokens,
                           .budget_bytes = e->options.kv_bytes,
                           .spare_bytes = e->options.kv_spare_bytes,
                           .private_pages = e->options.private_cache};
}

static size_t quarter_of_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    size_t all;
    if (pages < 1 || bytes < 1 || !ig_mul_ok((size_t)pages, (size_t)bytes, &all)) return SIZE_MAX;
    return all / 4;
}

/* A budget for max_sequences whole contexts, at most a quarter of the memory, but for one context.
 */
static ingot_status choose_budget(ig_engine *e, ingot_error *err)
{
    const ig_kv_options o = cache_options(e, &e->lm);
    const size_t p = e->options.page_tokens, pages = (e->options.context + p - 1) / p;
    size_t all, one, bytes;
    IG_TRY(ig_kv_budget(&one, &o, pages, err));
    if (!ig_mul_ok(pages, e->options.max_sequences, &all) || ig_kv_budget(&bytes, &o, all, NULL))
        bytes = SIZE_MAX;
    e->options.kv_bytes = IG_MIN(bytes, IG_MAX(quarter_of_memory(), one));
    return INGOT_OK;
}

static ingot_status settle_context(ig_engine *e, ingot_error *err)
{
    ingot_generator_options *o = &e->options;
    if (e->lm.context && o->context > e->lm.context)
        return ig_fail(err, INGOT_E_ARG, "a context of %zu tokens: the model knows %zu positions",
                       o->context, e->lm.context);
    if (!o->context) o->context = e->lm.context ? e->lm.context : CONTEXT;
    if (o->context > INT32_MAX) return ig_fail(err, INGOT_E_ARG, "context is %zu", o->context);
    return INGOT_OK;
}

static ingot_status settle(ig_engine *e, ingot_error *err)
{
    ingot_generator_options *o = &e->options;
    if (o->kv_type > INGOT_KV_I8) return ig_fail(err, INGOT_E_ARG, "kv_type is %d", o->kv_type);
    if (!o->page_tokens) o->page_tokens = PAGE;
    if (!o->max_sequences) o->max_sequences = SEQUENCES;
    if (!o->max_queue) o->max_queue = QUEUE;
    if (!o->chunk) o->chunk = CHUNK;
    if (o->max_sequences > SEQUENCES_MOST || o->lookup > GUESSES_MOST ||
        o->draft_tokens > GUESSES_MOST)
        return ig_fail(err, INGOT_E_ARG,
                       "max_sequences %zu (at most %d), lookup %zu or draft_tokens %zu (at most "
                       "%d) is too large",
                       o->max_sequences, SEQUENCES_MOST, o->lookup, o->draft_tokens, GUESSES_MOST);
    if (!o->draft_tokens) o->draft_tokens = GUESSES;
    e->most_guess = e->setup.draft ? IG_MAX(o->lookup, o->draft_tokens) : o->lookup;
    IG_TRY(settle_context(e, err));
    o->chunk = IG_MIN(o->chunk, o->context);
    return INGOT_OK;
}

/* The budget may hold less than one context; then that is the context, and it is said. */
static ingot_status open_cache(ig_engine *e, bool context_given, ingot_error *err)
{
    if (!e->options.kv_bytes) IG_TRY(choose_budget(e, err));
    const ig_kv_options o = cache_options(e, &e->lm);
    IG_TRY(ig_kv_open(&e->cache, e->heap, &o, err));
    const size_t room = ig_kv_n_pages(e->cache) * ig_kv_page_tokens(e->cache);
    e->context = IG_MIN(e->options.context, room);
    if (e->context == e->options.context) return INGOT_OK;
    size_t bytes = 0;
    IG_TRY(ig_kv_budget(&bytes, &o, (e->options.context + o.page_tokens - 1) / o.page_tokens, err));
    if (context_given)
        return ig_fail(err, INGOT_E_ARG,
                       "a context of %zu tokens needs a cache of %zu bytes, its budget is %zu",
                       e->options.context, bytes, e->options.kv_bytes);
    ig_log_say(e->setup.log, IG_LOG_WARN,
               "the cache's budget of %zu bytes holds a context of %zu tokens, the model knows %zu "
               "(%zu bytes)",
               e->options.kv_bytes, e->context, e->options.context, bytes);
    return INGOT_OK;
}

static ingot_status open_batch(ig_engine *e, ingot_error *err)
{
    const ig_exec_options x = {.heap = e->heap,
                               .pool = e->setup.pool,
                               .log = e->setup.log,
                               .math = e->options.fast_math ? IG_MATH_FAST : IG_MATH_EXACT,
                               .cancel = &e->cancel_step};
    const size_t sequences = e->options.max_sequences;
    const size_t tokens = e->options.chunk + sequences * (1 + e->most_guess);
    IG_TRY(
        ig_batch_open(&e->batch, &e->lm, e->cache, &x, e->options.ranks, tokens, sequences, err));
    e->order = ig_take0(e->heap, sequences * sizeof *e->order);
    if (!e->order) return ig_fail(err, INGOT_E_NOMEM, "generator: no memory");
    return ig_sample_work_open(&e->sampler, e->heap, e->lm.vocab, err);
}

static ingot_status open_parts(ig_engine *e, ingot_error *err)
{
    const bool context_given = e->options.context != 0;
    IG_TRY(ig_lm_open(&e->lm, e->heap, e->setup.file, err));
    IG_TRY(settle(e, err));
    IG_TRY(open_cache(e, context_given, err));
    IG_TRY(ig_prompts_open(&e->prompts, e->heap, &e->lm, err));
    IG_TRY(open_batch(e, err));
    IG_TRY(ig_draft_open(e, err));
    e->info.context = e->context;
    e->info.vocab = e->lm.vocab;
    e->info.kv_type = (ingot_kv_type)(cache_options(e, &e->lm).type + 1);
    show_info(e);
    if (pthread_create(&e->thread, NULL, serve, e))
        return ig_fail(err, INGOT_E_FULL, "no thread could be started for the generator");
    e->has_thread = true;
    return INGOT_OK;
}

ingot_status ig_engine_open(ig_engine **out, const ig_engine_setup *setup, ingot_error *err)
{
    *out = NULL;
    ig_engine *e = ig_take0(setup->heap, sizeof *e);
    if (!e) return ig_fail(err, INGOT_E_NOMEM, "generator: no memory");
    e->heap = setup->heap;
    e->setup = *setup;
    e->options = *setup->options;
    e->setup.options = &e->options;
    ig_lm_jobs_init(&e->inbox);
    ig_lm_jobs_init(&e->waiting);
    ig_lm_jobs_init(&e->running);
    ig_arena_init(&e->restored_arena, e->heap);
    atomic_init(&e->cancel_step, false);
    atomic_init(&e->step_live, 0);
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->changed, NULL);
    const ingot_status s = open_parts(e, err);
    if (s) ig_engine_close(&e);
    *out = e;
    return s;
}

static void end_thread(ig_engine *e)
{
    if (!e->has_thread) return;
    pthread_mutex_lock(&e->mutex);
    e->quit = true;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->mutex);
    pthread_join(e->thread, NULL);
}

void ig_engine_close(ig_engine **engine)
{
    ig_engine *e = *engine;
    *engine = NULL;
    if (!e) return;
    end_thread(e);
    ig_heap *heap = e->heap;
    ig_draft_close(e);
    ig_batch_close(&e->batch);
    ig_sample_work_close(&e->sampler);
    if (e->order) ig_give(heap, e->order, e->options.max_sequences * sizeof *e->order);
    ig_prompts_close(&e->prompts);
    ig_kv_seq_free(&e->restored);
    ig_arena_clear(&e->restored_arena);
    ig_kv_close(&e->cache);
    ig_lm_close(&e->lm);
    ig_tenants_clear(e);
    pthread_mutex_destroy(&e->mutex);
    pthread_cond_destroy(&e->changed);
    ig_give(heap, e, sizeof *e);
}
