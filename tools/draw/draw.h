/* draw.h - pictures of graphs: text for Graphviz, and SVG with a layout of our own. */
#ifndef IG_DRAW_H
#define IG_DRAW_H

#include "runtime/base/bytes.h"
#include "runtime/graph/ir.h"

/* Both append to `out` (whose `failed` is to be looked at) and use the arena for working memory.
 * Constants are not drawn; subgraphs are, inside their node. E_NOMEM. */
ingot_status ig_draw_dot(ig_bytes *out, const ig_graph *g, ig_arena *arena, ingot_error *err);
ingot_status ig_draw_svg(ig_bytes *out, const ig_graph *g, ig_arena *arena, ingot_error *err);

#endif
