/* function.c - a call of a model's own function becomes the function's nodes.
 *
 * Inside, the function's inputs mean the caller's values, and attributes that refer to the
 * function's own take the values of the call, else the declared defaults. The caller's outputs mean
 * what the function's outputs mean: no copies are made. A graph that is an attribute can be inlined
 * in the same way. */
#include "formats/onnx/state.h"

#include <string.h>

onnx_function *onnx_function_of(onnx_import *w, const onnx_node *node)
{
    for (size_t i = 0; i < w->model.n_functions; i++) {
        onnx_function *fn = &w->model.functions[i];
        if (!strcmp(fn->name, node->op) && !strcmp(fn->domain, node->domain) &&
            !strcmp(fn->overload, node->overload))
            return fn;
    }
    return NULL;
}

/* ---- attributes ---- */

static const onnx_attr *value_of(const onnx_env *env, const char *name)
{
    const onnx_attr *given = onnx_attr_find(env->call, name);
    for (size_t i = 0; !given && i < env->fn->n_defaults; i++)
        if (!strcmp(env->fn->defaults[i].name, name)) given = &env->fn->defaults[i];
    return given;
}

ingot_status onnx_resolve_refs(ig_import *c, const onnx_node **node)
{
    const onnx_node *n = *node;
    size_t refs = 0;
    for (size_t i = 0; i < n->n_attrs; i++) refs += *n->attrs[i].ref != 0;
    if (!refs) return INGOT_OK;
    const onnx_env *env = c->scope->env;
    if (!env)
        return ig_fail(c->err, INGOT_E_FORMAT,
                       "node '%.80s' (%.40s) refers to an attribute of a "
                       "function, but is in none",
                       n->name, n->op);
    onnx_node *copy = ig_arena_copy(&c->whole->arena, n, sizeof *n);
    onnx_attr *attrs = ig_new_n(&c->whole->arena, onnx_attr, n->n_attrs);
    if (!copy || !attrs) return onnx_no_memory(c);
    copy->attrs = attrs;
    copy->n_attrs = 0;
    for (size_t i = 0; i < n->n_attrs; i++) {
        const onnx_attr *a = &n->attrs[i];
        const onnx_attr *from = *a->ref ? value_of(env, a->ref) : a;
        if (!from) continue; /* neither given nor defaulted: the op's own default */
        if (from != a && from->graph)
            return ig_fail(c->err, INGOT_E_UNSUPPORTED,
                           "node '%.80s' (%.40s): a graph is passed "
                           "to a function as attribute '%.40s'",
                           n->name, n->op, a->name);
        attrs[copy->n_attrs] = *from;
        attrs[copy->n_attrs++].name = a->name;
    }
    *node = copy;
    return INGOT_OK;
}

/* ---- the call ---- */

static ingot_status bind_inputs(ig_import *c, onnx_scope *inner, const onnx_node *call,
                                const onnx_function *fn)
{
    if (call->n_in > fn->n_in || call->n_out > fn->n_out)
        return ig_fail(c->err, INGOT_E_FORMAT,
                       "node '%.80s': function %.60s has %zu inputs and "
                       "%zu outputs, not %zu and %zu",
                       call->name, fn->name, fn->n_in, fn->n_out, call->n_in, call->n_out);
    for (size_t i = 0; i < fn->n_in; i++) {
        onnx_entry *e = onnx_scope_entry(inner, fn->in[i]);
        if (!e) return onnx_no_memory(c);
        e->defined = true;
        if (i >= call->n_in || !*call->in[i]) continue;
        const ingot_status s = onnx_scope_resolve(&e->id, c->scope, call->in[i], c->err);
        if (s == INGOT_E_FORMAT)
            return ig_fail(c->err, s, "node '%.80s' (%.40s): nothing makes its input '%.80s'",
                           call->name, call->op, call->in[i]);
        IG_TRY(s);
    }
    return INGOT_OK;
}

/* Results that the function made are named as the caller names them. */
static ingot_status bind_outputs(ig_import *c, onnx_scope *inner, const onnx_node *call,
                                 const onnx_function *fn, size_t first_new)
{
    for (size_t i = 0; i < call->n_out; i++) {
        if (!*call->out[i]) continue;
        ig_id id;
        const ingot_status s = onnx_scope_resolve(&id, inner, fn->out[i], c->err);
        if (s == INGOT_E_FORMAT || (!s && id == IG_NO_VALUE))
            return ig_fail(c->err, INGOT_E_FORMAT,
                           "function %.60s: nothing makes its output "
                           "'%.80s'",
                           fn->name, fn->out[i]);
        IG_TRY(s);
        IG_TRY(onnx_define(c, call->out[i], id));
        if (id < first_new) continue;
        const char *name = onnx_local_name(c, call->out[i]);
        if (name) name = ig_arena_text(&c->g->arena, name, strlen(name));
        if (!name) return onnx_no_memory(c);
        c->g->values[id].name = name;
    }
    return INGOT_OK;
}

ingot_status onnx_inline(ig_import *c, const onnx_node *call, const char *name,
                         const onnx_function *fn)
{
    onnx_import *w = c->whole;
    w->n_inlined += fn->body.n_nodes;
    if (w->calls_deep >= ONNX_CALLS_DEEP || w->n_inlined > ONNX_INLINED_MOST)
        return ig_fail(c->err, INGOT_E_FORMAT,
                       "function %.60s: calls are nested more than %d deep, "
                       "or make more than %d nodes",
                       fn->name, ONNX_CALLS_DEEP, ONNX_INLINED_MOST);
    const onnx_env env = {.fn = fn, .call = call};
    onnx_scope inner = {.arena = &w->arena,
                        .body = c->scope->body,
                        .env = &env,
                        .opsets = &fn->opsets,
                        .prefix = ig_arena_printf(&w->arena, "%.*s/", ONNX_PREFIX_MOST, name)};
    if (!inner.prefix) return onnx_no_memory(c);
    const size_t first_new = c->g->n_values;
    IG_TRY(bind_inputs(c, &inner, call, fn));
    ig_import sub = {.g = c->g, .err = c->err, .whole = w, .scope = &inner};
    w->calls_deep++;
    w->store.counted = true;
    const ingot_status s = onnx_import_nodes(&sub, &fn->body);
    w->store.counted = --w->calls_deep > 0;
    return s ? s : bind_outputs(c, &inner, call, fn, first_new);
}

/* ---- a graph in an attribute ---- */

static ingot_status content(ig_import *c, onnx_scope *inner, const onnx_graph *graph,
                            const ig_id *in)
{
    for (size_t i = 0; i < graph->n_inputs; i++) {
        onnx_entry *e = onnx_scope_entry(inner, graph->inputs[i].name);
        if (!e) return onnx_no_memory(c);
        e->defined = true;
        e->id = in[i];
    }
    ig_import sub = {.g = c->g, .err = c->err, .whole = c->whole, .scope = inner};
    return onnx_import_content(&sub, graph);
}

ingot_status onnx_inline_graph(ig_import *c, const ig_onnx_node *n, const char *attr,
                               const ig_id *in, size_t n_in, ig_id *out, size_t n_out)
{
    onnx_import *w = c->whole;
    if (c->status) return c->status;
    const onnx_attr *a = onnx_attr_find(n->raw, attr);
    if (!a || !a->graph) return ig_onnx_bad(c, n, "attribute '%.60s' is no graph", attr);
    const onnx_graph *graph = a->graph;
    if (graph->n_inputs != n_in || graph->n_outputs != n_out)
        return ig_onnx_bad(c, n, "its %s has %zu inputs and %zu outputs, expected %zu and %zu",
                           attr, graph->n_inputs, graph->n_outputs, n_in, n_out);
    w->n_inlined += graph->n_nodes;
    if (w->n_inlined > ONNX_INLINED_MOST)
        return ig_onnx_bad(c, n, "more than %d nodes are inlined", ONNX_INLINED_MOST);
    onnx_scope inner = {
        .arena = &w->arena,
        .body = c->scope->body,
        .outer = c->scope,
        .env = c->scope->env,
        .opsets = c->scope->opsets,
        .prefix = ig_arena_printf(&w->arena, "%.*s/%.20s/", ONNX_PREFIX_MOST, n->name, attr)};
    if (!inner.prefix) return onnx_no_memory(c);
    c->status = content(c, &inner, graph, in);
    for (size_t i = 0; i < n_out && !c->status; i++) {
        const ingot_status s = onnx_scope_resolve(&out[i], &inner, graph->outputs[i].name, c->err);
        if (s == INGOT_E_FORMAT || (!s && out[i] == IG_NO_VALUE))
            return ig_onnx_bad(c, n, "nothing makes output %zu of its %s", i, attr);
        c->status = s;
    }
    return c->status;
}
