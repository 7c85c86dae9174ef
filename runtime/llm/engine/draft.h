/* draft.h - guesses of what an answer's next tokens are: from the text itself, or from a smaller
 * model. Internal to the engine; deliver.c checks them. */
#ifndef IG_LLM_DRAFT_H
#define IG_LLM_DRAFT_H

#include "runtime/llm/engine/parts.h"

/* ig_draft_guess - fill guess and n_guess of running jobs whose answer is under way. */
void ig_draft_guess(ig_engine *e);

/* ig_draft_forget - the job lost its sequence: so does its draft. */
void ig_draft_forget(ig_engine *e, ig_lm_job *job);

/* ig_lookup - prompt lookup (Saxena 2023): where the text's last words, at most 3, occurred before,
 * the latest place counts; what followed there is the guess. Returns how many, at most `most`. */
size_t ig_lookup(int32_t *guess, size_t most, const int32_t *text, size_t n);

#endif
