/* scope.h - which value a name means.
 *
 * A scope belongs to a graph message or to one call of a function. Several scopes may add to one
 * graph (functions are inlined); a body is what all of them share: the graph and its inputs. A name
 * that a subgraph does not define is looked for outside and becomes an input of the subgraph;
 * constants are shared instead. */
#ifndef IG_ONNX_SCOPE_H
#define IG_ONNX_SCOPE_H

#include "formats/onnx/model.h"
#include "runtime/graph/ir.h"

typedef struct {
    ig_id *v;
    size_t n, cap;
} onnx_ids;

typedef struct {
    ig_graph *g;
    onnx_ids inputs;   /* own inputs, then captured values */
    onnx_ids captured; /* the outer values behind the latter */
} onnx_body;

typedef struct {
    const char *name;
    uint64_t hash;
    ig_id id; /* IG_NO_VALUE: an input that the function's caller omitted */
    bool defined;
    ig_span type; /* declared TypeProto; p NULL: none */
} onnx_entry;

/* The call that a function's attribute references mean. */
typedef struct {
    const onnx_function *fn;
    const onnx_node *call; /* its own references are resolved */
} onnx_env;

typedef struct onnx_scope {
    ig_arena *arena;
    onnx_body *body;
    struct onnx_scope *outer; /* of a subgraph */
    const onnx_env *env;      /* NULL outside functions */
    const onnx_opsets *opsets;
    const char *prefix; /* of the names of values and nodes */
    onnx_entry *slots;
    size_t n_slots, n_used; /* n_slots: a power of two */
} onnx_scope;

/* onnx_scope_entry - the entry of a name, made when new. NULL: no memory. */
onnx_entry *onnx_scope_entry(onnx_scope *s, const char *name);
const onnx_entry *onnx_scope_find(const onnx_scope *s, const char *name);

/* onnx_scope_resolve - the value of a name, captured from outside where needed. E_FORMAT: nobody
 * defines it (err is left alone then: the caller knows who asks); E_NOMEM. */
ingot_status onnx_scope_resolve(ig_id *out, onnx_scope *s, const char *name, ingot_error *err);

bool onnx_ids_add(onnx_ids *ids, ig_id id, ig_arena *arena);

#endif
