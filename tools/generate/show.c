/* show.c - what came of an answer, for people and as JSON. */
#include "tools/cli/json.h"
#include "tools/cli/text.h"
#include "tools/generate/generate.h"

#include <string.h>

static double seconds(uint64_t ns) { return 1e-9 * (double)ns; }

static double rate(size_t n, uint64_t ns) { return ns ? (double)n / seconds(ns) : 0; }

/* Tokens of the prompt that were computed, and those of the answer behind the first, which came
 * with the prompt's end. */
static size_t computed(const ingot_result *r) { return r->prompt_tokens - r->cached_tokens; }

static size_t followed(const ingot_result *r) { return r->n_tokens ? r->n_tokens - 1 : 0; }

void ig_generate_notes(const ig_generate *j, const ingot_result *r)
{
    if (j->a->json) return;
    if (r->truncated_tokens)
        fprintf(stderr, "ingot: truncated: the prompt's oldest %zu tokens were left out\n",
                r->truncated_tokens);
    if (r->shifted_tokens)
        fprintf(stderr, "ingot: truncated: %zu tokens were forgotten when the context was full\n",
                r->shifted_tokens);
}

void ig_generate_stats(const ig_generate *j, const ingot_result *r)
{
    char text[32];
    ingot_generator_info info;
    ingot_generator_get_info(&info, j->g);
    const ingot_memory memory = ingot_runtime_memory(j->o.rt);
    fprintf(stderr, "\nprompt   %zu tokens, %zu of them cached: %.1f tok/s\n", r->prompt_tokens,
            r->cached_tokens, rate(computed(r), r->prefill_ns));
    fprintf(stderr, "answer   %zu tokens (%s): %.1f tok/s\n", r->n_tokens,
            ingot_finish_text(r->finish), rate(followed(r), r->decode_ns));
    fprintf(stderr, "first    %s after the request; ",
            ig_format_time(text, sizeof text, seconds(r->queue_ns + r->prefill_ns)));
    fprintf(stderr, "the model was opened in %s\n", ig_format_time(text, sizeof text, j->open_s));
    if (r->drafted) fprintf(stderr, "guesses  %zu of %zu were right\n", r->accepted, r->drafted);
    fprintf(stderr, "memory   %s at most, of it cache ",
            ig_format_bytes(text, sizeof text, memory.peak_bytes));
    fprintf(stderr, "%s (%zu pages)\n",
            ig_format_bytes(text, sizeof text, info.page_bytes * info.pages), info.pages);
    fprintf(stderr, "seed     %llu\n", (unsigned long long)j->seed);
}

void ig_generate_ids(const ingot_result *r)
{
    for (size_t i = 0; i < r->n_tokens; i++) printf("%s%d", i ? "," : "", r->tokens[i].id);
    putchar('\n');
}

ingot_status ig_generate_logprobs(const ig_generate *j, const ingot_result *r, ingot_error *err)
{
    ig_table table;
    const size_t n_top = (size_t)j->a->logprobs;
    ig_table_init(&table, 2 + n_top, 3);
    ig_table_cell(&table, "id");
    ig_table_cell(&table, "logprob");
    for (size_t k = 0; k < n_top; k++) ig_table_cell(&table, "top %zu", k + 1);
    for (size_t i = 0; i < r->n_tokens; i++) {
        const ingot_token *t = &r->tokens[i];
        ig_table_cell(&table, "%d", t->id);
        ig_table_cell(&table, "%.5f", (double)t->logprob);
        for (size_t k = 0; k < n_top; k++)
            if (k < t->n_top)
                ig_table_cell(&table, "%d %.5f", t->top[k].id, (double)t->top[k].logprob);
            else
                ig_table_cell(&table, "-");
    }
    const ingot_status s = ig_table_print(&table, stdout, err);
    ig_table_clear(&table);
    return s;
}

/* ---- JSON ---- */

static void json_token(ig_json *out, const ingot_token *t, bool logprobs)
{
    ig_json_object(out, NULL);
    ig_json_int(out, "id", t->id);
    if (logprobs) {
        ig_json_f32(out, "logprob", t->logprob);
        ig_json_array(out, "top");
        for (size_t k = 0; k < t->n_top; k++) {
            ig_json_object(out, NULL);
            ig_json_int(out, "id", t->top[k].id);
            ig_json_f32(out, "logprob", t->top[k].logprob);
            ig_json_end(out);
        }
        ig_json_end(out);
    }
    ig_json_end(out);
}

static void json_counts(ig_json *out, const ingot_result *r)
{
    ig_json_uint(out, "prompt_tokens", r->prompt_tokens);
    ig_json_uint(out, "cached_tokens", r->cached_tokens);
    ig_json_uint(out, "answer_tokens", r->n_tokens);
    ig_json_uint(out, "truncated", r->truncated_tokens);
    ig_json_uint(out, "shifted", r->shifted_tokens);
    ig_json_uint(out, "drafted", r->drafted);
    ig_json_uint(out, "accepted", r->accepted);
    ig_json_uint(out, "preempted", r->preempted);
}

static void json_times(ig_json *out, const ig_generate *j, const ingot_result *r)
{
    ig_json_f64(out, "open_s", j->open_s);
    ig_json_f64(out, "queue_s", seconds(r->queue_ns));
    ig_json_f64(out, "prefill_s", seconds(r->prefill_ns));
    ig_json_f64(out, "decode_s", seconds(r->decode_ns));
    ig_json_f64(out, "total_s", seconds(r->queue_ns + r->prefill_ns + r->decode_ns));
    ig_json_f64(out, "first_token_s", seconds(r->queue_ns + r->prefill_ns));
    ig_json_f64(out, "prompt_tokens_per_s", rate(computed(r), r->prefill_ns));
    ig_json_f64(out, "answer_tokens_per_s", rate(followed(r), r->decode_ns));
}

ingot_status ig_generate_json(const ig_generate *j, const ingot_result *r, ingot_error *err)
{
    ingot_generator_info info;
    ingot_generator_get_info(&info, j->g);
    ig_json out;
    ig_json_init(&out, stdout, 2);
    ig_json_object(&out, NULL);
    ig_json_text(&out, "model", j->a->model);
    ig_json_text_n(&out, "text", r->text.p, r->text.n);
    ig_json_text(&out, "finish", ingot_finish_text(r->finish));
    if (r->stop_id >= 0) ig_json_int(&out, "stop_id", r->stop_id);
    ig_json_array(&out, "tokens");
    for (size_t i = 0; i < r->n_tokens; i++) json_token(&out, &r->tokens[i], j->a->logprobs >= 0);
    ig_json_end(&out);
    json_counts(&out, r);
    json_times(&out, j, r);
    ig_json_uint(&out, "seed", j->seed);
    ig_json_uint(&out, "threads", ingot_runtime_threads(j->o.rt));
    ig_json_uint(&out, "context", info.context);
    ig_json_uint(&out, "cache_bytes", info.page_bytes * info.pages);
    ig_json_uint(&out, "peak_bytes", ingot_runtime_memory(j->o.rt).peak_bytes);
    ig_json_end(&out);
    return ig_json_finish(&out, err);
}
