/* tokenizer.h - the tokenizer that a GGUF file's keys describe. */
#ifndef IG_GGUF_TOKENIZER_H
#define IG_GGUF_TOKENIZER_H

#include "formats/gguf/gguf.h"
#include "runtime/text/recipe.h"

/* ig_gguf_tokenizer - the recipe, in the arena (pieces are views where they need no change).
 * Errors: E_FORMAT (a list is missing or of the wrong length), E_UNSUPPORTED (model or split
 * unknown: says which are known), E_NOMEM. */
ingot_status ig_gguf_tokenizer(ig_recipe *r, ig_arena *arena, const ig_gguf *g, ingot_error *err);

#endif
