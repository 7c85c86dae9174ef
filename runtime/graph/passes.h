/* passes.h - the passes themselves, each with its own file pass_<name>.c; pass.c has their order.
 */
#ifndef IG_PASSES_H
#define IG_PASSES_H

#include "runtime/graph/pass.h"

typedef ingot_status ig_pass_fn(ig_graph *g, ig_pass_context *c, ingot_error *err);

#define PASS(name) ig_pass_fn ig_pass_##name;
#include "runtime/graph/passes.def"
#undef PASS

#endif
