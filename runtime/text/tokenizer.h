/* tokenizer.h - text to ids and back, as the recipe in a model's TOKENIZER section says.
 *
 * A tokenizer is immutable and serves any number of threads; each thread brings its own work, which
 * holds what is scratch: buffers, the matcher, and a cache of words already encoded. */
#ifndef IG_TEXT_TOKENIZER_H
#define IG_TEXT_TOKENIZER_H

#include "runtime/text/model.h"

typedef struct ig_tokenizer ig_tokenizer;
typedef struct ig_token_work ig_token_work;

/* ig_tokenizer_open - over a section's bytes, 64-byte aligned, which must outlive it. Errors:
 * E_FORMAT, E_UNSUPPORTED (needs a library that this build lacks), E_NOMEM. */
ingot_status ig_tokenizer_open(ig_tokenizer **out, ig_heap *heap, const void *bytes, size_t n,
                               ingot_error *err);
void ig_tokenizer_close(ig_tokenizer **t);
const ig_recipe *ig_tokenizer_recipe(const ig_tokenizer *t); /* without .pieces */
const ig_lexicon *ig_tokenizer_lexicon(const ig_tokenizer *t);

ingot_status ig_token_work_open(ig_token_work **out, const ig_tokenizer *t, ingot_error *err);
void ig_token_work_close(ig_token_work **w);

enum {
    IG_ENCODE_SPECIAL = 1 << 0, /* add the template's tokens ([CLS] .. [SEP], <s> ..) */
    IG_ENCODE_PLAIN = 1 << 1,   /* special tokens written in the text are text */
};

/* ig_encode - append the ids of text[0, n) to *out (and, when type_ids is not NULL, each id's
 * segment). On failure *out is as before. Errors: E_DATA (not UTF-8: says which byte; a pattern
 * gave up), E_NOMEM. */
ingot_status ig_encode(ig_ids *out, ig_token_work *w, const char *text, size_t n, unsigned flags,
                       ingot_error *err);
/* ig_encode_pair - two texts by the pair template; type_ids gets the segment of each id. */
ingot_status ig_encode_pair(ig_ids *out, ig_ids *type_ids, ig_token_work *w, ingot_str first,
                            ingot_str second, ingot_error *err);

#endif
