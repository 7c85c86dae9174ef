/* import.c - graphs and nodes: names become values, nodes go to their mappings. */
#include "formats/onnx/state.h"
#include "runtime/graph/pass.h"

#include <stdio.h>
#include <string.h>

ingot_status onnx_no_memory(ig_import *c)
{
    return ig_fail(c->err, INGOT_E_NOMEM, "importing the model: no memory");
}

const char *onnx_local_name(ig_import *c, const char *name)
{
    if (!*c->scope->prefix || !*name) return name;
    return ig_arena_printf(&c->whole->arena, "%s%.*s", c->scope->prefix, ONNX_PREFIX_MOST, name);
}

ingot_status onnx_define(ig_import *c, const char *name, ig_id id)
{
    onnx_entry *e = onnx_scope_entry(c->scope, name);
    if (!e) return onnx_no_memory(c);
    if (e->defined)
        return ig_fail(c->err, INGOT_E_FORMAT, "value '%.80s' is defined twice in graph '%.60s'",
                       name, c->g->name);
    e->defined = true;
    e->id = id;
    return INGOT_OK;
}

/* A declared type that Ingot has no word for (a map) leaves the value untyped: its maker may map to
 * something else. */
ingot_status onnx_import_value(ig_import *c, ig_id *out, const char *name, const ig_span *type)
{
    ig_type t = {.rank = IG_RANK_UNKNOWN};
    onnx_import *w = c->whole;
    if (type && type->p) {
        ig_graph *symbols = c->scope->env ? NULL : c->g;
        const ingot_status s = onnx_type_read(&t, *type, symbols, &w->arena, name, c->err);
        if (s == INGOT_E_UNSUPPORTED)
            t = (ig_type){.rank = IG_RANK_UNKNOWN};
        else
            IG_TRY(s);
    }
    const char *local = onnx_local_name(c, name);
    *out = local ? ig_graph_value(c->g, local, &t) : IG_NO_VALUE;
    return *out == IG_NO_VALUE ? onnx_no_memory(c) : INGOT_OK;
}

/* ---- one node ---- */

static ingot_status node_inputs(ig_import *c, ig_id *in, const onnx_node *raw)
{
    for (size_t i = 0; i < raw->n_in; i++) {
        if (!*raw->in[i]) continue;
        const ingot_status s = onnx_scope_resolve(&in[i], c->scope, raw->in[i], c->err);
        if (s == INGOT_E_FORMAT)
            return ig_fail(c->err, s, "node '%.80s' (%.40s): nothing makes its input '%.80s'",
                           raw->name, raw->op, raw->in[i]);
        IG_TRY(s);
    }
    return INGOT_OK;
}

static ingot_status node_outputs(ig_import *c, ig_id *out, const onnx_node *raw)
{
    for (size_t i = 0; i < raw->n_out; i++) {
        if (!*raw->out[i]) continue;
        const onnx_entry *declared = onnx_scope_find(c->scope, raw->out[i]);
        IG_TRY(onnx_import_value(c, &out[i], raw->out[i], declared ? &declared->type : NULL));
        IG_TRY(onnx_define(c, raw->out[i], out[i]));
    }
    return INGOT_OK;
}

static uint32_t given(const ig_id *ids, size_t n)
{
    while (n && ids[n - 1] == IG_NO_VALUE) n--;
    return (uint32_t)n;
}

ingot_status onnx_infer_new(ig_import *c, size_t first)
{
    if (c->status) return c->status;
    for (size_t i = first; i < c->g->n_nodes; i++)
        IG_TRY(ig_infer_node(c->g, c->g->nodes[i], c->whole->heap, c->err));
    return INGOT_OK;
}

/* Mappings may look at every position that their op has: what is not given is omitted. */
static ig_id *ids_of(ig_import *c, size_t n)
{
    enum { LEAST = 16 };
    ig_id *ids = n < UINT32_MAX ? ig_new_n(&c->whole->arena, ig_id, n + LEAST) : NULL;
    for (size_t i = 0; ids && i < n + LEAST; i++) ids[i] = IG_NO_VALUE;
    return ids;
}

static ingot_status map_node(ig_import *c, const onnx_node *raw, const char *name)
{
    onnx_import *w = c->whole;
    const int64_t version = onnx_version(w, c->scope->opsets, raw->domain);
    const ig_onnx_map *row = onnx_map_find(raw->domain, raw->op, version);
    if (!row)
        return ig_fail(c->err, INGOT_E_UNSUPPORTED, "unsupported: node '%.80s' %.80s", name,
                       raw->op);
    ig_id *in = ids_of(c, raw->n_in), *out = ids_of(c, raw->n_out);
    if (!in || !out) return onnx_no_memory(c);
    IG_TRY(node_inputs(c, in, raw));
    IG_TRY(node_outputs(c, out, raw));
    const ig_onnx_node n = {.op = raw->op,
                            .domain = raw->domain,
                            .name = name,
                            .version = version,
                            .in = in,
                            .out = out,
                            .n_in = given(in, raw->n_in),
                            .n_out = given(out, raw->n_out),
                            .raw = raw};
    const size_t first = c->g->n_nodes;
    const ingot_status s = row->fn(c, &n, row->arg);
    IG_TRY(c->status);
    IG_TRY(s);
    return onnx_infer_new(c, first);
}

static ingot_status import_node(ig_import *c, const onnx_node *raw, size_t index)
{
    IG_TRY(onnx_resolve_refs(c, &raw));
    const char *name = *raw->name ? onnx_local_name(c, raw->name)
                                  : ig_arena_printf(&c->whole->arena, "%s%.60s_%zu",
                                                    c->scope->prefix, raw->op, index);
    if (!name) return onnx_no_memory(c);
    const onnx_function *fn = onnx_function_of(c->whole, raw);
    return fn ? onnx_inline(c, raw, name, fn) : map_node(c, raw, name);
}

static ingot_status declare(ig_import *c, const onnx_named *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!*v[i].name) continue;
        onnx_entry *e = onnx_scope_entry(c->scope, v[i].name);
        if (!e) return onnx_no_memory(c);
        if (v[i].body.p) e->type = v[i].body;
    }
    return INGOT_OK;
}

ingot_status onnx_import_nodes(ig_import *c, const onnx_graph *graph)
{
    uint32_t *order;
    IG_TRY(declare(c, graph->infos, graph->n_infos));
    IG_TRY(onnx_order(&order, graph, &c->whole->arena, c->err));
    for (size_t i = 0; i < graph->n_nodes; i++)
        IG_TRY(import_node(c, &graph->nodes[order[i]], order[i]));
    return INGOT_OK;
}

/* ---- a graph ---- */

static ingot_status import_constant(ig_import *c, const onnx_named *v, bool sparse)
{
    char what[120];
    ig_tensor t;
    if (!*v->name)
        return ig_fail(c->err, INGOT_E_FORMAT, "graph '%.60s': an initializer has no name",
                       c->g->name);
    snprintf(what, sizeof what, "initializer '%.80s'", v->name);
    onnx_store *store = &c->whole->store;
    IG_TRY(sparse ? onnx_sparse_read(&t, v->body, store, what, c->err)
                  : onnx_tensor_read(&t, v->body, store, what, c->err));
    const ig_id id = ig_graph_const(c->g, v->name, t.dtype, t.rank, t.dims, t.data);
    return id == IG_NO_VALUE ? onnx_no_memory(c) : onnx_define(c, v->name, id);
}

static ingot_status import_constants(ig_import *c, const onnx_graph *graph)
{
    for (size_t i = 0; i < graph->n_initializers; i++)
        IG_TRY(import_constant(c, &graph->initializers[i], false));
    for (size_t i = 0; i < graph->n_sparse; i++)
        IG_TRY(import_constant(c, &graph->sparse[i], true));
    return INGOT_OK;
}

ingot_status onnx_import_content(ig_import *c, const onnx_graph *graph)
{
    IG_TRY(import_constants(c, graph));
    return onnx_import_nodes(c, graph);
}

/* The main graph's inputs have types that a caller can meet. */
static ingot_status check_input(ig_import *c, const onnx_named *v)
{
    ig_type t;
    if (c->g->parent) return INGOT_OK;
    IG_TRY(onnx_type_read(&t, v->body, NULL, &c->whole->arena, v->name, c->err));
    if (t.dtype) return INGOT_OK;
    return ig_fail(c->err, INGOT_E_FORMAT, "graph input '%.80s' has no element type", v->name);
}

static ingot_status import_inputs(ig_import *c, const onnx_graph *graph)
{
    for (size_t i = 0; i < graph->n_inputs; i++) {
        const onnx_named *v = &graph->inputs[i];
        const onnx_entry *e = *v->name ? onnx_scope_find(c->scope, v->name) : NULL;
        if (!*v->name)
            return ig_fail(c->err, INGOT_E_FORMAT, "graph '%.60s': input %zu has no name",
                           c->g->name, i);
        if (e && e->defined && e->id != IG_NO_VALUE && c->g->values[e->id].is_const) {
            if (!c->g->parent) continue; /* it has a default: not asked for */
            return ig_fail(c->err, INGOT_E_UNSUPPORTED, "input '%.80s' of a subgraph has a default",
                           v->name);
        }
        ig_id id;
        IG_TRY(check_input(c, v));
        IG_TRY(onnx_import_value(c, &id, v->name, &v->body));
        IG_TRY(onnx_define(c, v->name, id));
        if (!onnx_ids_add(&c->scope->body->inputs, id, &c->whole->arena)) return onnx_no_memory(c);
    }
    return INGOT_OK;
}

/* The value for an output of the main graph bears the output's name. */
static ingot_status named_output(ig_import *c, ig_id *id, const char *name)
{
    const ig_value *v = &c->g->values[*id];
    if (c->g->parent || !strcmp(v->name, name)) return INGOT_OK;
    const ig_type type = v->type;
    const ig_onnx_node n = {.op = "Identity", .domain = "", .name = name};
    const ig_id out = ig_graph_value(c->g, name, &type);
    if (out == IG_NO_VALUE) return onnx_no_memory(c);
    ig_emit_to(c, &n, out, "identity", 1, *id);
    *id = out;
    return c->status;
}

static ingot_status import_outputs(ig_import *c, onnx_ids *outputs, const onnx_graph *graph)
{
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const char *name = graph->outputs[i].name;
        ig_id id;
        const ingot_status s = onnx_scope_resolve(&id, c->scope, name, c->err);
        if (s == INGOT_E_FORMAT || (!s && id == IG_NO_VALUE))
            return ig_fail(c->err, INGOT_E_FORMAT,
                           "graph '%.60s': nothing makes its output '%.80s'", c->g->name, name);
        IG_TRY(s);
        IG_TRY(named_output(c, &id, name));
        if (!onnx_ids_add(outputs, id, &c->whole->arena)) return onnx_no_memory(c);
    }
    return INGOT_OK;
}

ingot_status onnx_import_graph(ig_import *c, const onnx_graph *graph)
{
    c->g->name = ig_arena_text(&c->g->arena, graph->name, strlen(graph->name));
    if (!c->g->name) return onnx_no_memory(c);
    onnx_ids outputs = {0};
    IG_TRY(declare(c, graph->outputs, graph->n_outputs));
    IG_TRY(import_constants(c, graph));
    IG_TRY(import_inputs(c, graph));
    IG_TRY(onnx_import_nodes(c, graph));
    IG_TRY(import_outputs(c, &outputs, graph));
    const onnx_ids *in = &c->scope->body->inputs;
    return ig_graph_set_io(c->g, in->v, in->n, outputs.v, outputs.n) ? INGOT_OK : onnx_no_memory(c);
}
