/* draft.c - see draft.h.
 *
 * The draft model has a sequence of its own for each answer. A round of guesses brings it to the
 * end of the text, then goes on from its own tokens, all answers together in each of its steps. It
 * draws with the random number that the request will use at that place: where the two models think
 * alike they then pick alike, also when they draw. What turns out to be wrong is truncated at the
 * beginning of the next round. */
#include "runtime/llm/engine/draft.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { TOKENS_MOST = 3, LOOK_BACK = 4096 /* tokens; the search costs so many comparisons */ };

struct ig_draft {
    ig_lm lm;
    ig_site site; /* the first of the model's devices, or this machine */
    ig_kv_cache *cache;
    ig_batch batch;
    ig_lm_job **jobs; /* [max_sequences] of the round */
    size_t n_jobs;
};

/* ---- from the text itself ---- */

size_t ig_lookup(int32_t *guess, size_t most, const int32_t *text, size_t n)
{
    const size_t begin = n > LOOK_BACK ? n - LOOK_BACK : 0;
    for (size_t same = TOKENS_MOST; same; same--) {
        if (n < begin + same + 1) continue;
        for (size_t at = n - same; at-- > begin;) {
            if (memcmp(text + at, text + n - same, same * sizeof *text)) continue;
            const size_t found = IG_MIN(most, n - at - same);
            memcpy(guess, text + at + same, found * sizeof *text);
            return found;
        }
    }
    return 0;
}

/* Guesses that could still be used. */
static size_t most_useful(const ig_engine *e, const ig_lm_job *j)
{
    const size_t rest = j->tokens.n - ig_kv_length(j->seq);
    if (rest != 1 || j->prompt_only || j->prompt_logits || j->tokens.n >= e->context) return 0;
    const size_t wanted = j->most_new - j->n_answer - 1; /* the last one is sampled anyway */
    return IG_MIN(wanted, e->context - j->tokens.n);
}

/* ---- from the draft model ---- */

ingot_status ig_draft_open(ig_engine *e, ingot_error *err)
{
    if (!e->setup.draft) return INGOT_OK;
    struct ig_draft *d = e->draft = ig_take0(e->heap, sizeof *d);
    if (!d) return ig_fail(err, INGOT_E_NOMEM, "draft model: no memory");
    const ingot_status s = ig_lm_open(&d->lm, e->heap, e->setup.draft, err);
    if (s) return ig_wrap(err, s, "draft model");
    if (d->lm.vocab != e->lm.vocab)
        return ig_fail(err, INGOT_E_ARG,
                       "the draft model has a vocabulary of %zu tokens, the model one of %zu: they "
                       "must be the same",
                       d->lm.vocab, e->lm.vocab);
    IG_TRY(ig_site_open(&d->site, e->heap, e->setup.devices, IG_MIN(e->site.n, (size_t)1), err));
    ig_kv_options kv = {.layers = d->lm.layers,
                        .n_layers = d->lm.n_layers,
                        .type = d->lm.page_type,
                        .page_tokens = e->options.page_tokens,
                        .memory = ig_site_is_device(&d->site) ? &d->site.memory : NULL,
                        .private_pages = e->options.private_cache};
    IG_TRY(ig_kv_budget(&kv.budget_bytes, &kv, ig_kv_n_pages(e->cache), err));
    IG_TRY(ig_kv_open(&d->cache, e->heap, &kv, err));
    const ig_exec_options x = {.heap = e->heap,
                               .pool = e->setup.pool,
                               .log = e->setup.log,
                               .math = e->options.fast_math ? IG_MATH_FAST : IG_MATH_EXACT};
    const size_t sequences = e->options.max_sequences;
    IG_TRY(ig_batch_open(&d->batch, &d->lm, d->cache, &d->site, &x, 1, e->options.chunk + sequences,
                         sequences, sequences, err));
    d->jobs = ig_take0(e->heap, sequences * sizeof *d->jobs);
    return d->jobs ? INGOT_OK : ig_fail(err, INGOT_E_NOMEM, "draft model: no memory");
}

void ig_draft_close(ig_engine *e)
{
    struct ig_draft *d = e->draft;
    e->draft = NULL;
    if (!d) return;
    ig_batch_close(&d->batch);
    if (d->jobs) ig_give(e->heap, d->jobs, e->options.max_sequences * sizeof *d->jobs);
    ig_kv_close(&d->cache);
    ig_site_close(&d->site);
    ig_lm_close(&d->lm);
    ig_give(e->heap, d, sizeof *d);
}

void ig_draft_forget(ig_lm_job *j)
{
    ig_kv_seq_free(&j->draft_seq);
    j->drafted_at = j->n_drafted = 0;
}

/* The job's draft sequence, with what it knows of the text. */
static ingot_status catch_up(ig_engine *e, ig_lm_job *j, ingot_error *err)
{
    struct ig_draft *d = e->draft;
    size_t known, i = 0;
    if (!j->draft_seq) {
        IG_TRY(ig_kv_seq_open(&j->draft_seq, d->cache, j->salt, e->context, err));
        ig_kv_seq_match(&known, j->draft_seq, j->tokens.v, j->tokens.n);
        return INGOT_OK;
    }
    const size_t length = ig_kv_length(j->draft_seq);
    known = IG_MIN(j->drafted_at, length);
    while (known < length && known + 1 < j->tokens.n && i < j->n_drafted &&
           j->drafted[i] == j->tokens.v[known])
        known++, i++;
    ig_kv_truncate(j->draft_seq, IG_MIN(known, j->tokens.n - 1));
    return INGOT_OK;
}

/* How a guess is drawn, behind the text. */
static ig_sampling guessing(const ig_lm_job *j)
{
    ig_sampling how = j->sampling;
    how.logprob = false;
    how.top_logprobs = 0;
    return how;
}

static ig_sample_row text_of(const ig_lm_job *j)
{
    return (ig_sample_row){.before = j->tokens.v, .n_before = j->tokens.n, .n_prompt = j->n_prompt};
}

static void ask(ig_engine *e, const ig_lm_job *j)
{
    const ig_sampling how = guessing(j);
    const ig_sample_row from = text_of(j);
    ig_batch_ask(&e->draft->batch, j->first_row, &how, &from, j->n_sampled + j->n_drafted);
}

/* A guess for j from its row of logits. */
static ingot_status draw(ig_engine *e, ig_lm_job *j, ingot_error *err)
{
    ig_sampled token;
    const ig_sampling how = guessing(j);
    const ig_sample_row from = text_of(j);
    IG_TRY(ig_batch_draw(&token, &e->draft->batch, e->sampler, j->first_row, &how, &from,
                         j->n_sampled + j->n_drafted, err));
    const int32_t id = (int32_t)token.token;
    j->drafted[j->n_drafted++] = id;
    return ig_token_list_add(&j->tokens, &id, 1, err);
}

/* What of j the next draft step computes; 0: nothing more is wanted. */
static size_t wanted(const ig_engine *e, const ig_lm_job *j, size_t room)
{
    if (j->n_drafted == j->n_guess) return 0;
    return IG_MIN(IG_MIN(j->tokens.n - ig_kv_length(j->draft_seq), e->options.chunk), room);
}

/* One step over all jobs of the round. *more: something was computed. */
static ingot_status step(ig_engine *e, bool *more, ingot_error *err)
{
    struct ig_draft *d = e->draft;
    ig_batch_clear(&d->batch);
    for (size_t i = 0; i < d->n_jobs; i++) {
        ig_lm_job *j = d->jobs[i];
        j->n_step = wanted(e, j, d->batch.most_tokens - d->batch.n_tokens);
        if (j->n_step && ig_kv_reserve(j->draft_seq, j->n_step, NULL)) {
            j->n_guess = j->n_drafted; /* no pages: what there is must do */
            j->n_step = 0;
        }
        if (!j->n_step) continue;
        const size_t length = ig_kv_length(j->draft_seq);
        j->n_rows = length + j->n_step == j->tokens.n;
        j->first_row = ig_batch_add(&d->batch, j->draft_seq, j->tokens.v + length, j->n_step, NULL,
                                    0, j->n_rows);
    }
    *more = d->batch.n_tokens > 0;
    if (!*more) return INGOT_OK;
    IG_TRY(ig_batch_begin(&d->batch, err));
    for (size_t i = 0; i < d->n_jobs; i++)
        if (d->jobs[i]->n_step && d->jobs[i]->n_rows) ask(e, d->jobs[i]);
    IG_TRY(ig_batch_end(&d->batch, err));
    for (size_t i = 0; i < d->n_jobs; i++) {
        ig_lm_job *j = d->jobs[i];
        if (!j->n_step) continue;
        ig_kv_commit(j->draft_seq, j->tokens.v + ig_kv_length(j->draft_seq), j->n_step);
        if (j->n_rows) IG_TRY(draw(e, j, err));
    }
    return INGOT_OK;
}

static ingot_status begin_round(ig_engine *e, ig_lm_job *j, size_t most, ingot_error *err)
{
    struct ig_draft *d = e->draft;
    if (!most || (d->lm.context && j->tokens.n + most > d->lm.context)) return INGOT_OK;
    IG_TRY(catch_up(e, j, err));
    j->drafted_at = j->tokens.n;
    j->n_drafted = 0;
    j->n_guess = most;
    d->jobs[d->n_jobs++] = j;
    return INGOT_OK;
}

static void end_round(ig_engine *e, ingot_status s, const ingot_error *err)
{
    struct ig_draft *d = e->draft;
    for (size_t i = 0; i < d->n_jobs; i++) {
        ig_lm_job *j = d->jobs[i];
        j->tokens.n = j->drafted_at;
        j->n_guess = j->n_drafted;
        j->n_step = j->n_rows = 0;
        memcpy(j->guess, j->drafted, j->n_guess * sizeof *j->guess);
        if (s) ig_lm_job_end(e, j, INGOT_FINISH_ERROR, err);
    }
}

static void draft_round(ig_engine *e)
{
    ingot_error err;
    ingot_status s = INGOT_OK;
    bool more = true;
    e->draft->n_jobs = 0;
    for (ig_lm_job *j = e->running.first; j && !s; j = j->next)
        if (!j->n_guess)
            s = begin_round(e, j, IG_MIN(most_useful(e, j), e->options.draft_tokens), &err);
    while (!s && more) s = step(e, &more, &err);
    end_round(e, s, &err);
}

void ig_draft_guess(ig_engine *e)
{
    for (ig_lm_job *j = e->running.first; j && e->options.lookup; j = j->next)
        j->n_guess = ig_lookup(j->guess, IG_MIN(most_useful(e, j), e->options.lookup), j->tokens.v,
                               j->tokens.n);
    if (e->draft) draft_round(e);
}
