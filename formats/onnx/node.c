/* node.c - what a mapping asks about its node: attributes, known inputs, subgraphs. */
#include "formats/onnx/state.h"
#include "runtime/base/checked.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static ingot_status fail_at_node(ig_import *c, const ig_onnx_node *n, ingot_status status,
                                 const char *format, va_list args)
{
    char text[360];
    if (c->status) return c->status;
    vsnprintf(text, sizeof text, format, args);
    c->status = status;
    return ig_fail(c->err, status, "node '%.80s' (%.40s, opset %lld): %s", n->name, n->op,
                   (long long)n->version, text);
}

ingot_status ig_onnx_fail(ig_import *c, const ig_onnx_node *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const ingot_status s = fail_at_node(c, n, INGOT_E_UNSUPPORTED, format, args);
    va_end(args);
    return s;
}

ingot_status ig_onnx_bad(ig_import *c, const ig_onnx_node *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const ingot_status s = fail_at_node(c, n, INGOT_E_FORMAT, format, args);
    va_end(args);
    return s;
}

/* ---- attributes ---- */

bool onnx_has(const ig_onnx_node *n, const char *attr) { return onnx_attr_find(n->raw, attr); }

bool onnx_given(const ig_onnx_node *n, uint32_t input)
{
    return input < n->n_in && n->in[input] != IG_NO_VALUE;
}

/* The attribute when it has one of two types; another type is an error. */
static const onnx_attr *typed(ig_import *c, const ig_onnx_node *n, const char *name,
                              onnx_attr_type type, onnx_attr_type other)
{
    const onnx_attr *a = onnx_attr_find(n->raw, name);
    if (!a || c->status) return NULL;
    if (a->type == type || a->type == other) return a;
    ig_onnx_bad(c, n, "attribute '%.60s' is %s, expected %s", name, onnx_attr_type_name(a->type),
                onnx_attr_type_name(type));
    return NULL;
}

int64_t onnx_int(ig_import *c, const ig_onnx_node *n, const char *attr, int64_t def)
{
    const onnx_attr *a = typed(c, n, attr, ONNX_INT, ONNX_INT);
    return a ? a->i : def;
}

double onnx_float(ig_import *c, const ig_onnx_node *n, const char *attr, double def)
{
    const onnx_attr *a = typed(c, n, attr, ONNX_FLOAT, ONNX_INT);
    if (!a) return def;
    return a->type == ONNX_INT ? (double)a->i : (double)a->f;
}

const char *onnx_text(ig_import *c, const ig_onnx_node *n, const char *attr, const char *def)
{
    const onnx_attr *a = typed(c, n, attr, ONNX_STRING, ONNX_STRING);
    if (!a) return def;
    const char *text;
    const ig_span span = {(const uint8_t *)a->s.p, a->s.n};
    const ingot_status s =
        onnx_text_read(&text, span, "a text attribute", &c->whole->arena, c->err);
    if (s) c->status = s;
    return s ? def : text;
}

ingot_dtype onnx_attr_dtype(ig_import *c, const ig_onnx_node *n, const char *attr, ingot_dtype def)
{
    const onnx_attr *a = typed(c, n, attr, ONNX_INT, ONNX_INT);
    if (!a) return def;
    const ingot_dtype dtype = onnx_dtype(a->i);
    if (!dtype)
        ig_onnx_fail(c, n, "attribute '%.60s' is the element type %lld, which Ingot does not have",
                     attr, (long long)a->i);
    return dtype;
}

static void *list_room(ig_import *c, size_t n, size_t each)
{
    void *v = ig_arena_array(&c->whole->arena, n, each);
    if (!v) c->status = onnx_no_memory(c);
    return v;
}

ig_ints onnx_ints(ig_import *c, const ig_onnx_node *n, const char *attr)
{
    const onnx_attr *a = typed(c, n, attr, ONNX_INTS, ONNX_INT);
    if (!a) return (ig_ints){0};
    if (a->type == ONNX_INT) return (ig_ints){&a->i, 1};
    size_t count;
    int64_t *v = NULL;
    ingot_status s = ig_wire_ints(NULL, &count, a->body, 8, c->err);
    if (!s && !(v = list_room(c, count, sizeof *v))) return (ig_ints){0};
    if (!s) s = ig_wire_ints(v, &count, a->body, 8, c->err);
    if (s) c->status = s;
    return s ? (ig_ints){0} : (ig_ints){v, count};
}

ig_floats onnx_floats(ig_import *c, const ig_onnx_node *n, const char *attr)
{
    const onnx_attr *a = typed(c, n, attr, ONNX_FLOATS, ONNX_FLOAT);
    if (!a) return (ig_floats){0};
    if (a->type == ONNX_FLOAT) return (ig_floats){&a->f, 1};
    size_t count;
    float *v = NULL;
    ingot_status s = ig_wire_fixed(NULL, 4, &count, a->body, 7, c->err);
    if (!s && !(v = list_room(c, count, sizeof *v))) return (ig_floats){0};
    if (!s) s = ig_wire_fixed(v, 4, &count, a->body, 7, c->err);
    if (s) c->status = s;
    return s ? (ig_floats){0} : (ig_floats){v, count};
}

ig_texts onnx_texts(ig_import *c, const ig_onnx_node *n, const char *attr)
{
    const onnx_attr *a = typed(c, n, attr, ONNX_STRINGS, ONNX_STRING);
    if (!a) return (ig_texts){0};
    if (a->type == ONNX_STRING) return (ig_texts){&a->s, 1};
    size_t count = 0;
    ig_field f;
    for (ig_wire w = ig_wire_open(a->body); ig_wire_next(&w, &f);)
        count += ig_wire_is(&f, 9, IG_WIRE_BYTES);
    ingot_str *v = list_room(c, count, sizeof *v);
    if (!v) return (ig_texts){0};
    size_t at = 0;
    for (ig_wire w = ig_wire_open(a->body); ig_wire_next(&w, &f);)
        if (ig_wire_is(&f, 9, IG_WIRE_BYTES))
            v[at++] = (ingot_str){(const char *)f.bytes.p, f.bytes.n};
    return (ig_texts){v, count};
}

ig_id onnx_tensor(ig_import *c, const ig_onnx_node *n, const char *attr)
{
    const onnx_attr *a = typed(c, n, attr, ONNX_TENSOR, ONNX_SPARSE_TENSOR);
    if (!a) return IG_NO_VALUE;
    char what[200];
    ig_tensor t;
    snprintf(what, sizeof what, "node '%.80s', attribute '%.60s'", n->name, attr);
    onnx_store *store = &c->whole->store;
    c->status = a->type == ONNX_TENSOR ? onnx_tensor_read(&t, a->message, store, what, c->err)
                                       : onnx_sparse_read(&t, a->message, store, what, c->err);
    if (c->status) return IG_NO_VALUE;
    const ig_id id = ig_graph_const(c->g, "", t.dtype, t.rank, t.dims, t.data);
    if (id == IG_NO_VALUE) c->status = onnx_no_memory(c);
    return id;
}

/* ---- inputs ---- */

const ig_value *onnx_known(ig_import *c, const ig_onnx_node *n, uint32_t i)
{
    const ig_value *v = onnx_given(n, i) ? ig_value_at(c->g, n->in[i]) : NULL;
    return v && v->is_const ? v : NULL;
}

const ig_type *onnx_type(ig_import *c, ig_id id)
{
    static const ig_type unknown = {.rank = IG_RANK_UNKNOWN};
    const ig_value *v = ig_value_at(c->g, id);
    return v ? &v->type : &unknown;
}

/* ---- outputs, subgraphs ---- */

void onnx_alias(ig_import *c, const ig_onnx_node *n, uint32_t out, ig_id id)
{
    if (c->status || out >= n->n_out || n->out[out] == IG_NO_VALUE) return;
    onnx_entry *e = onnx_scope_entry(c->scope, n->raw->out[out]);
    if (e && id != IG_NO_VALUE)
        e->id = id;
    else
        ig_onnx_bad(c, n, "output %u has no value", out);
}

static ingot_status append_inputs(ig_import *c, ig_node *node, const onnx_ids *more)
{
    const size_t n = node->n_in + more->n;
    ig_id *in = n < UINT32_MAX ? ig_new_n(&c->g->arena, ig_id, n) : NULL;
    if (!in) return onnx_no_memory(c);
    memcpy(in, node->in, node->n_in * sizeof *in);
    if (more->n) memcpy(in + node->n_in, more->v, more->n * sizeof *in);
    node->in = in;
    node->n_in = (uint32_t)n;
    return INGOT_OK;
}

ingot_status onnx_subgraph(ig_import *c, const ig_onnx_node *n, const char *attr, ig_node *node,
                           uint32_t slot)
{
    const onnx_attr *a = typed(c, n, attr, ONNX_GRAPH, ONNX_GRAPH);
    if (c->status || !node) return c->status;
    if (!a || !a->graph || slot >= node->n_sub)
        return ig_onnx_bad(c, n, "attribute '%.60s', a graph, is missing", attr);
    onnx_body body = {.g = ig_graph_open(c->whole->heap, c->g)};
    if (!body.g) return c->status = onnx_no_memory(c);
    node->sub[slot] = body.g;
    onnx_scope scope = {.arena = &c->whole->arena,
                        .body = &body,
                        .outer = c->scope,
                        .env = c->scope->env,
                        .opsets = c->scope->opsets,
                        .prefix = c->scope->prefix};
    ig_import sub = {.g = body.g, .err = c->err, .whole = c->whole, .scope = &scope};
    c->status = onnx_import_graph(&sub, a->graph);
    if (!c->status) c->status = append_inputs(c, node, &body.captured);
    return c->status;
}
