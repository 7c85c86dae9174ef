/* text_rows.h - texts, or pairs of them, as rows of ids with the special tokens of the tokenizer's
 * template, cut to what a model takes. */
#ifndef IG_LLM_TEXT_ROWS_H
#define IG_LLM_TEXT_ROWS_H

#include "runtime/text/tokenizer.h"

typedef struct {
    size_t at, n; /* in ids and types */
    size_t cut;   /* tokens of the texts that had no room */
} ig_text_row;

typedef struct {
    ig_heap *heap;
    ig_ids ids, types; /* types: segment of each id */
    ig_text_row *rows;
    size_t n, cap;
    ig_ids words[2]; /* scratch: the texts' own ids */
} ig_text_rows;

void ig_text_rows_init(ig_text_rows *r, ig_heap *heap);
void ig_text_rows_clear(ig_text_rows *r);
void ig_text_rows_reset(ig_text_rows *r); /* no rows; keeps its memory */

/* ig_text_rows_add - one more row of at most `most` ids, of one text or of a pair.
 *
 * A text that is too long loses its end; of a pair the longer one does, until both are as long,
 * then both. Errors: E_DATA (not UTF-8), E_ARG (no room for a token beside the special ones; the
 * tokenizer has no template for a pair), E_NOMEM. On failure r is as before. */
ingot_status ig_text_rows_add(ig_text_rows *r, ig_token_work *w, const ig_recipe *recipe,
                              const ingot_str *texts, size_t n_texts, size_t most,
                              ingot_error *err);

#endif
