/* split.h - the splitting steps of a tokenizer: a text into the words that the model encodes. */
#ifndef IG_TEXT_SPLIT_H
#define IG_TEXT_SPLIT_H

#include "runtime/text/pattern.h"
#include "runtime/text/recipe.h"

typedef ingot_status ig_word_fn(void *ud, const char *p, size_t n, ingot_error *err);

typedef struct {
    const ig_steps *steps;
    ig_pattern *const *patterns; /* of each step, or NULL */
    ig_bytes *changed;           /* scratch of each step: a text that it has changed */
    ig_matcher *matcher;
    ig_word_fn *word; /* called with each word in order; p is borrowed */
    void *ud;
} ig_splitter;

/* ig_split - pass text[0, n), valid UTF-8, through the steps, word by word: no list of words is
 * kept. is_first: nothing came before it. Errors: E_DATA, E_NOMEM, and those of word(). */
ingot_status ig_split(const ig_splitter *s, const char *text, size_t n, bool is_first,
                      ingot_error *err);

#endif
