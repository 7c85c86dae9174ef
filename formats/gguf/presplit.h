/* presplit.h - GGUF names a split by a word in tokenizer.ggml.pre instead of storing the patterns.
 */
#ifndef IG_GGUF_PRESPLIT_H
#define IG_GGUF_PRESPLIT_H

#include "runtime/base/alloc.h"

enum { IG_PRESPLIT_PATTERNS = 5 };

typedef struct {
    const char *names[16];                          /* NULL-terminated */
    const char *patterns[IG_PRESPLIT_PATTERNS + 1]; /* one after the other; NULL-terminated */
    bool whole_first;                               /* a word that is a piece needs no merges */
} ig_presplit;

const ig_presplit *ig_presplit_find(ingot_str name); /* NULL: unknown */
void ig_presplit_names(char *text, size_t n);        /* all known names, for an error */

#endif
