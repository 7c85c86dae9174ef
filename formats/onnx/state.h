/* state.h - what the parts of the importer share. */
#ifndef IG_ONNX_STATE_H
#define IG_ONNX_STATE_H

#include "formats/onnx/import.h"
#include "formats/onnx/onnx.h"
#include "formats/onnx/scope.h"
#include "formats/onnx/tensor.h"

/* Inlining copies a function at each call: calls that call may copy a small file into a huge graph.
 */
enum { ONNX_CALLS_DEEP = 32, ONNX_INLINED_MOST = 200000, ONNX_PREFIX_MOST = 160 };

typedef struct onnx_import {
    ig_heap *heap;
    const ig_log *log;
    ig_arena arena; /* messages and scopes; lives until the import ends */
    onnx_model model;
    onnx_store store; /* arena: the main graph's */
    size_t n_inlined; /* nodes */
    int calls_deep;
} onnx_import;

/* import.c: the graph's content into c->g; its inputs and outputs are set. */
ingot_status onnx_import_graph(ig_import *c, const onnx_graph *graph);
/* All nodes of a graph or function, in an order in which each finds its inputs. */
ingot_status onnx_import_nodes(ig_import *c, const onnx_graph *graph);
/* The same with the graph's constants; its inputs are in the scope already. */
ingot_status onnx_import_content(ig_import *c, const onnx_graph *graph);
ingot_status onnx_import_value(ig_import *c, ig_id *out, const char *name, const ig_span *type);
/* onnx_define - the name gets this value. E_FORMAT: it has one. */
ingot_status onnx_define(ig_import *c, const char *name, ig_id id);
ingot_status onnx_no_memory(ig_import *c);
/* onnx_local_name - the name as it is, or inside a function "call/name", shortened. NULL: no
 * memory.
 */
const char *onnx_local_name(ig_import *c, const char *name);

/* function.c */
onnx_function *onnx_function_of(onnx_import *w, const onnx_node *node);
ingot_status onnx_inline(ig_import *c, const onnx_node *call, const char *name,
                         const onnx_function *fn);
/* onnx_resolve_refs - the node with the values that its function's caller gave; itself where it has
 * no references. */
ingot_status onnx_resolve_refs(ig_import *c, const onnx_node **node);

/* order.c: indices of the graph's nodes in topological order, as they are where they have one. */
ingot_status onnx_order(uint32_t **out, const onnx_graph *graph, ig_arena *arena, ingot_error *err);

/* scan.c: E_UNSUPPORTED with every op that nothing maps. */
ingot_status onnx_scan(onnx_import *w, ingot_error *err);
/* The opset of a domain; newest known where it is not imported. own NULL: the model's. */
int64_t onnx_version(const onnx_import *w, const onnx_opsets *own, const char *domain);
const ig_onnx_map *onnx_map_find(const char *domain, const char *op, int64_t version);

/* type.c: what a TypeProto says. Symbols go to g's table; g NULL: symbols are unknown sizes.
 * E_UNSUPPORTED: a kind that Ingot does not have; *out is unknown then. */
ingot_status onnx_type_read(ig_type *out, ig_span type, ig_graph *g, ig_arena *arena,
                            const char *name, ingot_error *err);

#endif
