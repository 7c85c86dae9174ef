/* deliver.c - what came of a step: tokens are sampled, guesses checked, answers handed on.
 *
 * A guess is right when it is the token that is sampled at its place from the model's own logits,
 * with the request's own random number of that place. So answers are the same, bit for bit, with
 * and without guesses; and as a guess that is certain is accepted with just the probability that
 * the model gives it, no speculative scheme accepts more of a text's own repetitions (Leviathan et
 * al. 2023). */
#include "runtime/llm/engine/parts.h"
#include "runtime/base/clock.h"

#include <string.h>

/* Has the step the text's end, so that a token follows? */
static bool draws(const ig_lm_job *j)
{
    const size_t n = j->n_step - j->n_guess;
    return ig_kv_length(j->seq) + n == j->tokens.n && !j->prompt_only;
}

/* All rows of the step are wanted, not only those of the text's end and its guesses. */
static bool copies_logits(const ig_lm_job *j)
{
    return j->prompt_logits && j->n_rows == j->n_step - j->n_guess && !j->n_sampled;
}

static ig_sample_row text_of(const ig_lm_job *j, const uint64_t *mask)
{
    return (ig_sample_row){
        .mask = mask, .before = j->tokens.v, .n_before = j->tokens.n, .n_prompt = j->n_prompt};
}

/* ---- what a device will draw, told while it computes ---- */

/* What comes of a guess is asked as if it were right. Under a grammar it cannot be asked: what may
 * follow is known only then. */
static void ask_one(ig_engine *e, ig_lm_job *j)
{
    const uint64_t *mask;
    const size_t n = j->tokens.n;
    if (!draws(j) || copies_logits(j) || (j->n_guess && j->rule.state)) return;
    if (ig_rule_mask(&mask, &j->rule, NULL)) return; /* delivering says why */
    if (j->n_guess && ig_token_list_add(&j->tokens, j->guess, j->n_guess, NULL)) return;
    for (size_t i = 0; i <= j->n_guess; i++) {
        j->tokens.n = n + i;
        const ig_sample_row from = text_of(j, mask);
        ig_batch_ask(&e->batch, j->first_row + i, &j->sampling, &from, j->n_sampled + i);
    }
    j->tokens.n = n;
}

void ig_deliver_ask(ig_engine *e)
{
    for (size_t i = 0; i < e->n_order && e->batch.there; i++) ask_one(e, e->order[i]);
}

/* ---- what came of it ---- */

static ingot_status sample(ig_engine *e, ig_lm_job *j, size_t row, ig_sampled *out,
                           ingot_error *err)
{
    const uint64_t *mask;
    if (ig_batch_drawn(out, &e->batch, j->first_row + row, &j->sampling)) return INGOT_OK;
    IG_TRY(ig_rule_mask(&mask, &j->rule, err));
    const ig_sample_row from = text_of(j, mask);
    return ig_batch_draw(out, &e->batch, e->sampler, j->first_row + row, &j->sampling, &from,
                         j->n_sampled, err);
}

/* Sample from the rows of the text's end and of its guesses, as long as they are right. *right:
 * guesses that are. */
static ingot_status take_tokens(ig_engine *e, ig_lm_job *j, size_t *right, bool *ended,
                                ingot_error *err)
{
    ig_sampled token;
    for (*right = 0;; ++*right) {
        IG_TRY(sample(e, j, *right, &token, err));
        IG_TRY(ig_lm_job_take(j, &token, ended, err));
        const bool guessed = *right < j->n_guess && j->guess[*right] == (int32_t)token.token;
        if (*ended || !guessed) return INGOT_OK;
    }
}

/* E_DEVICE: it is lost, and the job goes on elsewhere. Other errors end the job. */
static ingot_status deliver_one(ig_engine *e, ig_lm_job *j, ingot_error *err)
{
    size_t right = 0;
    bool ended = false;
    ingot_status s = INGOT_OK;
    const size_t length = ig_kv_length(j->seq), n = j->n_step - j->n_guess;
    const bool whole = length + n == j->tokens.n, copied = copies_logits(j);
    if (!j->n_sampled) e->info.prompt_tokens += n;
    if (copied)
        s = ig_batch_logits(j->prompt_logits + length * e->lm.vocab, &e->batch, j->first_row, n,
                            err);
    if (!s && whole && j->prompt_only) {
        ended = true;
        j->result.finish = INGOT_FINISH_LENGTH;
        j->first_ns = ig_now_ns();
    } else if (!s && whole) {
        if (copied) j->first_row += n - 1; /* the last one's row */
        s = take_tokens(e, j, &right, &ended, err);
        j->result.drafted += j->n_guess;
        j->result.accepted += right;
    }
    if (s == INGOT_E_DEVICE) return s;
    if (!s) ig_kv_commit(j->seq, j->tokens.v + length, n + right);
    if (!s && j->n_guess) ig_kv_truncate(j->seq, length + n + right);
    if (s)
        ig_lm_job_end(e, j, INGOT_FINISH_ERROR, err);
    else if (ended)
        ig_lm_job_end(e, j, j->result.finish, NULL);
    else if (!ig_lm_job_hand(j))
        atomic_store(&j->cancel, true);
    return INGOT_OK;
}

ingot_status ig_deliver(ig_engine *e, ingot_error *err)
{
    for (size_t i = 0; i < e->n_order; i++) IG_TRY(deliver_one(e, e->order[i], err));
    return INGOT_OK;
}
