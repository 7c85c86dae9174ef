/* golden.h - recorded runs from .npz files, for `convert --golden`. */
#ifndef IG_TOOL_GOLDEN_H
#define IG_TOOL_GOLDEN_H

#include "formats/ingot/ingot_file.h"
#include "tools/data/array.h"

typedef struct {
    ig_golden golden; /* points into the lists and the arena */
    ig_arrays in, out;
    ig_arena arena;
} ig_golden_data;

/* ig_golden_read - spec is "in.npz,out.npz" (one case; keys are names of inputs and outputs) or one
 * "golden.npz" with keys inK.NAME and outK.NAME or outK.I.NAME, I being the output's index. Errors:
 * E_DATA, E_NOMEM, E_IO. Clear it in every case. */
ingot_status ig_golden_read(ig_golden_data *g, ig_heap *heap, const char *spec, double tolerance,
                            ingot_error *err);
void ig_golden_clear(ig_golden_data *g);

#endif
