/* invent.h - inputs out of nothing, for comparing and timing models without data. */
#ifndef IG_TOOL_INVENT_H
#define IG_TOOL_INVENT_H

#include "runtime/graph/ir.h"

/* ig_invent - fill tensors that have dtype and dims with seeded values: floats uniform in [-1, 1),
 * integers in 0..9, booleans either, masks (by name) all one. Memory is the arena's. Errors: E_DATA
 * (strings, sequences and complex numbers cannot be invented), E_NOMEM. */
ingot_status ig_invent(ingot_tensor *tensors, size_t n, const ig_graph *g, uint64_t seed,
                       ig_arena *arena, ingot_error *err);

#endif
