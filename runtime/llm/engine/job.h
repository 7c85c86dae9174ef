/* job.h - one request on its way: what was asked, how far it is, what came of it. Internal to the
 * engine.
 *
 * `tokens` is the whole text as ids, prompt and answer. Those before ig_kv_length(seq) are in the
 * cache; the rest has still to be computed, and where that reaches the end of the list there are
 * logits to sample the next one from. Prompts, answers and what is computed again after preemption
 * are the same to the scheduler. */
#ifndef IG_LLM_JOB_H
#define IG_LLM_JOB_H

#include "runtime/llm/engine/rule.h"
#include "runtime/llm/sample/sampler.h"

struct ig_engine;

/* Who shares fairly. Tenants are few; one lives while it has requests, then until it is forgotten.
 */
typedef struct ig_tenant {
    struct ig_tenant *next;
    uint64_t salt;   /* of the cache: no page is shared across it */
    uint64_t served; /* tokens computed for it */
    size_t n_jobs;
} ig_tenant;

typedef struct ingot_generation ig_lm_job;

struct ingot_generation {
    struct ig_engine *engine;
    ig_lm_job *next; /* in the inbox, in waiting, or in running */
    ig_arena arena;

    /* what was asked */
    int priority;
    uint64_t deadline_ns, arrival;
    ig_tenant *tenant;
    uint64_t salt;
    ig_sampling sampling;
    size_t most_new; /* tokens of the answer */
    bool ignore_eos, prompt_only, shift;
    float *prompt_logits;
    bool (*piece)(void *ud, const ingot_piece *piece);
    void (*done_fn)(void *ud);
    void *ud;

    /* how far it is: the engine's thread alone */
    ig_token_list tokens;
    size_t n_prompt; /* of them the prompt's that are still there */
    bool running;
    ig_kv_seq *seq; /* NULL unless it is running */
    uint64_t n_sampled;
    ig_answer_text text;
    ig_rule rule;
    ingot_token *answer; /* [answer_cap] */
    size_t n_answer, answer_cap, n_handed;
    ingot_logprob *tops; /* [answer_cap * sampling.top_logprobs] */

    /* its part of the step at hand */
    size_t n_step, n_guess, first_row, n_rows;
    int32_t *guess; /* [engine's most] */

    /* of the draft model: its sequence, and what it guessed last, at which length of the text */
    ig_kv_seq *draft_seq;
    int32_t *drafted; /* [engine's most] */
    size_t n_drafted, drafted_at;

    /* written by any thread */
    atomic_bool cancel, in_step;

    /* how it ended: under the engine's mutex */
    bool ended;
    ingot_error error;
    ingot_result result;
    uint64_t submitted_ns, begun_ns, first_ns, ended_ns;
};

/* ig_lm_job_open - copy and check what was asked; tokenizes. Runs on the caller's thread. Errors:
 * as ingot_generator_submit. */
ingot_status ig_lm_job_open(ig_lm_job **out, struct ig_engine *e, const ingot_request *r,
                            ingot_error *err);
void ig_lm_job_free(ig_lm_job *job);

/* ig_lm_job_take - the answer's next token: kept, its text made, end and stop recognised. *ended:
 * it was the last one, and job->result.finish says why. */
ingot_status ig_lm_job_take(ig_lm_job *job, const ig_sampled *token, bool *ended, ingot_error *err);
/* ig_lm_job_hand - call back with what is new. false: the callback wants no more. */
bool ig_lm_job_hand(ig_lm_job *job);

#endif
