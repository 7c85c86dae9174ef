/* paged_attention.h - what the files of paged attention share, and what the owner of a cache asks a
 * graph: which layers it has. */
#ifndef IG_OPS_PAGED_ATTENTION_H
#define IG_OPS_PAGED_ATTENTION_H

#include "runtime/graph/op.h"

typedef struct {
    int64_t layer, heads, kv_heads, d, dv, window, interleaved;
    double scale, softcap;
} ig_paged_attrs;

enum { IG_PAGED_Q, IG_PAGED_K, IG_PAGED_V, IG_PAGED_TABLE, IG_PAGED_SINKS, IG_PAGED_SLOPES };

/* What a layer keeps of a token: kv_heads keys of d and values of dv elements. */
typedef struct {
    size_t layer, heads, kv_heads, d, dv;
    int64_t window; /* keys further than that before a query do not count; -1: all do */
} ig_paged_layer;

/* ig_paged_layer_of - of a node of g; its inputs' types or its attributes tell. E_FORMAT: neither
 * does, or they cannot be. false in *is: the node is no paged attention. */
ingot_status ig_paged_layer_of(ig_paged_layer *out, bool *is, const ig_graph *g,
                               const ig_node *node, ingot_error *err);

/* ig_paged_sizes - attributes and types of q, k and v (NULL: omitted). IG_DIM_UNKNOWN in d or dv:
 * not told. */
typedef struct {
    int64_t d, dv;
} ig_paged_size;
ingot_status ig_paged_sizes(ig_paged_size *out, const ig_node *node, const ig_type *q,
                            const ig_type *k, const ig_type *v, ingot_error *err);

ingot_status ig_paged_infer(ig_infer *c);

#endif
