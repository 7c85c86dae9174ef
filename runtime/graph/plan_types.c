/* plan_types.c - types of all values for given input shapes.
 *
 * Nodes whose inputs are all known and whose outputs are small (a Reshape's target computed from
 * Shape, Gather and Concat) are evaluated here, so that a model with dynamic dims becomes a static
 * plan. */
#include "runtime/graph/plan.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { EVALUATE_ELEMENTS = 4096 }; /* of all outputs of a node */

ingot_status ig_node_infer(const ig_node *node, const ig_type *const *in,
                           const ig_tensor *const *known, ig_type *out, ingot_error *err)
{
    const ig_op *op = node->op;
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (!in[i] && i < op->min_in)
            return ig_node_fail(err, INGOT_E_FORMAT, node, "input %u is missing", i);
        if (in[i] && !(op->flags & IG_OP_KINDS) && (in[i]->kind != IG_TENSOR || in[i]->optional))
            return ig_node_fail(err, INGOT_E_FORMAT, node, "input %u must be a tensor", i);
    }
    for (uint32_t i = 0; i < node->n_out; i++) out[i] = (ig_type){.rank = IG_RANK_UNKNOWN};
    ig_infer c = {.node = node,
                  .attrs = node->attrs,
                  .in = in,
                  .known = known,
                  .out = out,
                  .n_in = node->n_in,
                  .n_out = node->n_out,
                  .err = err};
    IG_TRY(op->infer(&c));
    for (uint32_t i = 0; i < node->n_out; i++) {
        size_t bytes;
        if (out[i].rank < IG_RANK_UNKNOWN || out[i].rank > IG_MAX_RANK)
            return ig_node_fail(err, INGOT_E_FORMAT, node, "output %u has rank %d (at most %d)", i,
                                out[i].rank, IG_MAX_RANK);
        if (ig_type_static(&out[i]) && !ig_type_bytes(&out[i], &bytes))
            return ig_node_fail(err, INGOT_E_FORMAT, node, "output %u is larger than memory", i);
    }
    return INGOT_OK;
}

ingot_status ig_node_bind(ig_bind *b)
{
    b->attrs = b->node->attrs;
    b->n_in = b->node->n_in;
    b->n_out = b->node->n_out;
    b->kernel = b->node->op->name;
    return b->node->op->bind ? b->node->op->bind(b) : INGOT_OK;
}

/* What a node's inputs look like, gathered by value. */
typedef struct {
    const ig_type **in;
    const ig_tensor **known;
    const ig_type **out;
    ig_tensor **out_values;
    ig_layout *layout;
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
    v->out = ig_new_n(a, const ig_type *, n_out);
    v->out_values = ig_new_n(a, ig_tensor *, n_out);
    v->inferred = ig_new_n(a, ig_type, n_out);
    return v->in && v->known && v->layout && v->out && v->out_values && v->inferred;
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

static ingot_status make_outputs(ig_plan *p, const ig_node *node, node_view *v, ingot_error *err)
{
    for (uint32_t o = 0; o < node->n_out; o++) {
        const ig_id id = node->out[o];
        v->out[o] = &v->inferred[o];
        v->out_values[o] = id == IG_NO_VALUE ? NULL : &p->values[id];
        if (id == IG_NO_VALUE) continue;
        size_t bytes;
        if (!ig_type_bytes(&v->inferred[o], &bytes)) bytes = SIZE_MAX;
        ig_tensor *t = &p->values[id];
        *t = (ig_tensor){.dtype = v->inferred[o].dtype, .rank = v->inferred[o].rank};
        memcpy(t->dims, v->inferred[o].dims, sizeof t->dims);
        t->data = ig_arena_take(&p->arena, IG_MAX(bytes, (size_t)IG_ALIGN));
        if (!t->data) return ig_node_fail(err, INGOT_E_NOMEM, node, "no memory while planning");
    }
    return INGOT_OK;
}

/* Run one node now; its outputs become known. */
static ingot_status evaluate(ig_plan *p, ig_exec *x, const ig_node *node, node_view *v,
                             const ig_exec_options *options, ingot_error *err)
{
    IG_TRY(make_outputs(p, node, v, err));
    ig_tensor *const *out = v->out_values;
    if (node->op->flags & IG_OP_VIEW) {
        size_t bytes;
        if (!ig_type_bytes(v->in[0], &bytes)) bytes = 0;
        if (out[0] && bytes) memcpy(out[0]->data, v->known[0]->data, bytes);
    } else {
        ig_bind b = {.node = node,
                     .in = v->in,
                     .known = v->known,
                     .out = v->out,
                     .in_layout = v->layout,
                     .n_threads = 1,
                     .math = options->math,
                     .arena = &p->arena,
                     .exec = x,
                     .err = err};
        IG_TRY(ig_node_bind(&b));
        ig_tensor shape_only = {0};
        const ig_tensor **in = v->known;
        ig_tensor *by_type = ig_new_n(&p->arena, ig_tensor, node->n_in);
        if (!by_type) return ig_node_fail(err, INGOT_E_NOMEM, node, "no memory while planning");
        for (uint32_t i = 0; i < node->n_in; i++) {
            if (!v->in[i] || in[i]) continue;
            by_type[i] = shape_only;
            by_type[i].dtype = v->in[i]->dtype;
            by_type[i].rank = v->in[i]->rank;
            memcpy(by_type[i].dims, v->in[i]->dims, sizeof by_type[i].dims);
            in[i] = &by_type[i];
        }
        ig_run r = {.node = node,
                    .attrs = node->attrs,
                    .state = b.state,
                    .in = in,
                    .out = out,
                    .n_in = node->n_in,
                    .n_out = node->n_out,
                    .scratch = ig_arena_take(&p->arena, IG_MAX(b.scratch_bytes, (size_t)IG_ALIGN)),
                    .side = &p->arena,
                    .cancel = options->cancel,
                    .err = err};
        ingot_status s = r.scratch
                             ? node->op->run(&r)
                             : ig_node_fail(err, INGOT_E_NOMEM, node, "no memory for scratch");
        if (node->op->unbind) node->op->unbind(b.state);
        if (s) return s;
    }
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

ingot_status ig_plan_types(ig_plan *p, ig_exec *x, const ig_exec_options *options, bool *skip,
                           ingot_error *err)
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
        if (skip[i]) IG_TRY(evaluate(p, x, node, &v, options, err));
    }
    return INGOT_OK;
}
