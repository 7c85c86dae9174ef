/* model.h - ONNX messages as C structs, read once into an arena.
 *
 * Texts are terminated copies; tensors and types stay spans of the file and are decoded where they
 * are used. The whole tree is read before anything is imported, so that unsupported ops can be
 * listed all at once. The domain "ai.onnx" is given as "". */
#ifndef IG_ONNX_MODEL_H
#define IG_ONNX_MODEL_H

#include "formats/wire.h"

/* AttributeProto.type */
typedef enum {
    ONNX_UNDEFINED = 0,
    ONNX_FLOAT = 1,
    ONNX_INT = 2,
    ONNX_STRING = 3,
    ONNX_TENSOR = 4,
    ONNX_GRAPH = 5,
    ONNX_FLOATS = 6,
    ONNX_INTS = 7,
    ONNX_STRINGS = 8,
    ONNX_TENSORS = 9,
    ONNX_GRAPHS = 10,
    ONNX_SPARSE_TENSOR = 11,
    ONNX_SPARSE_TENSORS = 12,
    ONNX_TYPE_PROTO = 13,
    ONNX_TYPE_PROTOS = 14,
} onnx_attr_type;

typedef struct onnx_graph onnx_graph;

typedef struct onnx_attr {
    const char *name;
    const char *ref; /* the function's attribute that gives the value, or "" */
    onnx_attr_type type;
    float f;
    int64_t i;
    ingot_str s;
    ig_span message;   /* TENSOR, SPARSE_TENSOR, TYPE_PROTO */
    ig_span body;      /* the AttributeProto, for lists */
    onnx_graph *graph; /* GRAPH */
} onnx_attr;

typedef struct onnx_node {
    const char *name, *op, *domain, *overload;
    const char **in, **out; /* "" : omitted */
    size_t n_in, n_out;
    onnx_attr *attrs;
    size_t n_attrs;
} onnx_node;

/* A ValueInfoProto, or a named (sparse) tensor. */
typedef struct {
    const char *name;
    ig_span body; /* the TypeProto (p NULL: none); the tensor */
} onnx_named;

struct onnx_graph {
    const char *name;
    onnx_node *nodes;
    onnx_named *initializers, *sparse, *inputs, *outputs, *infos;
    size_t n_nodes, n_initializers, n_sparse, n_inputs, n_outputs, n_infos;
};

typedef struct {
    const char *domain;
    int64_t version;
} onnx_opset;

typedef struct {
    onnx_opset *v;
    size_t n;
} onnx_opsets;

typedef struct onnx_function {
    const char *name, *domain, *overload;
    const char **in, **out, **params; /* params: attributes without a default */
    size_t n_in, n_out, n_params;
    onnx_attr *defaults;
    size_t n_defaults;
    onnx_opsets opsets;
    onnx_graph body; /* nodes and infos only */
    bool seen;       /* by the scan for unsupported ops */
} onnx_function;

typedef struct {
    int64_t ir_version, version;
    const char *producer, *producer_version, *domain, *doc;
    onnx_opsets opsets;
    onnx_graph graph;
    onnx_function *functions;
    size_t n_functions;
} onnx_model;

enum { ONNX_DEPTH_MOST = 32 }; /* of nested graphs; the graph check has the same limit */

ingot_status onnx_model_read(onnx_model *out, ig_span file, ig_arena *arena, ingot_error *err);

/* onnx_opset_of - the version imported for a domain, 0: not imported. */
int64_t onnx_opset_of(const onnx_opsets *opsets, const char *domain);

const onnx_attr *onnx_attr_find(const onnx_node *node, const char *name);
const char *onnx_attr_type_name(onnx_attr_type type);

/* onnx_text - a terminated copy. E_FORMAT: it holds a zero byte. */
ingot_status onnx_text_read(const char **out, ig_span text, const char *what, ig_arena *arena,
                            ingot_error *err);

#endif
