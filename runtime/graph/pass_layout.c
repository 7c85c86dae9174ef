/* pass_layout.c - convolutions, and what lies between them, in NHWC; see layout.h. */
#include "runtime/graph/layout.h"
#include "runtime/graph/passes.h"
#include "runtime/base/checked.h"

#include <string.h>

const int ig_nhwc_of_axis[4] = {0, 3, 1, 2};
static const int64_t to_nhwc[] = {0, 2, 3, 1}, to_nchw[] = {0, 3, 1, 2};

bool ig_is_image(const ig_graph *g, ig_id id)
{
    return id != IG_NO_VALUE && g->values[id].type.kind == IG_TENSOR &&
           g->values[id].type.rank == 4;
}

bool ig_has_twin(const ig_layouting *l, ig_id id)
{
    return id < l->cap && l->twin[id] != IG_NO_VALUE;
}

ig_node *ig_layout_node(ig_layouting *l, const char *op, const char *name, const ig_id *in,
                        size_t n_in, ig_id out)
{
    ig_node *n = l->failed ? NULL : ig_graph_node(l->g, ig_op_find(op), name, in, n_in, &out, 1, 0);
    if (!n) l->failed = true;
    return n;
}

ig_node *ig_layout_copy(ig_layouting *l, const ig_node *n, const ig_id *in, size_t n_in,
                        const ig_id *out, size_t n_out)
{
    ig_node *copy =
        l->failed ? NULL : ig_graph_node(l->g, n->op, n->name, in, n_in, out, n_out, n->n_sub);
    if (!copy) {
        l->failed = true;
        return NULL;
    }
    memcpy(copy->attrs, n->attrs, n->op->attrs_bytes);
    for (uint32_t s = 0; s < n->n_sub; s++) copy->sub[s] = n->sub[s];
    return copy;
}

static void transpose(ig_layouting *l, ig_id from, ig_id to, const int64_t *perm)
{
    ig_node *n = ig_layout_node(l, "transpose", "", &from, 1, to);
    if (n && !ig_put_attr_ints(l->g, n, "perm", perm, 4)) l->failed = true;
}

ig_id ig_twin_new(ig_layouting *l, ig_id id)
{
    ig_type type = l->g->values[id].type;
    for (int d = 0; d < 4; d++) type.dims[d] = l->g->values[id].type.dims[to_nhwc[d]];
    const ig_id now = ig_graph_value(l->g, "", &type);
    if (now == IG_NO_VALUE) l->failed = true;
    if (id < l->cap) l->twin[id] = now;
    return now;
}

ig_id ig_twin(ig_layouting *l, ig_id id)
{
    if (ig_has_twin(l, id)) return l->twin[id];
    const ig_id now = ig_twin_new(l, id);
    if (!l->failed) transpose(l, id, now, to_nhwc);
    return now;
}

void ig_need_plain(ig_layouting *l, ig_id id)
{
    if (id >= l->cap || l->there[id]) return;
    l->there[id] = true;
    if (ig_has_twin(l, id)) transpose(l, l->twin[id], id, to_nchw);
}

/* In its old form: inputs that exist only as twins are made. */
static void keep(ig_layouting *l, const ig_node *n)
{
    for (uint32_t i = 0; i < n->n_in; i++)
        if (n->in[i] != IG_NO_VALUE) ig_need_plain(l, n->in[i]);
    ig_layout_copy(l, n, n->in, n->n_in, n->out, n->n_out);
    for (uint32_t o = 0; o < n->n_out; o++)
        if (n->out[o] != IG_NO_VALUE) l->there[n->out[o]] = true;
}

static bool open_state(ig_layouting *l, ig_graph *g, ig_arena *a)
{
    *l = (ig_layouting){.g = g, .cap = g->n_values};
    l->twin = ig_new_n(a, ig_id, l->cap);
    l->there = ig_new_n(a, bool, l->cap);
    if (!l->twin || !l->there || !ig_match_open(&l->m, g, a)) return false;
    for (size_t v = 0; v < l->cap; v++) {
        l->twin[v] = IG_NO_VALUE;
        l->there[v] = g->values[v].is_const;
    }
    for (size_t i = 0; i < g->n_inputs; i++) l->there[g->inputs[i]] = true;
    return true;
}

static bool any_conv(const ig_graph *g)
{
    for (size_t i = 0; i < g->n_nodes; i++)
        if (ig_is(g->nodes[i], "conv", NULL) || ig_is(g->nodes[i], "conv_integer", NULL))
            return true;
    return false;
}

ingot_status ig_pass_layout(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    ig_layouting l;
    if (!any_conv(g)) return INGOT_OK;
    if (!open_state(&l, g, c->scratch)) return ig_fail(err, INGOT_E_NOMEM, "layout: no memory");
    const size_t n = g->n_nodes;
    for (size_t i = 0; i < n && !l.failed; i++) {
        ig_node *node = g->nodes[i]; /* appending may move the array, not the nodes */
        if (!ig_layout_conv(&l, node, !c->keep_plain) && !ig_layout_rule(&l, node)) keep(&l, node);
    }
    for (size_t i = 0; i < g->n_outputs && !l.failed; i++) ig_need_plain(&l, g->outputs[i]);
    if (l.failed) {
        g->n_nodes = n; /* copies share subgraphs with the old nodes: forget them */
        return ig_fail(err, INGOT_E_NOMEM, "layout: no memory");
    }
    memmove(g->nodes, g->nodes + n, (g->n_nodes - n) * sizeof *g->nodes);
    g->n_nodes -= n;
    return INGOT_OK;
}
