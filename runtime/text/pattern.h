/* pattern.h - regular expressions of tokenizers, by PCRE2 with its JIT.
 *
 * Patterns were written for other engines (Oniguruma, Rust's regex); where \s differs it is spelt
 * out. Matching has limits, so that a hostile pattern ends with an error. */
#ifndef IG_TEXT_PATTERN_H
#define IG_TEXT_PATTERN_H

#include "runtime/base/alloc.h"

typedef struct ig_pattern ig_pattern; /* immutable: any thread */
typedef struct ig_matcher ig_matcher; /* scratch of one thread */

/* Errors: E_FORMAT (what is wrong with the pattern, where), E_UNSUPPORTED (built without PCRE2),
 * E_NOMEM. */
ingot_status ig_pattern_open(ig_pattern **out, const char *text, size_t n, ingot_error *err);
void ig_pattern_close(ig_pattern **p);

ingot_status ig_matcher_open(ig_matcher **out, ingot_error *err);
void ig_matcher_close(ig_matcher **m);

typedef struct {
    size_t begin, end; /* begin == SIZE_MAX: no match */
} ig_match;

/* ig_pattern_find - the first match of at least one byte in text[from, n). The text is valid UTF-8
 * and is seen from its beginning by look-behind. Errors: E_DATA (a limit was reached). */
ingot_status ig_pattern_find(ig_match *out, const ig_pattern *p, ig_matcher *m, const char *text,
                             size_t n, size_t from, ingot_error *err);

#endif
