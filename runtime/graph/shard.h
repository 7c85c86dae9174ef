/* shard.h - one rank's share of a graph: tensor parallelism (Shoeybi et al. 2019).
 *
 * Heads of attention and hidden columns of feed-forward blocks are divided among ranks: the
 * products before them keep some of their columns, those behind them some of their rows, and one
 * sum over all ranks (`all_reduce`) follows each of the latter. Of the last product every rank
 * computes some columns, which `all_gather` puts together. All else is computed by every rank
 * alike. A rank's graph has the inputs and outputs of the whole, and what it computes differs from
 * it by the order in which products add alone.
 *
 *     x -> q k v (heads of r) -> attention (heads of r) -> o (rows of r) -> all_reduce -> + x
 *       -> gate up (columns of r) -> down (rows of r) -> all_reduce -> ..
 */
#ifndef IG_SHARD_H
#define IG_SHARD_H

#include "runtime/graph/ir.h"

/* ig_shard - the share of rank `rank` of n_ranks as a graph of its own. Constants are views of g's
 * where they lie in one piece, g must outlive it; others are copied. The bytes that all shares copy
 * together are at most those of g's constants. Errors: E_UNSUPPORTED (key heads that n_ranks does
 * not divide, weights that cannot be cut there, an op between that needs whole rows: the node is
 * named), E_NOMEM. Threads: any, several ranks at once. */
ingot_status ig_shard(ig_graph **out, const ig_graph *g, ig_heap *heap, size_t rank, size_t n_ranks,
                      ingot_error *err);

#endif
