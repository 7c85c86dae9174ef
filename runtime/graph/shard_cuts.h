/* shard_cuts.h - what of each value of a graph a rank keeps; between shard.c and shard_cuts.c. */
#ifndef IG_SHARD_CUTS_H
#define IG_SHARD_CUTS_H

#include "runtime/graph/comm.h"
#include "runtime/graph/match.h"
#include "runtime/graph/shard.h"
#include "runtime/graph/shard_weights.h"

enum { IG_SHARD_OUTS = 8, IG_SHARD_INS = 16, IG_PRODUCT_INS = 8 };

typedef struct {
    const ig_graph *g;
    ig_match m;
    size_t rank, n_ranks;
    ig_runs *cut;   /* [n_values] elements of a row; n == 0: all */
    bool *gathered; /* [n_values] whole again where others read it */
    bool split_experts;
} ig_cuts;

/* ig_cuts_open - decide. Memory from a. Errors: as ig_shard. */
ingot_status ig_cuts_open(ig_cuts *c, const ig_graph *g, ig_arena *a, size_t rank, size_t n_ranks,
                          ingot_error *err);

/* ig_cuts_first - first[0 .. n_ranks]: rank r has [first[r], first[r + 1]) of `total`, in steps of
 * `unit`. */
void ig_cuts_first(const ig_cuts *c, int64_t *first, size_t total, size_t unit);

/* A product with a constant weight. */
typedef struct {
    ig_shard_matrix matrix;
    bool gated, acts; /* glu; an activation follows */
    ig_id bias, residual;
} ig_product;

bool ig_product_of(ig_product *p, const ig_cuts *c, const ig_node *node); /* false: it is none */

typedef struct {
    ig_shard_matrix glu, down;
    ig_run_of mine; /* of the hidden columns */
} ig_experts;

bool ig_experts_of(ig_experts *e, const ig_cuts *c, const ig_node *node);

#endif
