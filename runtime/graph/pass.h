/* pass.h - graph to graph. */
#ifndef IG_PASS_H
#define IG_PASS_H

#include "runtime/graph/op.h"
#include "runtime/base/log.h"

typedef struct ig_pass_context {
    ig_heap *heap;
    ig_pool *pool; /* may be NULL */
    const ig_log *log;
    bool keep_plain;   /* do not pack weights */
    ig_arena *scratch; /* emptied after each pass */
} ig_pass_context;

typedef struct {
    const char *name; /* --dump-after=NAME */
    ingot_status (*run)(ig_graph *g, ig_pass_context *c, ingot_error *err);
} ig_pass;

const ig_pass *ig_pass_list(size_t *n); /* in the order in which they run */

/* ig_passes_run - all passes, on subgraphs too where it makes sense. dump (may be NULL) is called
 * with the graph after the pass of that name. */
ingot_status ig_passes_run(ig_graph *g, ig_pass_context *c,
                           void (*after)(void *ud, const char *pass, const ig_graph *g), void *ud,
                           ingot_error *err);

/* ig_infer_graph - types of all values, in place; keeps what was declared where inference knows
 * less. sizes.h tells more of dimensions that are computed. */
ingot_status ig_infer_graph(ig_graph *g, ig_heap *heap, ingot_error *err);

/* ig_infer_node - the same for one node whose inputs' types are as known as they will be; not for
 * its subgraphs. */
ingot_status ig_infer_node(ig_graph *g, const ig_node *node, ig_heap *heap, ingot_error *err);

/* ig_graph_check - everything a file can get wrong in a graph's structure; E_FORMAT. To be called
 * before anything else looks at a graph that was read. */
ingot_status ig_graph_check(const ig_graph *g, ingot_error *err);

/* ig_graph_print - one node a line, for dumps and tests; out gets at most cap bytes, always
 * terminated. Returns the length that was wanted. */
size_t ig_graph_print(char *out, size_t cap, const ig_graph *g);

#endif
