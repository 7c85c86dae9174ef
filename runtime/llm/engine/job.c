/* job.c - see job.h. */
#include "runtime/llm/engine/parts.h"
#include "runtime/base/checked.h"
#include "runtime/base/clock.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is asked ---- */

static int by_id(const void *a, const void *b)
{
    const ig_logit_bias *x = a, *y = b;
    return x->id != y->id ? (x->id < y->id ? -1 : 1) : (x->add > y->add) - (x->add < y->add);
}

/* Biases of the same token are added up, so that each has one: all of them apply at once. */
static size_t add_up(ig_logit_bias *bias, size_t n)
{
    size_t kept = 0;
    if (n) qsort(bias, n, sizeof *bias, by_id);
    for (size_t i = 0; i < n; i++) {
        if (kept && bias[kept - 1].id == bias[i].id)
            bias[kept - 1].add += bias[i].add;
        else
            bias[kept++] = bias[i];
    }
    return kept;
}

static ingot_status copy_sampling(ig_lm_job *j, const ingot_request *r, ingot_error *err)
{
    const ingot_sampling *s = &r->sampling;
    if (s->n_bias && (!s->bias_ids || !s->bias))
        return ig_fail(err, INGOT_E_ARG, "%zu logit biases without ids or values", s->n_bias);
    ig_logit_bias *bias = ig_new_n(&j->arena, ig_logit_bias, s->n_bias);
    if (!bias) return ig_fail(err, INGOT_E_NOMEM, "request: no memory");
    for (size_t i = 0; i < s->n_bias; i++)
        bias[i] = (ig_logit_bias){(uint32_t)s->bias_ids[i], s->bias[i]};
    if (s->top_k > UINT32_MAX || s->penalty_window > UINT32_MAX ||
        r->top_logprobs > IG_TOP_LOGPROBS_MOST)
        return ig_fail(
            err, INGOT_E_ARG,
            "top_k %zu, penalty_window %zu or top_logprobs %zu (at most %d) is too large", s->top_k,
            s->penalty_window, r->top_logprobs, IG_TOP_LOGPROBS_MOST);
    j->sampling = (ig_sampling){.temperature = s->temperature,
                                .top_k = (uint32_t)s->top_k,
                                .top_p = s->top_p,
                                .min_p = s->min_p,
                                .typical_p = s->typical_p,
                                .repetition_penalty = s->repetition_penalty,
                                .presence_penalty = s->presence_penalty,
                                .frequency_penalty = s->frequency_penalty,
                                .penalty_window = (uint32_t)s->penalty_window,
                                .seed = s->seed,
                                .bias = bias,
                                .n_bias = add_up(bias, s->n_bias),
                                .logprob = r->logprobs || r->top_logprobs,
                                .top_logprobs = (uint32_t)r->top_logprobs};
    return ig_sampling_check(&j->sampling, j->engine->lm.vocab, err);
}

static ingot_status check_ids(const ig_token_list *l, size_t vocab, ingot_error *err)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i] < 0 || (size_t)l->v[i] >= vocab)
            return ig_fail(err, INGOT_E_DATA,
                           "token %zu of the prompt is %d, the vocabulary has the ids 0 to %zu", i,
                           l->v[i], vocab - 1);
    return INGOT_OK;
}

/* ---- prompts that are too long ---- */

/* Room that a cut leaves for the answer. */
static size_t answer_room(const ig_lm_job *j, const ingot_request *r)
{
    const size_t context = j->engine->context;
    if (r->prompt_only) return 0;
    if (r->cut == INGOT_CUT_NEVER || context < 4) return 1;
    return r->max_tokens ? IG_MIN(r->max_tokens, context / 2) : context / 4;
}

static ingot_status too_long(const ig_lm_job *j, size_t n, ingot_error *err)
{
    const ig_engine *e = j->engine;
    const size_t model = e->lm.context ? e->lm.context : e->context;
    if (e->context < model)
        return ig_fail(err, INGOT_E_DATA,
                       "the prompt has %zu tokens, the context here is %zu (the model knows %zu: "
                       "raise the context or the budget of the cache)",
                       n, e->context, model);
    return ig_fail(err, INGOT_E_DATA,
                   "the prompt has %zu tokens, which leave no room in the model's context of %zu "
                   "(shorten it, or let its oldest part be cut)",
                   n, e->context);
}

/* Of text and ids the oldest tokens go, but for the one that begins every text. */
static ingot_status cut_tokens(ig_lm_job *j, size_t most)
{
    ig_token_list *l = &j->tokens;
    const size_t head = j->engine->lm.bos >= 0 && l->v[0] == j->engine->lm.bos && most > 1;
    const size_t gone = l->n - most;
    memmove(l->v + head, l->v + head + gone, (most - head) * sizeof *l->v);
    l->n = most;
    j->result.truncated_tokens = gone;
    return INGOT_OK;
}

/* Of messages the oldest go that are no system message, until the rest fits. */
static ingot_status cut_messages(ig_lm_job *j, const ingot_request *r, size_t most,
                                 ingot_error *err)
{
    const size_t whole = j->tokens.n, keep = IG_MAX(r->keep_messages, (size_t)1);
    ingot_message *m = ig_new_n(&j->arena, ingot_message, r->n_messages);
    if (!m) return ig_fail(err, INGOT_E_NOMEM, "request: no memory");
    memcpy(m, r->messages, r->n_messages * sizeof *m);
    size_t n = r->n_messages, plain = 0;
    for (size_t i = 0; i < n; i++) plain += strcmp(m[i].role, "system") != 0;
    while (j->tokens.n > most && plain > keep) {
        size_t at = 0;
        while (!strcmp(m[at].role, "system")) at++;
        memmove(m + at, m + at + 1, (n - at - 1) * sizeof *m);
        n--, plain--;
        j->tokens.n = 0;
        IG_TRY(ig_prompts_chat(&j->tokens, j->engine->prompts, m, n, err));
    }
    j->result.truncated_tokens = whole - IG_MIN(whole, j->tokens.n);
    return j->tokens.n > most ? too_long(j, j->tokens.n, err) : INGOT_OK;
}

static ingot_status fit(ig_lm_job *j, const ingot_request *r, ingot_error *err)
{
    const size_t room = answer_room(j, r), context = j->engine->context;
    const size_t most = context > room ? context - room : 0;
    if (j->tokens.n <= most) return INGOT_OK;
    if (r->cut == INGOT_CUT_NEVER || !most) return too_long(j, j->tokens.n, err);
    return r->n_messages ? cut_messages(j, r, most, err) : cut_tokens(j, most);
}

/* ---- the prompt ---- */

static ingot_status take_prompt(ig_lm_job *j, const ingot_request *r, ingot_error *err)
{
    ig_engine *e = j->engine;
    if (r->messages ? r->text || r->ids : !r->text && !r->ids)
        return ig_fail(err, INGOT_E_ARG, "a request has a text, ids or both, or messages");
    if (r->prompt_logits && (r->text || r->messages))
        return ig_fail(err, INGOT_E_ARG, "prompt_logits needs a prompt of ids");
    if (r->ids) IG_TRY(ig_token_list_add(&j->tokens, r->ids, r->n_ids, err));
    if (r->text) {
        const size_t n = r->n_text ? r->n_text : strlen(r->text);
        IG_TRY(ig_prompts_encode(&j->tokens, e->prompts, r->text, n, r->raw, r->n_ids == 0, err));
    }
    if (r->messages)
        IG_TRY(ig_prompts_chat(&j->tokens, e->prompts, r->messages, r->n_messages, err));
    const int32_t bos = (int32_t)e->lm.bos;
    if (!j->tokens.n && !r->ids && bos >= 0) IG_TRY(ig_token_list_add(&j->tokens, &bos, 1, err));
    if (!j->tokens.n) return ig_fail(err, INGOT_E_DATA, "the prompt is empty");
    IG_TRY(check_ids(&j->tokens, e->lm.vocab, err));
    const size_t given = j->tokens.n;
    IG_TRY(fit(j, r, err));
    if (r->prompt_logits && j->tokens.n != given)
        return ig_fail(err, INGOT_E_ARG, "prompt_logits and a prompt that has to be cut");
    j->n_prompt = j->result.prompt_tokens = j->tokens.n;
    return INGOT_OK;
}

static uint64_t salt_of(const char *tenant)
{
    return tenant && *tenant ? ig_hash(tenant, strlen(tenant)).lo : 0;
}

static ingot_status fill(ig_lm_job *j, const ingot_request *r, ingot_error *err)
{
    ig_engine *e = j->engine;
    j->priority = r->priority;
    j->deadline_ns = r->deadline_ns;
    j->salt = salt_of(r->tenant);
    j->most_new = r->max_tokens ? r->max_tokens : SIZE_MAX;
    j->ignore_eos = r->ignore_eos;
    j->prompt_only = r->prompt_only;
    j->shift = r->shift;
    j->prompt_logits = r->prompt_logits;
    j->piece = r->piece;
    j->done_fn = r->done;
    j->ud = r->ud;
    if (r->cut > INGOT_CUT_OLDEST) return ig_fail(err, INGOT_E_ARG, "cut is %d", (int)r->cut);
    IG_TRY(copy_sampling(j, r, err));
    j->guess = ig_new_n(&j->arena, int32_t, e->most_guess);
    j->drafted = ig_new_n(&j->arena, int32_t, e->most_guess);
    if (!j->guess || !j->drafted) return ig_fail(err, INGOT_E_NOMEM, "request: no memory");
    const bool follows = r->text && (r->n_text || *r->text);
    IG_TRY(ig_answer_text_open(&j->text, e->prompts, e->heap, follows, r->stop, r->n_stop, err));
    IG_TRY(ig_rule_open(&j->rule, e->heap, e->prompts, r->json_schema, r->grammar, err));
    if (j->rule.state && r->ignore_eos)
        return ig_fail(err, INGOT_E_ARG, "ignore_eos does not go with a schema or grammar");
    return take_prompt(j, r, err);
}

ingot_status ig_lm_job_open(ig_lm_job **out, ig_engine *e, const ingot_request *r, ingot_error *err)
{
    *out = NULL;
    ig_lm_job *j = ig_take0(e->heap, sizeof *j);
    if (!j) return ig_fail(err, INGOT_E_NOMEM, "request: no memory");
    j->engine = e;
    j->tokens.heap = e->heap;
    j->result.stop_id = -1;
    ig_arena_init(&j->arena, e->heap);
    atomic_init(&j->cancel, false);
    atomic_init(&j->in_step, false);
    j->submitted_ns = ig_now_ns();
    const ingot_status s = fill(j, r, err);
    if (s) {
        ig_lm_job_free(j);
        return s;
    }
    *out = j;
    return INGOT_OK;
}

static size_t tops_bytes(const ig_lm_job *j)
{
    return j->answer_cap * j->sampling.top_logprobs * sizeof *j->tops;
}

void ig_lm_job_free(ig_lm_job *j)
{
    ig_heap *heap = j->engine->heap;
    ig_token_list_clear(&j->tokens);
    ig_answer_text_close(&j->text);
    ig_rule_close(&j->rule);
    if (j->answer) ig_give(heap, j->answer, j->answer_cap * sizeof *j->answer);
    if (j->tops) ig_give(heap, j->tops, tops_bytes(j));
    ig_arena_clear(&j->arena);
    ig_give(heap, j, sizeof *j);
}

/* ---- the answer ---- */

static ingot_status grow_answer(ig_lm_job *j, ingot_error *err)
{
    ig_heap *heap = j->engine->heap;
    const size_t cap = j->answer_cap ? 2 * j->answer_cap : 64, n_top = j->sampling.top_logprobs;
    ingot_token *answer = ig_take(heap, cap * sizeof *answer);
    ingot_logprob *tops = n_top ? ig_take(heap, cap * n_top * sizeof *tops) : NULL;
    if (!answer || (n_top && !tops)) {
        if (answer) ig_give(heap, answer, cap * sizeof *answer);
        if (tops) ig_give(heap, tops, cap * n_top * sizeof *tops);
        return ig_fail(err, INGOT_E_NOMEM, "no memory for an answer of %zu tokens", cap);
    }
    if (j->n_answer) memcpy(answer, j->answer, j->n_answer * sizeof *answer);
    if (j->n_answer && tops) memcpy(tops, j->tops, j->n_answer * n_top * sizeof *tops);
    for (size_t i = 0; tops && i < j->n_answer; i++) answer[i].top = tops + i * n_top;
    if (j->answer) ig_give(heap, j->answer, j->answer_cap * sizeof *j->answer);
    if (j->tops) ig_give(heap, j->tops, tops_bytes(j));
    j->answer = answer;
    j->tops = tops;
    j->answer_cap = cap;
    return INGOT_OK;
}

static ingot_status keep(ig_lm_job *j, const ig_sampled *t, ingot_error *err)
{
    const int32_t id = (int32_t)t->token;
    if (j->n_answer == j->answer_cap) IG_TRY(grow_answer(j, err));
    IG_TRY(ig_token_list_add(&j->tokens, &id, 1, err));
    ingot_token *to = &j->answer[j->n_answer];
    *to = (ingot_token){.id = id, .logprob = j->sampling.logprob ? t->logprob : 0};
    if (j->tops) {
        ingot_logprob *top = j->tops + j->n_answer * j->sampling.top_logprobs;
        for (size_t i = 0; i < t->n_top; i++)
            top[i] = (ingot_logprob){(int32_t)t->top[i].id, t->top[i].logprob};
        to->top = top;
        to->n_top = t->n_top;
    }
    j->n_answer++;
    return INGOT_OK;
}

ingot_status ig_lm_job_take(ig_lm_job *j, const ig_sampled *t, bool *ended, ingot_error *err)
{
    const int32_t id = (int32_t)t->token;
    bool stopped;
    j->n_sampled++;
    if (!j->first_ns) j->first_ns = ig_now_ns();
    *ended = true;
    j->result.finish = INGOT_FINISH_STOP;
    if (!j->ignore_eos && ig_lm_is_eos(&j->engine->lm, id)) {
        j->result.stop_id = id;
        return INGOT_OK;
    }
    IG_TRY(keep(j, t, err));
    IG_TRY(ig_answer_text_add(&j->text, id, &stopped, err));
    if (!stopped) IG_TRY(ig_rule_take(&j->rule, t->token, &stopped, err));
    if (stopped) return INGOT_OK;
    j->result.finish = INGOT_FINISH_LENGTH;
    *ended = j->n_answer >= j->most_new || (!j->shift && j->tokens.n >= j->engine->context);
    return INGOT_OK;
}

bool ig_lm_job_hand(ig_lm_job *j)
{
    if (!j->piece) return true;
    const ingot_piece piece = {.text = ig_answer_text_new(&j->text),
                               .tokens = j->answer + j->n_handed,
                               .n_tokens = j->n_answer - j->n_handed};
    j->n_handed = j->n_answer;
    return (!piece.text.n && !piece.n_tokens) || j->piece(j->ud, &piece);
}
