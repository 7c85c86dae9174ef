/* generate.h - the parts of `ingot generate`: what is asked, what is shown. */
#ifndef IG_TOOL_GENERATE_H
#define IG_TOOL_GENERATE_H

#include "tools/cli/cli.h"
#include "tools/model/open.h"
#include "runtime/base/bytes.h"

typedef struct {
    /* the prompt */
    const char *model, *text, *file, *ids, *system, *session, *schema, *grammar;
    bool chat, raw;
    /* the answer */
    int64_t n, seed, top_k, penalty_window, logprobs;
    double temp, top_p, min_p, typical_p, repetition, presence, frequency;
    ig_words stop, bias;
    bool ignore_eos, truncate, shift;
    int64_t keep_last;
    /* the machine */
    const char *draft;
    int64_t threads, context, chunk, page_tokens, lookup, draft_tokens, ranks;
    uint64_t kv_bytes, kv_spare;
    int kv_type, math;
    ig_device_args device;
    /* what is shown */
    const char *logits;
    bool print_ids, stats, json, quiet;
} ig_generate_args;

typedef struct {
    const ig_generate_args *a;
    ig_cli *cli;
    ig_opened o;
    ingot_model *draft;
    ingot_generator *g;
    ig_heap *heap;
    ig_arena arena;
    ig_bytes text;     /* the prompt, read from a file */
    ig_bytes rule;     /* the schema or grammar, terminated */
    ingot_request ask; /* without the prompt */
    int32_t *ids;
    size_t n_ids;
    float *logits; /* [n_ids, vocab] */
    size_t logits_bytes, vocab;
    uint64_t seed;
    double open_s;
    bool ends_line; /* the text shown so far ends with a newline, or there is none */
} ig_generate;

/* ask.c - the arguments as a request, without its prompt; prompt.c's ids and texts. */
ingot_status ig_generate_ask(ig_generate *j, ingot_error *err);
ingot_status ig_generate_prompt(ig_generate *j, ingot_error *err);

/* ig_generate_answer - submit j->ask, stream its text to standard output, wait. Ctrl-C ends it:
 * E_CANCELLED. *t is open also then, for its result; close it. */
ingot_status ig_generate_answer(ig_generate *j, ingot_generation **t, ingot_result *r,
                                ingot_error *err);

/* show.c */
void ig_generate_notes(const ig_generate *j, const ingot_result *r); /* what was cut, on stderr */
void ig_generate_stats(const ig_generate *j, const ingot_result *r);
ingot_status ig_generate_json(const ig_generate *j, const ingot_result *r, ingot_error *err);
void ig_generate_ids(const ingot_result *r);
ingot_status ig_generate_logprobs(const ig_generate *j, const ingot_result *r, ingot_error *err);

/* chat.c - turns from standard input until it ends. */
ingot_status ig_generate_chat(ig_generate *j, ingot_error *err);

#endif
