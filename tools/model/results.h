/* results.h - what a model gave: as arrays for files, as a summary for people. */
#ifndef IG_TOOL_RESULTS_H
#define IG_TOOL_RESULTS_H

#include "runtime/base/arena.h"
#include "tools/cli/json.h"
#include "tools/data/array.h"

typedef struct {
    ig_array *items; /* views of the session's memory */
    size_t n;
    size_t n_absent; /* empty optionals, which have no array */
} ig_results;

/* ig_results_of - outputs of a run. Sequences are flattened to NAME.0, NAME.1...; an output that
 * the model lists twice is there once. E_NOMEM. */
ingot_status ig_results_of(ig_results *r, const ingot_tensor *out, size_t n, ig_arena *arena,
                           ingot_error *err);

/* ig_results_folder - NAME.npy each (slashes become underscores); the folder is made when missing.
 * On failure none of the files stays. Types that NumPy lacks get NAME.__dtype__.npy beside. */
ingot_status ig_results_folder(const ig_results *r, const char *folder, ig_heap *heap,
                               ingot_error *err);

ingot_status ig_results_print(const ig_results *r, FILE *to, ingot_error *err);
void ig_results_json(ig_json *j, const ig_results *r); /* as array "outputs" */

#endif
