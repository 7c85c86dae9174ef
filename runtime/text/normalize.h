/* normalize.h - the normalising steps of a tokenizer: text in, text out. */
#ifndef IG_TEXT_NORMALIZE_H
#define IG_TEXT_NORMALIZE_H

#include "runtime/text/pattern.h"
#include "runtime/text/recipe.h"

/* ig_normalize - run the steps over *text (valid UTF-8), which stays valid. spare is scratch; the
 * two may be swapped. patterns[i] belongs to step i, NULL where it has none. Errors: E_NOMEM,
 * E_DATA. */
ingot_status ig_normalize(ig_bytes *text, ig_bytes *spare, const ig_steps *steps,
                          ig_pattern *const *patterns, ig_matcher *m, ingot_error *err);

#endif
