/* ir.h - the graph: nodes in topological order over values.
 *
 * Everything of a graph lives in its arena; constants may point into a mapped file. A subgraph (a
 * branch or a loop's body) is a graph of its own whose captured outer values are ordinary inputs:
 * the node that owns it passes them explicitly. A graph is built by one thread, then immutable. */
#ifndef IG_IR_H
#define IG_IR_H

#include "runtime/base/arena.h"
#include "runtime/base/dtype.h"
#include "runtime/graph/attr.h"

enum { IG_MAX_RANK = INGOT_MAX_RANK, IG_RANK_UNKNOWN = -1 };
typedef uint32_t ig_id;        /* index of a value in its graph */
#define IG_NO_VALUE UINT32_MAX /* an omitted optional input or output */

/* A dimension: >= 0 its size, IG_DIM_UNKNOWN, or a named symbol: IG_DIM_SYMBOL(index). */
#define IG_DIM_UNKNOWN      ((int64_t)-1)
#define IG_DIM_SYMBOL(s)    (-2 - (int64_t)(s))
#define IG_DIM_IS_SYMBOL(d) ((d) <= -2)
#define IG_SYMBOL_OF(d)     ((size_t)(-2 - (d)))

typedef enum { IG_TENSOR, IG_SEQUENCE } ig_kind;

/* A type. For a sequence dtype, rank and dims describe its elements as far as they agree. */
typedef struct {
    uint8_t kind; /* ig_kind */
    bool optional;
    ingot_dtype dtype; /* INGOT_NONE: not known yet */
    int rank;          /* IG_RANK_UNKNOWN, or 0..IG_MAX_RANK */
    int64_t dims[IG_MAX_RANK];
} ig_type;

/* A tensor's content: C-contiguous, 64-byte aligned where we allocate it. A sequence has kind
 * IG_SEQUENCE, rank 1 and its items as ig_tensor[dims[0]] at data. */
typedef struct ig_tensor {
    uint8_t kind;
    bool absent; /* an empty optional */
    ingot_dtype dtype;
    int rank;
    int64_t dims[IG_MAX_RANK];
    void *data;
} ig_tensor;

/* How a constant's bytes are arranged. Ids are stored in files and never change. */
typedef enum {
    IG_PLAIN = 0,
    IG_P16 = 1,      /* panels of 16 output columns (kernels/gemm/gemm.h), of f32, f16 or bf16; the
                        logical dims are kept in the type. Of i8 and u8 (kernels/gemm_i8/gemm_i8.h): the
                        panels of all matrices, then the i32 sums of their columns, padded to 16 */
    IG_P16_CONV = 2, /* the same bytes for i8 and u8 weights [M, C, kernel..] of a convolution in
                        one group: a matrix of M columns and K = taps * C, taps first */
    IG_P16_TURNED = 3, /* IG_P16 of the floats [.., N, K] as if they were [.., K, N]: the weights of
                          recurrent ops, whose rows are the columns of a product */
} ig_layout;

/* Who makes a lazy constant's content when a writer asks for it: all of its bytes go to dst, which
 * is 64-byte aligned and zeroed. Called any number of times, one at a time. */
typedef struct {
    ingot_status (*fn)(const void *ud, void *dst, ingot_error *err);
    const void *ud;
} ig_fill;

typedef struct {
    const char *name; /* never NULL; may be "" */
    ig_type type;
    const void *data; /* a constant's content, else NULL */
    size_t data_bytes;
    const ig_fill *fill; /* a lazy constant: data is NULL, nobody knows the content yet */
    ig_layout layout;
    bool is_const; /* true also for constants without elements */
} ig_value;

typedef struct ig_graph ig_graph;
typedef struct ig_op ig_op;

typedef struct ig_node {
    const ig_op *op;
    const char *name; /* never NULL */
    void *attrs;      /* the op's struct */
    ig_id *in, *out;
    uint32_t n_in, n_out;
    ig_graph **sub; /* owned */
    uint32_t n_sub;
} ig_node;

typedef struct {
    const char **names;
    size_t n, cap;
} ig_symbols;

struct ig_graph {
    ig_arena arena;
    const char *name;
    ig_value *values;
    size_t n_values, cap_values;
    ig_node **nodes;
    size_t n_nodes, cap_nodes;
    ig_id *inputs, *outputs;
    size_t n_inputs, n_outputs;
    ig_symbols *symbols; /* one table for a graph and its subgraphs */
    ig_graph *parent;    /* NULL for the main graph */
    void (*close_kept)(void *kept);
    void *kept; /* what constants point into, see ig_graph_keep */
};

/* ---- making ---------------------------------------------------------------------------------- */

/* ig_graph_open - an empty graph. parent: NULL, or the graph that this one is a branch or body of.
 */
ig_graph *ig_graph_open(ig_heap *heap, ig_graph *parent);
void ig_graph_close(ig_graph **graph); /* subgraphs too */

/* ig_graph_keep - `kept` lives as long as the graph: close(kept) is called when it closes. One
 * thing a graph. */
void ig_graph_keep(ig_graph *g, void (*close)(void *kept), void *kept);

/* All return IG_NO_VALUE or NULL when there is no memory. Names are copied. */
ig_id ig_graph_value(ig_graph *g, const char *name, const ig_type *type); /* type NULL: unknown */
ig_id ig_graph_const(ig_graph *g, const char *name, ingot_dtype dtype, int rank,
                     const int64_t *dims, const void *data); /* borrows data */
ig_id ig_graph_const_copy(ig_graph *g, const char *name, ingot_dtype dtype, int rank,
                          const int64_t *dims, const void *data);
ig_id ig_graph_const_ints(ig_graph *g, const char *name, const int64_t *v, size_t n); /* [n] i64 */
/* ig_graph_lazy - a constant whose content fill makes when a file is written; *fill is copied, its
 * ud is borrowed. Such a graph is checked, inferred, printed and written; it cannot be run before
 * ig_graph_fill. */
ig_id ig_graph_lazy(ig_graph *g, const char *name, const ig_type *type, ig_layout layout,
                    const ig_fill *fill);
/* ig_graph_fill - make the content of all lazy constants, in the arena. */
ingot_status ig_graph_fill(ig_graph *g, ingot_error *err);

/* ig_graph_node - append a node with default attributes; in and out are copied. */
ig_node *ig_graph_node(ig_graph *g, const ig_op *op, const char *name, const ig_id *in, size_t n_in,
                       const ig_id *out, size_t n_out, size_t n_sub);
bool ig_graph_set_io(ig_graph *g, const ig_id *in, size_t n_in, const ig_id *out, size_t n_out);

/* ig_graph_symbol - the dimension of a named symbol, made when new; IG_DIM_UNKNOWN: no memory. */
int64_t ig_graph_symbol(ig_graph *g, const char *name);
const char *ig_graph_symbol_name(const ig_graph *g, int64_t dim);

/* ---- asking ---------------------------------------------------------------------------------- */

static inline const ig_value *ig_value_at(const ig_graph *g, ig_id id)
{
    return id == IG_NO_VALUE ? NULL : &g->values[id];
}

/* ig_graph_producers - [n_values] the node that makes each value, NULL for inputs and constants.
 * ig_graph_uses - [n_values] how often each is read, graph outputs included. From arena `a`; NULL:
 * no memory. */
ig_node **ig_graph_producers(const ig_graph *g, ig_arena *a);
uint32_t *ig_graph_uses(const ig_graph *g, ig_arena *a);

/* ---- changing (passes) ------------------------------------------------------------------------
 */

void ig_graph_replace(ig_graph *g, ig_id old, ig_id now); /* in every node input and graph output */
void ig_graph_compact(ig_graph *g);                       /* drop nodes whose op is NULL */
/* ig_graph_sort - restore topological order, stable. E_FORMAT: a cycle; names a node on it. */
ingot_status ig_graph_sort(ig_graph *g, ingot_error *err);

/* ---- types ------------------------------------------------------------------------------------
 */

ig_type ig_type_tensor(ingot_dtype dtype, int rank, const int64_t *dims);
bool ig_type_static(const ig_type *t); /* a tensor with dtype, rank and all sizes known */
/* Counts with overflow checks; false: unknown or it does not fit. Strings count 16 bytes each. */
bool ig_type_elements(const ig_type *t, size_t *n);
bool ig_type_bytes(const ig_type *t, size_t *bytes);
bool ig_dims_elements(int rank, const int64_t *dims, size_t *n);
/* ig_layout_bytes - what a tensor of this type takes in that layout; false: it cannot be laid out
 * so. */
bool ig_layout_bytes(const ig_type *type, ig_layout layout, size_t *bytes);
/* "f32[batch,3,224,224]" for messages; out is always terminated. */
void ig_type_print(char *out, size_t cap, const ig_type *t, const ig_symbols *symbols);
ig_type ig_type_of(const ig_tensor *t);

size_t ig_tensor_elements(const ig_tensor *t); /* the dims were checked when it was made */

#endif
