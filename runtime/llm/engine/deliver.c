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

static ingot_status sample(ig_engine *e, ig_lm_job *j, size_t row, ig_sampled *out,
                           ingot_error *err)
{
    const uint64_t *mask;
    IG_TRY(ig_rule_mask(&mask, &j->rule, err));
    const ig_sample_row from = {.logits = e->batch.logits + (j->first_row + row) * e->lm.vocab,
                                .mask = mask,
                                .before = j->tokens.v,
                                .n_before = j->tokens.n,
                                .n_prompt = j->n_prompt};
    return ig_sample(out, e->sampler, &j->sampling, &from, j->n_sampled, err);
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

static void copy_prompt_logits(const ig_engine *e, const ig_lm_job *j, size_t at)
{
    const size_t v = e->lm.vocab;
    memcpy(j->prompt_logits + at * v, e->batch.logits + j->first_row * v,
           j->n_rows * v * sizeof(float));
}

static void deliver_one(ig_engine *e, ig_lm_job *j)
{
    ingot_error err;
    size_t right = 0;
    bool ended = false;
    ingot_status s = INGOT_OK;
    const size_t length = ig_kv_length(j->seq), n = j->n_step - j->n_guess;
    const bool whole = length + n == j->tokens.n;
    if (!j->n_sampled) e->info.prompt_tokens += n;
    if (j->prompt_logits && j->n_rows == n && !j->n_sampled) copy_prompt_logits(e, j, length);
    if (whole && j->prompt_only) {
        ended = true;
        j->result.finish = INGOT_FINISH_LENGTH;
        j->first_ns = ig_now_ns();
    } else if (whole) {
        if (j->prompt_logits && j->n_rows == n) j->first_row += n - 1; /* the last one's row */
        s = take_tokens(e, j, &right, &ended, &err);
        j->result.drafted += j->n_guess;
        j->result.accepted += right;
    }
    if (!s) ig_kv_commit(j->seq, j->tokens.v + length, n + right);
    if (!s && j->n_guess) ig_kv_truncate(j->seq, length + n + right);
    if (s)
        ig_lm_job_end(e, j, INGOT_FINISH_ERROR, &err);
    else if (ended)
        ig_lm_job_end(e, j, j->result.finish, NULL);
    else if (!ig_lm_job_hand(j))
        atomic_store(&j->cancel, true);
}

void ig_deliver(ig_engine *e)
{
    for (size_t i = 0; i < e->n_order; i++) deliver_one(e, e->order[i]);
}
