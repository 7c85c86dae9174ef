/* added.h - added tokens: contents that are cut out of a text before anything else looks at it.
 *
 * All contents lie in one trie; at each place the longest wins, and the leftmost goes first. A
 * table of first bytes skips text at memory speed. */
#ifndef IG_TEXT_ADDED_H
#define IG_TEXT_ADDED_H

#include "runtime/text/recipe.h"

typedef struct {
    uint32_t first_child, next; /* nodes; 0: none */
    uint32_t token;             /* index into the recipe's added + 1; 0: none */
    unsigned char byte;
} ig_added_node;

typedef struct {
    const ig_added *added;
    ig_added_node *nodes; /* 0 is the root */
    size_t n;
    bool begins[256];
} ig_added_trie;

typedef struct {
    size_t begin, end;     /* of the stretch that it takes, blanks of lstrip and rstrip included */
    const ig_added *token; /* NULL: none was found */
} ig_added_match;

/* ig_added_open - a trie of those added tokens whose IG_ADDED_NORMALIZED flag is as asked.
 * contents[i] replaces the content of token i where it is not NULL (a normalised one). E_NOMEM. */
ingot_status ig_added_open(ig_added_trie *t, ig_arena *arena, const ig_recipe *r, bool normalized,
                           const ingot_str *contents, ingot_error *err);

/* ig_added_find - the first token in text[from, n). with_special false: special ones are text. */
ig_added_match ig_added_find(const ig_added_trie *t, const char *text, size_t n, size_t from,
                             bool with_special);

#endif
