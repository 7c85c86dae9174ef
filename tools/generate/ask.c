/* ask.c - from the command line to a request. */
#include "tools/generate/generate.h"
#include "runtime/base/checked.h"
#include "runtime/base/clock.h"
#include "tools/data/whole.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- prompts ---- */

static ingot_status parse_ids(ig_generate *j, ingot_error *err)
{
    const char *p = j->a->ids;
    j->ids = ig_new_n(&j->arena, int32_t, strlen(p) / 2 + 1);
    if (!j->ids) return ig_fail(err, INGOT_E_NOMEM, "--ids: no memory");
    while (*p) {
        int64_t id = 0;
        const char *begin = p;
        while (isdigit((unsigned char)*p) && id <= INT32_MAX) id = id * 10 + (*p++ - '0');
        if (p == begin || id > INT32_MAX || (*p && *p != ',' && *p != ' '))
            return ig_fail(err, INGOT_E_DATA, "--ids, byte %zu: '%.20s' is no token id",
                           (size_t)(begin - j->a->ids), begin);
        j->ids[j->n_ids++] = (int32_t)id;
        while (*p == ',' || *p == ' ') p++;
    }
    return j->n_ids ? INGOT_OK : ig_fail(err, INGOT_E_DATA, "--ids holds no token id");
}

ingot_status ig_generate_prompt(ig_generate *j, ingot_error *err)
{
    const ig_generate_args *a = j->a;
    if (a->ids) IG_TRY(parse_ids(j, err));
    if (a->file) {
        IG_TRY(ig_read_whole(&j->text, a->file, err));
        while (j->text.n && j->text.p[j->text.n - 1] == '\n') j->text.n--; /* the editor's */
        if (!j->text.n) return ig_fail(err, INGOT_E_DATA, "%s is empty", a->file);
    }
    return INGOT_OK;
}

/* ---- how the answer is chosen ---- */

static ingot_status parse_bias(ig_generate *j, ingot_sampling *s, ingot_error *err)
{
    const ig_words *words = &j->a->bias;
    int32_t *ids = ig_new_n(&j->arena, int32_t, words->n);
    float *add = ig_new_n(&j->arena, float, words->n);
    if (!ids || !add) return ig_fail(err, INGOT_E_NOMEM, "--bias: no memory");
    for (size_t i = 0; i < words->n; i++) {
        char *end, *after;
        const long long id = strtoll(words->items[i], &end, 10);
        const float v = *end == '=' ? strtof(end + 1, &after) : 0;
        if (*end != '=' || after == end + 1 || *after || id < 0 || id > INT32_MAX)
            return ig_fail(err, INGOT_E_ARG, "--bias %s: it takes ID=VALUE, as in 50256=-100",
                           words->items[i]);
        ids[i] = (int32_t)id;
        add[i] = v;
    }
    s->bias_ids = ids;
    s->bias = add;
    s->n_bias = words->n;
    return INGOT_OK;
}

/* What is not said on the command line is as the model's makers recommend; where they say nothing
 * of the temperature it is 0.8. */
static ingot_status sampling(ig_generate *j, ingot_error *err)
{
    const ig_generate_args *a = j->a;
    ingot_sampling *s = &j->ask.sampling;
    ingot_generator_sampling(s, j->g);
    if (a->temp >= 0)
        s->temperature = (float)a->temp;
    else if (s->temperature == 0)
        s->temperature = 0.8f;
    if (a->top_k >= 0) s->top_k = (size_t)a->top_k;
    if (a->top_p >= 0) s->top_p = (float)a->top_p;
    if (a->min_p >= 0) s->min_p = (float)a->min_p;
    if (a->repetition >= 0) s->repetition_penalty = (float)a->repetition;
    s->typical_p = (float)a->typical_p;
    s->presence_penalty = (float)a->presence;
    s->frequency_penalty = (float)a->frequency;
    s->penalty_window = (size_t)a->penalty_window;
    s->seed = j->seed = a->seed >= 0 ? (uint64_t)a->seed : ig_now_ns() & UINT32_MAX;
    return parse_bias(j, s, err);
}

static ingot_status take_stops(ig_generate *j, ingot_error *err)
{
    const ig_words *words = &j->a->stop;
    ingot_str *stop = ig_new_n(&j->arena, ingot_str, words->n);
    if (!stop) return ig_fail(err, INGOT_E_NOMEM, "--stop: no memory");
    for (size_t i = 0; i < words->n; i++)
        stop[i] = (ingot_str){words->items[i], strlen(words->items[i])};
    j->ask.stop = stop;
    j->ask.n_stop = words->n;
    return INGOT_OK;
}

/* A schema or grammar is a file. */
static ingot_status take_rule(ig_generate *j, ingot_error *err)
{
    const ig_generate_args *a = j->a;
    if (a->schema && a->grammar)
        return ig_fail(err, INGOT_E_ARG, "give --json-schema or --grammar, one of the two");
    const char *path = a->schema ? a->schema : a->grammar;
    if (!path) return INGOT_OK;
    IG_TRY(ig_read_whole(&j->rule, path, err));
    if (j->rule.n && memchr(j->rule.p, 0, j->rule.n))
        return ig_fail(err, INGOT_E_DATA, "%s holds a zero byte", path);
    ig_put_u8(&j->rule, 0);
    if (j->rule.failed) return ig_fail(err, INGOT_E_NOMEM, "%s: no memory", path);
    *(a->schema ? &j->ask.json_schema : &j->ask.grammar) = (const char *)j->rule.p;
    return INGOT_OK;
}

static ingot_status take_logits(ig_generate *j, ingot_error *err)
{
    ingot_generator_info info;
    if (!j->a->logits) return INGOT_OK;
    ingot_generator_get_info(&info, j->g);
    j->vocab = info.vocab;
    if (!ig_mul_ok(j->n_ids, j->vocab * sizeof(float), &j->logits_bytes) ||
        !(j->logits = ig_take(j->heap, j->logits_bytes)))
        return ig_fail(err, INGOT_E_NOMEM, "--logits: no memory for %zu x %zu floats", j->n_ids,
                       j->vocab);
    j->ask.prompt_logits = j->logits;
    return INGOT_OK;
}

static bool show_piece(void *ud, const ingot_piece *piece)
{
    ig_generate *j = ud;
    if (!piece->text.n) return true;
    fwrite(piece->text.p, 1, piece->text.n, stdout);
    fflush(stdout);
    j->ends_line = piece->text.p[piece->text.n - 1] == '\n';
    return true;
}

ingot_status ig_generate_ask(ig_generate *j, ingot_error *err)
{
    const ig_generate_args *a = j->a;
    j->ask = (ingot_request){.size = sizeof j->ask,
                             .max_tokens = a->n > 0 ? (size_t)a->n : 0,
                             .prompt_only = a->n == 0,
                             .ignore_eos = a->ignore_eos,
                             .raw = a->raw,
                             .logprobs = a->logprobs >= 0,
                             .top_logprobs = a->logprobs > 0 ? (size_t)a->logprobs : 0,
                             .cut = a->truncate ? INGOT_CUT_OLDEST : INGOT_CUT_NEVER,
                             .keep_messages = (size_t)a->keep_last,
                             .shift = a->shift,
                             .piece = a->json ? NULL : show_piece,
                             .ud = j};
    IG_TRY(sampling(j, err));
    IG_TRY(take_stops(j, err));
    IG_TRY(take_rule(j, err));
    return take_logits(j, err);
}
