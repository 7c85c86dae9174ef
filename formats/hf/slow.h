/* slow.h - tokenizers of folders without a tokenizer.json, as transformers' older classes have
 * them.
 */
#ifndef IG_HF_SLOW_H
#define IG_HF_SLOW_H

#include "formats/hf/folder.h"
#include "runtime/text/recipe.h"

/* ig_slow_vocabulary - vocab.json with merges.txt (byte-level BPE of GPT-2, Qwen 2, RoBERTa), or
 * vocab.txt (WordPiece of BERT and MPNet). tokenizer_config.json says of which class it is and what
 * its special tokens are. E_UNSUPPORTED: a class that needs a tokenizer.json. */
ingot_status ig_slow_vocabulary(ig_recipe *r, ig_arena *arena, const ig_source *src,
                                ingot_error *err);

/* ig_slow_sentencepiece - what tokenizer_config.json adds to a tokenizer.model: added tokens, and
 * whether a text begins with bos (as Llama's and Gemma's do when nothing is said) or ends with eos.
 */
ingot_status ig_slow_sentencepiece(ig_recipe *r, ig_arena *arena, const ig_source *src,
                                   ingot_error *err);

#endif
