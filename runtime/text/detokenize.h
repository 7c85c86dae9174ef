/* detokenize.h - ids to text, one at a time, as a model streams them.
 *
 * What is given out is always whole characters: bytes of an unfinished one wait for the next id,
 * and bytes that can become none are U+FFFD. */
#ifndef IG_TEXT_DETOKENIZE_H
#define IG_TEXT_DETOKENIZE_H

#include "runtime/text/tokenizer.h"

typedef struct {
    const ig_lexicon *x;
    bool skip_special;
    size_t n_tokens;   /* given out so far */
    size_t strip_left; /* times that the strip step may still take its text from the start */
    bool held_space;   /* of an end-of-word suffix: only before another token */
    ig_bytes token;    /* the text of the id at hand */
    ig_bytes spare;
    unsigned char tail[4]; /* of an unfinished character */
    size_t n_tail;
    ig_bytes out; /* whole characters; the caller takes them and sets out.n = 0 */
} ig_detokenizer;

/* ig_detokenizer_init - skip_special: control tokens give no text. */
void ig_detokenizer_init(ig_detokenizer *d, const ig_tokenizer *t, ig_heap *heap,
                         bool skip_special);
void ig_detokenizer_clear(ig_detokenizer *d);

/* ig_detokenizer_follow - what comes stands behind other text, so that the space which many
 * tokenizers drop where a text begins belongs to it. Before the first id. */
void ig_detokenizer_follow(ig_detokenizer *d);

/* ig_detokenizer_add - the text of one more id goes to d->out. Errors: E_ARG (no such id), E_NOMEM.
 */
ingot_status ig_detokenizer_add(ig_detokenizer *d, uint32_t id, ingot_error *err);

/* ig_detokenizer_end - no id follows: an unfinished character becomes U+FFFD. */
ingot_status ig_detokenizer_end(ig_detokenizer *d, ingot_error *err);

/* ig_detokenizer_piece - *bytes: what an id adds in the middle of a text, before it is made whole
 * characters; valid until the next call. For a detokenizer that is used for nothing else. Errors:
 * as ig_detokenizer_add(). */
ingot_status ig_detokenizer_piece(ingot_str *bytes, ig_detokenizer *d, uint32_t id,
                                  ingot_error *err);

#endif
