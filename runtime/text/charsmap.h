/* charsmap.h - SentencePiece's precompiled character map.
 *
 * A blob: u32 bytes of a trie, the trie as a double array (darts-clone: Aoe 1989), then the
 * replacement texts, each ended by a zero byte. The trie's value is the offset of a replacement. */
#ifndef IG_TEXT_CHARSMAP_H
#define IG_TEXT_CHARSMAP_H

#include "runtime/text/recipe.h"

/* ig_charsmap_apply - append the mapped text. With IG_STEP_GRAPHEMES a short grapheme is looked up
 * as a whole first and then each of its characters, and the shortest entry wins (what Hugging Face
 * does); without, the longest entry at each place (what SentencePiece does). A map that is cut off
 * maps nothing. Errors: E_NOMEM. */
ingot_status ig_charsmap_apply(ig_bytes *to, const unsigned char *text, size_t n, const ig_step *s,
                               ingot_error *err);

/* ig_charsmap_check - whether a blob has the parts it claims. */
bool ig_charsmap_check(const char *blob, size_t n);

#endif
