/* schedule.c - what the next step computes.
 *
 * First everything that already runs gets the places of its tokens: answers one each (and their
 * guesses), prompts what is left of the chunk. Where pages run out, the job that is last by
 * priority and arrival gives its own back and waits to be computed again; a job that is itself the
 * last stands still for this step. This order does not change while jobs run, so the first one
 * always goes on and none is passed to and fro. Only when all places are reserved is the batch
 * filled. */
#include "runtime/llm/engine/draft.h"
#include "runtime/llm/engine/parts.h"
#include "runtime/base/checked.h"
#include "runtime/base/clock.h"

#include <string.h>

/* ---- ends that need no step ---- */

static void sweep(ig_engine *e, ig_lm_jobs *q, uint64_t now)
{
    for (ig_lm_job *j = q->first, *next; j; j = next) {
        next = j->next;
        if (atomic_load(&j->cancel))
            ig_lm_job_end(e, j, INGOT_FINISH_CANCELLED, NULL);
        else if (j->deadline_ns && now >= j->deadline_ns)
            ig_lm_job_end(e, j, INGOT_FINISH_DEADLINE, NULL);
    }
}

/* ---- from waiting to running ---- */

/* Stable: who must give way. */
static bool outranks(const ig_lm_job *a, const ig_lm_job *b)
{
    return a->priority != b->priority ? a->priority > b->priority : a->arrival < b->arrival;
}

static ig_lm_job *lowest(const ig_lm_jobs *q)
{
    ig_lm_job *last = q->first;
    for (ig_lm_job *j = q->first; j; j = j->next)
        if (outranks(last, j)) last = j;
    return last;
}

void ig_preempt(ig_engine *e, ig_lm_job *j)
{
    ig_lm_jobs_drop(&e->running, j);
    j->running = false;
    ig_kv_seq_free(&j->seq);
    ig_draft_forget(j);
    j->n_step = 0;
    j->result.preempted++;
    e->info.preempted++;
    ig_lm_jobs_push(&e->waiting, j);
}

/* Begin a sequence with what the cache has of the text: of earlier requests, or of the session that
 * was restored. */
static ingot_status open_sequence(ig_engine *e, ig_lm_job *j, ingot_error *err)
{
    size_t matched = 0, same = 0;
    const size_t most = j->tokens.n - 1;
    IG_TRY(ig_kv_seq_open(&j->seq, e->cache, j->salt, e->context, err));
    if (j->prompt_logits && !j->n_sampled) return INGOT_OK; /* all rows are wanted */
    ig_kv_seq_match(&matched, j->seq, j->tokens.v, j->tokens.n);
    while (e->restored && j->salt == 0 && same < e->saved.n_cached && same < most &&
           e->saved.tokens[same] == j->tokens.v[same])
        same++;
    if (same > matched) {
        ig_kv_seq *fork;
        IG_TRY(ig_kv_seq_fork(&fork, e->restored, err));
        ig_kv_truncate(fork, same);
        ig_kv_seq_free(&j->seq);
        j->seq = fork;
        matched = same;
    }
    if (!j->begun_ns) j->result.cached_tokens = matched;
    return INGOT_OK;
}

static size_t pages_wanted(const ig_engine *e, const ig_lm_job *j)
{
    const size_t p = ig_kv_page_tokens(e->cache), held = ig_kv_pages_held(j->seq);
    const size_t all = (IG_MIN(j->tokens.n + 1, e->context) + p - 1) / p;
    return all > held ? all - held : 0;
}

/* Is there room for its whole text, and for the others to grow by a page each? */
static bool has_room(ig_engine *e, const ig_lm_job *j)
{
    for (;;) {
        if (!e->running.n) return true;
        if (pages_wanted(e, j) + e->running.n <= ig_kv_room(e->cache)) return true;
        ig_lm_job *last = lowest(&e->running);
        if (last->priority >= j->priority) return false;
        ig_preempt(e, last);
    }
}

static bool begin(ig_engine *e, ig_lm_job *j)
{
    ingot_error err;
    const ingot_status s = open_sequence(e, j, &err);
    if (s) {
        ig_lm_job_end(e, j, INGOT_FINISH_ERROR, &err);
        return true;
    }
    if (!has_room(e, j)) {
        ig_kv_seq_free(&j->seq);
        if (!j->begun_ns) j->result.cached_tokens = 0;
        return false;
    }
    if (!j->begun_ns) j->begun_ns = ig_now_ns();
    ig_lm_jobs_drop(&e->waiting, j);
    ig_lm_jobs_push(&e->running, j);
    j->running = true;
    return true;
}

static void admit(ig_engine *e)
{
    while (e->waiting.n) {
        ig_lm_job *j = ig_lm_jobs_first(&e->waiting);
        if (e->running.n == e->options.max_sequences) {
            ig_lm_job *last = lowest(&e->running);
            if (last->priority >= j->priority) return;
            ig_preempt(e, last);
        }
        if (!begin(e, j)) return;
    }
}

/* ---- a full context ---- */

/* Forget the older half behind the first page; the rest is computed again from its new places. */
static ingot_status shift(ig_engine *e, ig_lm_job *j, ingot_error *err)
{
    const size_t head = IG_MIN(ig_kv_page_tokens(e->cache), e->context / 4);
    const size_t half = e->context / 2, gone = j->tokens.n - head - half;
    memmove(j->tokens.v + head, j->tokens.v + head + gone, half * sizeof *j->tokens.v);
    j->tokens.n = head + half;
    if (j->n_prompt > head) j->n_prompt -= IG_MIN(gone, j->n_prompt - head);
    j->result.shifted_tokens += gone;
    ig_kv_seq_free(&j->seq);
    ig_draft_forget(j);
    return open_sequence(e, j, err);
}

/* ---- places ---- */

static ingot_status cannot_fit(ig_engine *e, const ig_lm_job *j, ingot_error *err)
{
    return ig_fail(err, INGOT_E_FULL,
                   "a text of %zu tokens does not fit into the cache, alone: it has %zu pages of "
                   "%zu tokens (raise its budget)",
                   j->tokens.n, ig_kv_n_pages(e->cache), ig_kv_page_tokens(e->cache));
}

/* Places for n tokens of j, taken from lower ones where need be. E_FULL: j is the last. */
static ingot_status reserve(ig_engine *e, ig_lm_job *j, size_t n, ingot_error *err)
{
    for (;;) {
        const ingot_status s = ig_kv_reserve(j->seq, n, err);
        if (s != INGOT_E_FULL) return s;
        ig_lm_job *last = lowest(&e->running);
        if (last == j && e->restored) {
            ig_kv_seq_free(&e->restored); /* a session that nobody goes on with */
            continue;
        }
        if (last == j) return e->running.n > 1 ? s : cannot_fit(e, j, err);
        ig_preempt(e, last);
    }
}

static void grant(ig_engine *e, ig_lm_job *j, size_t n)
{
    ingot_error err;
    ingot_status s = INGOT_E_FULL;
    if (j->n_guess) s = ig_kv_reserve(j->seq, n + j->n_guess, &err);
    if (s == INGOT_E_FULL) {
        j->n_guess = 0;
        s = reserve(e, j, n, &err);
    }
    if (!s) {
        j->n_step = n + j->n_guess;
        j->tenant->served += n;
    } else if (s != INGOT_E_FULL || e->running.n == 1) {
        ig_lm_job_end(e, j, INGOT_FINISH_ERROR, &err);
    }
}

static size_t rest_of(const ig_lm_job *j) { return j->tokens.n - ig_kv_length(j->seq); }

static void clear_plans(ig_engine *e)
{
    ingot_error err;
    for (ig_lm_job *j = e->running.first, *next; j; j = next) {
        next = j->next;
        j->n_step = j->n_guess = j->n_rows = 0;
        if (j->shift && j->tokens.n >= e->context && shift(e, j, &err))
            ig_lm_job_end(e, j, INGOT_FINISH_ERROR, &err);
    }
}

/* The job that has not been looked at yet and is first in the given order. `mark` is in n_rows: 1
 * for a job that was looked at. */
static ig_lm_job *next_of(const ig_engine *e, bool (*before)(const ig_lm_job *, const ig_lm_job *),
                          bool answers)
{
    ig_lm_job *first = NULL;
    for (ig_lm_job *j = e->running.first; j; j = j->next)
        if (!j->n_rows && (rest_of(j) == 1) == answers && (!first || before(j, first))) first = j;
    return first;
}

static void grant_all(ig_engine *e)
{
    const size_t chunk = e->options.chunk;
    const bool whole = chunk >= e->context;
    size_t budget = chunk;
    for (ig_lm_job *j; (j = next_of(e, outranks, true));) {
        j->n_rows = 1;
        grant(e, j, 1);
    }
    for (ig_lm_job *j; budget && (j = next_of(e, ig_lm_job_before, false));) {
        const size_t rest = rest_of(j);
        j->n_rows = 1;
        if (whole && rest > budget) continue;
        grant(e, j, IG_MIN(rest, budget));
        budget -= IG_MIN(rest, budget);
    }
}

/* ---- the batch ---- */

static void add(ig_engine *e, ig_lm_job *j)
{
    const size_t length = ig_kv_length(j->seq), n = j->n_step - j->n_guess;
    const bool whole = length + n == j->tokens.n;
    j->n_rows = whole && !j->prompt_only ? 1 + j->n_guess : 0;
    if (j->prompt_logits && length < j->n_prompt && !j->n_sampled) j->n_rows = n;
    j->first_row =
        ig_batch_add(&e->batch, j->seq, j->tokens.v + length, n, j->guess, j->n_guess, j->n_rows);
    e->order[e->n_order++] = j;
}

bool ig_schedule(ig_engine *e)
{
    const uint64_t now = ig_now_ns();
    sweep(e, &e->waiting, now);
    sweep(e, &e->running, now);
    admit(e);
    clear_plans(e);
    ig_draft_guess(e);
    grant_all(e);
    ig_batch_clear(&e->batch);
    e->n_order = 0;
    for (ig_lm_job *j = e->running.first; j; j = j->next)
        if (j->n_step) add(e, j);
    return e->n_order > 0;
}
