/* match.h - looking for patterns in a graph: who made a value, who reads it, is it a known number.
 *
 * A view of one graph at one time; a pass that changes the graph opens a new one or keeps to nodes
 * that it has not touched. */
#ifndef IG_MATCH_H
#define IG_MATCH_H

#include "runtime/graph/op.h"

typedef struct {
    ig_graph *g;
    ig_node **made_by; /* [n_values at opening] */
    ig_node **read_by; /* one of the readers */
    uint32_t *uses;
    size_t n_values;
} ig_match;

bool ig_match_open(ig_match *m, ig_graph *g, ig_arena *a); /* false: no memory */

/* ig_maker - the node that makes `id`, when its op has that name (and, with fn set, that fn). NULL:
 * not. */
ig_node *ig_maker(const ig_match *m, ig_id id, const char *op, const char *fn);
bool ig_is(const ig_node *n, const char *op, const char *fn); /* n may be NULL */
bool ig_read_once(const ig_match *m, ig_id id); /* one reader; not a graph output too */

/* ig_only_reader - the one node that reads `id`; NULL: several, or a graph output. */
ig_node *ig_only_reader(const ig_match *m, ig_id id);

/* ig_scalar - the value of a constant with one element of any float or integer type. */
bool ig_scalar(const ig_match *m, ig_id id, double *v);
bool ig_scalar_is(const ig_match *m, ig_id id, double want); /* within 1e-4 relative */
/* ig_const_vector - a plain f32 constant whose only dimension other than 1 is [n], at `from_last`
 * from the end (0: last); NULL else. Scalars are not vectors unless n == 1. */
const float *ig_const_vector(const ig_match *m, ig_id id, int64_t n, int from_last);
/* ig_const_vector_of - the same of another type. */
const void *ig_const_vector_of(const ig_match *m, ig_id id, ingot_dtype dtype, int64_t n,
                               int from_last);

/* ig_other - node has two inputs, one of which is `id`: the other, else IG_NO_VALUE. ig_with_scalar
 * - node is op/fn with one constant scalar input: the other input, and *v. */
ig_id ig_other(const ig_node *n, ig_id id);
ig_id ig_with_scalar(const ig_match *m, const ig_node *n, double *v);

int64_t ig_attr_int(const ig_node *n, const char *name);
double ig_attr_double(const ig_node *n, const char *name);
ig_ints ig_attr_ints(const ig_node *n, const char *name);
const char *ig_attr_text(const ig_node *n, const char *name);
/* Setters for passes; false: no memory or no such attribute. Lists are copied. */
bool ig_put_attr_int(ig_graph *g, ig_node *n, const char *name, int64_t v);
bool ig_put_attr_double(ig_graph *g, ig_node *n, const char *name, double v);
bool ig_put_attr_text(ig_graph *g, ig_node *n, const char *name, const char *v);
bool ig_put_attr_ints(ig_graph *g, ig_node *n, const char *name, const int64_t *v, size_t count);

/* ig_become - turn node n into another op with default attributes and these inputs; its outputs
 * stay. false: no memory. */
bool ig_become(ig_graph *g, ig_node *n, const char *op, const ig_id *in, size_t n_in);

/* ig_take_attrs - n takes the values of `from`, attributes of `op`, where it has attributes of the
 * same names. false: no memory. */
bool ig_take_attrs(ig_graph *g, ig_node *n, const ig_op *op, const void *from);

#endif
