/* order.c - the nodes of a graph message in topological order.
 *
 * ONNX asks for sorted nodes; not every exporter sorts. Depth-first from each node in file order,
 * with an explicit stack, so that sorted graphs keep their order and long chains are no danger. A
 * node also depends on what its subgraphs read. */
#include "formats/onnx/state.h"

#include <string.h>

typedef struct {
    const onnx_graph *graph;
    onnx_scope makers;      /* name -> node index, as id */
    uint32_t *deps, *first; /* deps of node i: [first[i], first[i + 1]) */
    size_t n_deps, cap_deps;
    ig_arena *arena;
} sorter;

static bool add_dep(sorter *s, const char *name)
{
    const onnx_entry *e = *name ? onnx_scope_find(&s->makers, name) : NULL;
    if (!e) return true;
    if (s->n_deps == s->cap_deps) {
        const size_t cap = s->cap_deps ? s->cap_deps * 2 : 256;
        uint32_t *deps = ig_new_n(s->arena, uint32_t, cap);
        if (!deps) return false;
        if (s->n_deps) memcpy(deps, s->deps, s->n_deps * sizeof *deps);
        s->deps = deps;
        s->cap_deps = cap;
    }
    s->deps[s->n_deps++] = e->id;
    return true;
}

/* Depth is bounded by the reader of the model. */
static bool add_uses(sorter *s, const onnx_node *node)
{
    for (size_t i = 0; i < node->n_in; i++)
        if (!add_dep(s, node->in[i])) return false;
    for (size_t a = 0; a < node->n_attrs; a++) {
        const onnx_graph *g = node->attrs[a].graph;
        for (size_t i = 0; g && i < g->n_nodes; i++)
            if (!add_uses(s, &g->nodes[i])) return false;
        for (size_t i = 0; g && i < g->n_outputs; i++)
            if (!add_dep(s, g->outputs[i].name)) return false;
    }
    return true;
}

static bool collect(sorter *s)
{
    const onnx_graph *g = s->graph;
    for (size_t i = 0; i < g->n_nodes; i++)
        for (size_t o = 0; o < g->nodes[i].n_out; o++) {
            if (!*g->nodes[i].out[o]) continue;
            onnx_entry *e = onnx_scope_entry(&s->makers, g->nodes[i].out[o]);
            if (!e) return false;
            if (!e->defined) e->id = (ig_id)i;
            e->defined = true;
        }
    for (size_t i = 0; i < g->n_nodes; i++) {
        s->first[i] = (uint32_t)s->n_deps;
        if (!add_uses(s, &g->nodes[i])) return false;
        if (s->n_deps > UINT32_MAX) return false;
    }
    s->first[g->n_nodes] = (uint32_t)s->n_deps;
    return true;
}

static ingot_status walk(sorter *s, uint32_t *order, uint32_t *stack, uint32_t *next,
                         ingot_error *err)
{
    enum { FRESH, OPEN, DONE };
    const size_t n = s->graph->n_nodes;
    uint8_t *mark = ig_new_n(s->arena, uint8_t, n + 1);
    if (!mark) return ig_fail(err, INGOT_E_NOMEM, "sorting %zu nodes: no memory", n);
    size_t n_order = 0;
    for (uint32_t i = 0; i < n; i++) {
        size_t depth = 0;
        if (mark[i] == FRESH) stack[depth++] = i, mark[i] = OPEN, next[i] = s->first[i];
        while (depth) {
            const uint32_t top = stack[depth - 1];
            if (next[top] == s->first[top + 1]) {
                mark[top] = DONE;
                order[n_order++] = top;
                depth--;
                continue;
            }
            const uint32_t dep = s->deps[next[top]++];
            if (mark[dep] == OPEN)
                return ig_fail(err, INGOT_E_FORMAT,
                               "node '%.80s' (%.40s): the graph has a cycle through it",
                               s->graph->nodes[dep].name, s->graph->nodes[dep].op);
            if (mark[dep] == FRESH)
                stack[depth++] = dep, mark[dep] = OPEN, next[dep] = s->first[dep];
        }
    }
    return INGOT_OK;
}

ingot_status onnx_order(uint32_t **out, const onnx_graph *graph, ig_arena *arena, ingot_error *err)
{
    const size_t n = graph->n_nodes;
    sorter s = {.graph = graph, .makers.arena = arena, .arena = arena};
    uint32_t *stack = ig_new_n(arena, uint32_t, n + 1), *next = ig_new_n(arena, uint32_t, n + 1);
    s.first = ig_new_n(arena, uint32_t, n + 1);
    *out = ig_new_n(arena, uint32_t, n + 1);
    if (!stack || !next || !s.first || !*out || n >= UINT32_MAX || !collect(&s))
        return ig_fail(err, INGOT_E_NOMEM, "sorting %zu nodes: no memory", n);
    return walk(&s, *out, stack, next, err);
}
