/* draft.h - guesses of what an answer's next tokens are: from the text itself, or from a smaller
 * model. Internal to the engine; deliver.c checks them. */
#ifndef IG_LLM_DRAFT_H
#define IG_LLM_DRAFT_H

#include "runtime/llm/engine/parts.h"

/* ig_draft_open - where the engine has a draft model: its cache, of as many pages as the engine's,
 * and its steps. Errors: E_ARG (another vocabulary), those of ig_lm_open with the word draft. */
ingot_status ig_draft_open(ig_engine *e, ingot_error *err);
void ig_draft_close(ig_engine *e);

/* ig_draft_guess - fill guess and n_guess of running jobs whose answer is under way. */
void ig_draft_guess(ig_engine *e);

/* ig_draft_forget - the job lost its sequence, or its text changed: so does its draft. */
void ig_draft_forget(ig_lm_job *job);

/* ig_lookup - prompt lookup (Saxena 2023): where the text's last tokens, 3 or else fewer, occurred
 * before, the latest place counts; what followed there is the guess. Returns how many, at most
 * `most`. */
size_t ig_lookup(int32_t *guess, size_t most, const int32_t *text, size_t n);

#endif
