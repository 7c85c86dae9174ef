/* sizes.h - which dimensions of a graph's tensors are surely equal, before any size is known.
 *
 * Types of a graph leave dimensions open that a model computes at run time: a Reshape to
 * Concat(Shape(x)[0], Shape(x)[1], 12, 32) has four unknown ones. Here every open dimension gets a
 * name of its own, and names are followed through all ops and through the small integer vectors
 * that models make of them. Equal entries are equal sizes, whatever the inputs; different ones may
 * still be equal.
 *
 * A view of one graph at one time. The names are private to it: they are no symbols of the graph.
 */
#ifndef IG_SIZES_H
#define IG_SIZES_H

#include "runtime/graph/op.h"

typedef struct ig_sizes ig_sizes;

/* ig_sizes_open - from arena `a`, which owns it; NULL: no memory. heap: for passing needs. */
ig_sizes *ig_sizes_open(const ig_graph *g, ig_arena *a, ig_heap *heap);

/* ig_sizes_type - the type of a value that the graph had when the view was made. Where the rank is
 * known so is each dimension: a size, or a name (IG_DIM_IS_SYMBOL). */
const ig_type *ig_sizes_type(const ig_sizes *s, ig_id id);

/* ig_sizes_same - both are tensors of known, surely equal shapes. */
bool ig_sizes_same(const ig_sizes *s, ig_id a, ig_id b);

#endif
