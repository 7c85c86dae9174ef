/* tokenizer.h - the tokenizer files of llama2.c: SentencePiece BPE with its spaces written as
 * spaces.
 *
 *     u32 length of the longest piece, then for each piece f32 score, u32 length, bytes
 *
 * Pieces 0, 1 and 2 are unknown, beginning and end. */
#ifndef IG_LLAMA2C_TOKENIZER_H
#define IG_LLAMA2C_TOKENIZER_H

#include "runtime/text/recipe.h"

/* ig_llama2c_tokenizer - the recipe; pieces are views of bytes[0, n). Errors: E_FORMAT, E_NOMEM. */
ingot_status ig_llama2c_tokenizer(ig_recipe *r, ig_arena *arena, const void *bytes, size_t n,
                                  ingot_error *err);

#endif
