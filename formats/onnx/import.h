/* import.h - how an ONNX node becomes Ingot nodes.
 *
 * Each formats/onnx/map_<group>.c holds the rows of one group of ops; maps.def lists the groups. A
 * row names the ONNX op, the opsets it holds for, and the function that emits Ingot nodes. Emitters
 * are sticky: after the first failure they do nothing, so a mapping builds its nodes without
 * checking each call and returns c->status at the end. */
#ifndef IG_ONNX_IMPORT_H
#define IG_ONNX_IMPORT_H

#include "runtime/graph/op.h"

struct onnx_node; /* the message, see model.h */

typedef struct ig_import {
    ig_graph *g; /* the graph that nodes are added to */
    ingot_status status;
    ingot_error *err;
    ig_node *last;             /* what the latest ig_emit* made */
    struct onnx_import *whole; /* the importer's own state, see state.h */
    struct onnx_scope *scope;  /* names of g */
} ig_import;

typedef struct ig_onnx_node {
    const char *op, *domain, *name; /* domain "" is ai.onnx */
    int64_t version;                /* opset of the node's domain */
    const ig_id *in, *out;          /* IG_NO_VALUE: omitted; 16 more follow the last one */
    uint32_t n_in, n_out;
    const struct onnx_node *raw;
} ig_onnx_node;

typedef ingot_status ig_onnx_map_fn(ig_import *c, const ig_onnx_node *n, const char *arg);

/* A row. The first row that fits is taken. domain "" is ai.onnx. */
typedef struct {
    const char *domain, *op;
    int since, until; /* opsets, inclusive; until 0: no end */
    ig_onnx_map_fn *fn;
    const char *arg; /* for fn */
} ig_onnx_map;

#define MAP(group) extern const ig_onnx_map ig_onnx_map_##group[]; /* ends with op == NULL */
#include "formats/onnx/maps.def"
#undef MAP

/* ig_import_same - one Ingot node with the same inputs, outputs and attribute names. arg: the Ingot
 * op, then optional attribute settings: "unary fn=exp", "reduce fn=sum". An ONNX attribute that the
 * Ingot op does not describe is an error that names it. */
ig_onnx_map_fn ig_import_same;

/* Nodes with subgraphs, as map_structure.c emits them. Captured values follow the inputs given
 * here. if            cond; sub: then, else, which take captured values only (then's first) loop
 * trip count (i64), cond (bool), state[n_state]; sub: (i, cond, state...) -> (cond, state...,
 * scanned...) scan          state[n_state], scanned[n_scan]; sub: (state..., slices...) ->
 * (state..., slices...); scan_input_axes, scan_input_directions, scan_output_axes,
 *                 scan_output_directions; opset 8: batched=1, directions, lengths=1: input 0 is [B]
 *   sequence_map  sequence, further sequences or tensors: n_items inputs;
 *                 sub: (items...) -> (items...) */

/* ---- reading the node -------------------------------------------------------------------------
 */
bool onnx_has(const ig_onnx_node *n, const char *attr);
bool onnx_given(const ig_onnx_node *n, uint32_t input); /* the optional input is there */
int64_t onnx_int(ig_import *c, const ig_onnx_node *n, const char *attr, int64_t def);
double onnx_float(ig_import *c, const ig_onnx_node *n, const char *attr, double def);
const char *onnx_text(ig_import *c, const ig_onnx_node *n, const char *attr, const char *def);
ig_ints onnx_ints(ig_import *c, const ig_onnx_node *n,
                  const char *attr); /* absent: n == 0, v == NULL */
ig_floats onnx_floats(ig_import *c, const ig_onnx_node *n, const char *attr);
ig_texts onnx_texts(ig_import *c, const ig_onnx_node *n, const char *attr);
ig_id onnx_tensor(ig_import *c, const ig_onnx_node *n, const char *attr); /* as a constant value */
/* onnx_attr_dtype - an int attribute that holds a TensorProto.DataType (Cast's `to`); absent: def.
 */
ingot_dtype onnx_attr_dtype(ig_import *c, const ig_onnx_node *n, const char *attr, ingot_dtype def);
/* onnx_known - constant content of input i (an initializer or a Constant node), or NULL. */
const ig_value *onnx_known(ig_import *c, const ig_onnx_node *n, uint32_t i);
/* onnx_type - what is known of an input's type so far (value_info, inference); never NULL. */
const ig_type *onnx_type(ig_import *c, ig_id id);
/* onnx_subgraph - import the graph attribute as a subgraph of `node`, slot `slot`; its captured
 * outer values are appended to node->in in the order in which the subgraph declares them after its
 * own inputs. */
ingot_status onnx_subgraph(ig_import *c, const ig_onnx_node *n, const char *attr, ig_node *node,
                           uint32_t slot);

/* onnx_infer_new - the types of what was emitted since c->g had `first` nodes, for a mapping that
 * needs them before it returns. */
ingot_status onnx_infer_new(ig_import *c, size_t first);
/* onnx_inline_graph - the nodes of a graph attribute become nodes of c->g: its inputs mean
 * in[n_in], its outputs are out[n_out]. */
ingot_status onnx_inline_graph(ig_import *c, const ig_onnx_node *n, const char *attr,
                               const ig_id *in, size_t n_in, ig_id *out, size_t n_out);

/* onnx_alias - output `out` is the value `id`: no node is needed. */
void onnx_alias(ig_import *c, const ig_onnx_node *n, uint32_t out, ig_id id);

/* ---- emitting
 * ------------------------------------------------------------------------------------ */
/* ig_emit - omitted inputs and outputs at the end are dropped; an omitted output that the op cannot
 * do without becomes a value without a name. NULL: it failed, now or before. */
ig_node *ig_emit(ig_import *c, const ig_onnx_node *n, const char *op, const ig_id *in, size_t n_in,
                 const ig_id *out, size_t n_out);
/* ig_emit_to / ig_emit_new - one output: a given value / a new one. The ids follow n_in. */
ig_node *ig_emit_to(ig_import *c, const ig_onnx_node *n, ig_id out, const char *op, size_t n_in,
                    ...);
ig_id ig_emit_new(ig_import *c, const ig_onnx_node *n, const char *op, size_t n_in, ...);
/* ig_emit_last - the node that the latest ig_emit* made, to set attributes on. */
ig_node *ig_emit_last(ig_import *c);
ig_id ig_emit_ints(ig_import *c, const int64_t *v, size_t n);        /* constant i64 [n] */
ig_id ig_emit_scalar(ig_import *c, ingot_dtype dtype, double value); /* constant, rank 0 */
/* ig_emit_scalar_like - a rank-0 constant cast to the dtype of `like` (folded when the type is
 * known). */
ig_id ig_emit_scalar_like(ig_import *c, const ig_onnx_node *n, ig_id like, double value);

void ig_set_int(ig_import *c, ig_node *node, const char *attr, int64_t v);
void ig_set_float(ig_import *c, ig_node *node, const char *attr, double v);
void ig_set_text(ig_import *c, ig_node *node, const char *attr, const char *v); /* ENUM too */
void ig_set_ints(ig_import *c, ig_node *node, const char *attr, const int64_t *v, size_t n);
void ig_set_floats(ig_import *c, ig_node *node, const char *attr, const float *v, size_t n);
void ig_set_texts(ig_import *c, ig_node *node, const char *attr, const ingot_str *v, size_t n);

/* ig_onnx_fail - E_UNSUPPORTED for this node; ig_onnx_bad - E_FORMAT. Sticky: the first failure
 * stays. Both return the status. */
ingot_status ig_onnx_fail(ig_import *c, const ig_onnx_node *n, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
ingot_status ig_onnx_bad(ig_import *c, const ig_onnx_node *n, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
