/* plan_types.c - types of all values for given input shapes.
 *
 * Nodes whose inputs are all known and whose outputs are small (a Reshape's target computed from
 * Shape, Gather and Concat) are evaluated here, so that a model with dynamic dims becomes a static
 * plan. */
#include "runtime/graph/plan.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { EVALUATE_ELEMENTS = 4096 }; /* of all outputs of a node */

/* What a node's inputs look like, gathered by value. */
typedef struct {
    const ig_type **in;
    const ig_tensor **known;
    ig_layout *layout;
    ig_tensor *by_type;
    ig_tensor **out;
    ig_type *inferred;
} node_view;

static bool view_open(node_view *v, ig_arena *a, const ig_graph *g)
{
    size_t n_in = 1, n_out = 1;
    for (size_t i = 0; i < g->n_nodes; i++) {
        n_in = IG_MAX(n_in, g->nodes[i]->n_in);
        n_out = IG_MAX(n_out, g->nodes[i]->n_out);
    }
    v->in = ig_new_n(a, const ig_type *, n_in);
    v->known = ig_new_n(a, const ig_tensor *, n_in);
    v->layout = ig_new_n(a, ig_layout, n_in);
    v->by_type = ig_new_n(a, ig_tensor, n_in);
    v->out = ig_new_n(a, ig_tensor *, n_out);
    v->inferred = ig_new_n(a, ig_type, n_out);
    return v->in && v->known && v->layout && v->by_type && v->out && v->inferred;
}

static void view_fill(node_view *v, const ig_plan *p, const ig_node *node)
{
    for (uint32_t i = 0; i < node->n_in; i++) {
        const ig_id id = node->in[i];
        v->in[i] = id == IG_NO_VALUE ? NULL : &p->types[id];
        v->known[i] = id != IG_NO_VALUE && p->known[id] ? &p->values[id] : NULL;
        v->layout[i] = id == IG_NO_VALUE ? IG_PLAIN : p->g->values[id].layout;
    }
}

/* Keep what was declared where inference does not know. */
static void keep_known(ig_type *type, const ig_type *inferred)
{
    const ig_type declared = *type;
    *type = *inferred;
    if (type->dtype == INGOT_NONE) type->dtype = declared.dtype;
}

static bool worth_evaluating(const node_view *v, const ig_node *node)
{
    const uint32_t flags = node->op->flags;
    if (flags & (IG_OP_ALLOCATES | IG_OP_RANDOM) || node->n_sub) return false;
    size_t total = 0;
    for (uint32_t o = 0; o < node->n_out; o++) {
        size_t n;
        if (!ig_type_static(&v->inferred[o]) || !ig_type_elements(&v->inferred[o], &n))
            return false;
        if (!ig_add_ok(total, n, &total) || total > EVALUATE_ELEMENTS) return false;
    }
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (!v->in[i]) continue;
        if (flags & IG_OP_TYPE_ONLY ? !ig_type_static(v->in[i]) : !v->known[i]) return false;
        if (v->layout[i] != IG_PLAIN) return false;
    }
    return true;
}

static ig_tensor tensor_of(const ig_type *type)
{
    ig_tensor t = {.dtype = type->dtype, .rank = type->rank};
    memcpy(t.dims, type->dims, sizeof t.dims);
    return t;
}

/* Run one node now; its outputs become known. */
static ingot_status evaluate(ig_plan *p, ig_exec *x, const ig_node *node, node_view *v,
                             ingot_error *err)
{
    for (uint32_t i = 0; i < node->n_in; i++)
        if (v->in[i]) v->by_type[i] = v->known[i] ? *v->known[i] : tensor_of(v->in[i]);
    for (uint32_t i = 0; i < node->n_in; i++) v->known[i] = v->in[i] ? &v->by_type[i] : NULL;
    for (uint32_t o = 0; o < node->n_out; o++)
        v->out[o] = node->out[o] == IG_NO_VALUE ? NULL : &p->values[node->out[o]];
    IG_TRY(ig_node_evaluate(node, v->known, v->out, v->inferred, &p->arena, x, NULL, err));
    for (uint32_t o = 0; o < node->n_out; o++) {
        if (node->out[o] == IG_NO_VALUE) continue;
        p->known[node->out[o]] = true;
        p->places[node->out[o]].kind = IG_PLACE_CONST;
    }
    return INGOT_OK;
}

static void start_values(ig_plan *p)
{
    const ig_graph *g = p->g;
    for (size_t v = 0; v < g->n_values; v++) {
        const ig_value *value = &g->values[v];
        p->types[v] = value->type;
        if (!value->is_const) continue;
        ig_tensor *t = &p->values[v];
        *t = (ig_tensor){.dtype = value->type.dtype, .rank = value->type.rank};
        memcpy(t->dims, value->type.dims, sizeof t->dims);
        t->data = (void *)(uintptr_t)value->data;
        p->known[v] = true;
        p->places[v].kind = IG_PLACE_CONST;
    }
    for (size_t i = 0; i < g->n_inputs; i++) {
        p->types[g->inputs[i]] = p->in_types[i];
        p->places[g->inputs[i]].kind = IG_PLACE_INPUT;
    }
}

ingot_status ig_plan_types(ig_plan *p, ig_exec *x, bool *skip, ingot_error *err)
{
    node_view v;
    if (!view_open(&v, &p->arena, p->g)) return ig_fail(err, INGOT_E_NOMEM, "planning: no memory");
    start_values(p);
    for (size_t i = 0; i < p->g->n_nodes; i++) {
        const ig_node *node = p->g->nodes[i];
        view_fill(&v, p, node);
        IG_TRY(ig_node_infer(node, v.in, v.known, v.inferred, err));
        for (uint32_t o = 0; o < node->n_out; o++)
            if (node->out[o] != IG_NO_VALUE) keep_known(&p->types[node->out[o]], &v.inferred[o]);
        skip[i] = worth_evaluating(&v, node);
        if (skip[i]) IG_TRY(evaluate(p, x, node, &v, err));
    }
    return INGOT_OK;
}
