/* generate.h - `ingot bench generate`: how fast a language model reads prompts and writes answers.
 *
 * The steps are those of the engine (runtime/llm/engine): prompts of 128, 512 and 2,048 tokens in
 * chunks of 512, and answers of 1, 4, 8 and 16 sequences at a time, each behind a text of 0 or
 * 2,048 tokens. Choosing the next token is left out, as it is small and the caller's choice.
 * Figures are tokens a second. The limit of a prompt is the machine's arithmetic, that of an answer
 * reading from memory: every weight once a step, and the keys and values of each text. */
#ifndef IG_BENCH_GENERATE_H
#define IG_BENCH_GENERATE_H

#include "bench/kernels/runner.h"

/* bench_generate - all cases of a model; b comes from bench_open. Errors: what opening it gives,
 * E_NOMEM. */
ingot_status bench_generate(bench *b, const char *path, ingot_error *err);

#endif
