/* pass_inline.c - an `if` whose condition is constant becomes the branch that it takes.
 *
 * The branch's nodes move into the graph and its constants are copied, since the branch's memory
 * goes with it. Exporters leave many such nodes behind: tests of ranks and sizes that are known. */
#include "runtime/graph/op.h"
#include "runtime/graph/passes.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef struct {
    ig_graph *g;
    ig_node *node;   /* the if */
    ig_graph *sub;   /* the branch taken */
    size_t captured; /* the node's input that is the branch's first */
    ig_id *now;      /* [values of sub] their values in g */
    ingot_error *err;
} mover;

static ingot_status no_memory(ingot_error *err)
{
    return ig_fail(err, INGOT_E_NOMEM, "inlining a branch: no memory");
}

/* Constant, plain and one bool; false: it stays an if. */
static bool decided(const ig_graph *g, const ig_node *node, bool *yes)
{
    size_t n;
    if (!node->op || strcmp(node->op->name, "if") != 0) return false;
    const ig_value *v = ig_value_at(g, node->in[0]);
    if (!v->is_const || v->layout != IG_PLAIN || v->type.dtype != INGOT_BOOL) return false;
    if (!ig_type_elements(&v->type, &n) || n != 1) return false;
    *yes = *(const uint8_t *)v->data != 0;
    return true;
}

static bool movable(const ig_node *node, const ig_graph *sub)
{
    for (size_t v = 0; v < sub->n_values; v++)
        if (sub->values[v].layout != IG_PLAIN) return false;
    return sub->n_outputs >= node->n_out;
}

/* ---- values ---- */

static ingot_status move_value(mover *m, size_t v)
{
    const ig_value *from = &m->sub->values[v];
    if (m->now[v] != IG_NO_VALUE) return INGOT_OK;
    m->now[v] = from->is_const ? ig_graph_const_copy(m->g, from->name, from->type.dtype,
                                                     from->type.rank, from->type.dims, from->data)
                               : ig_graph_value(m->g, from->name, &from->type);
    return m->now[v] == IG_NO_VALUE ? no_memory(m->err) : INGOT_OK;
}

/* A value that a node of the branch makes can be the if's output itself; once. */
static ingot_status map_values(mover *m)
{
    ig_arena a;
    ig_arena_init(&a, m->g->arena.heap);
    ig_node **makers = ig_graph_producers(m->sub, &a);
    ingot_status s = makers ? INGOT_OK : no_memory(m->err);
    for (size_t v = 0; v < m->sub->n_values; v++) m->now[v] = IG_NO_VALUE;
    for (size_t i = 0; i < m->sub->n_inputs; i++)
        m->now[m->sub->inputs[i]] = m->node->in[m->captured + i];
    for (uint32_t o = 0; !s && o < m->node->n_out; o++) {
        const ig_id from = m->sub->outputs[o];
        if (m->node->out[o] != IG_NO_VALUE && makers[from] && m->now[from] == IG_NO_VALUE)
            m->now[from] = m->node->out[o];
    }
    for (size_t v = 0; !s && v < m->sub->n_values; v++) s = move_value(m, v);
    ig_arena_clear(&a);
    return s;
}

/* ---- nodes ---- */

static ingot_status move_attrs(mover *m, ig_node *to, const ig_node *from)
{
    for (const ig_attr *f = from->op->attrs; f && f->name; f++) {
        const ig_attr_value value = ig_attr_get(from->attrs, f);
        if (f->kind == IG_ATTR_TEXT && !value.s) continue;
        IG_TRY(ig_attr_set(to->attrs, f, &value, &m->g->arena, m->err));
    }
    return INGOT_OK;
}

static ingot_status move_node(mover *m, ig_node *from)
{
    ig_node *to = ig_graph_node(m->g, from->op, from->name, from->in, from->n_in, from->out,
                                from->n_out, from->n_sub);
    if (!to) return no_memory(m->err);
    for (uint32_t i = 0; i < to->n_in; i++)
        if (to->in[i] != IG_NO_VALUE) to->in[i] = m->now[to->in[i]];
    for (uint32_t o = 0; o < to->n_out; o++)
        if (to->out[o] != IG_NO_VALUE) to->out[o] = m->now[to->out[o]];
    for (uint32_t k = 0; k < from->n_sub; k++) {
        to->sub[k] = from->sub[k];
        to->sub[k]->parent = m->g;
        from->sub[k] = NULL;
    }
    from->n_sub = 0;
    return move_attrs(m, to, from);
}

/* Outputs that are inputs or constants of the branch, or stand twice. */
static ingot_status link_outputs(mover *m)
{
    for (uint32_t o = 0; o < m->node->n_out; o++) {
        const ig_id to = m->node->out[o], from = m->now[m->sub->outputs[o]];
        if (to == IG_NO_VALUE || to == from) continue;
        if (!ig_graph_node(m->g, ig_op_find("identity"), m->node->name, &from, 1, &to, 1, 0))
            return no_memory(m->err);
    }
    return INGOT_OK;
}

static ingot_status inline_branch(ig_graph *g, ig_node *node, bool yes, ig_arena *scratch,
                                  ingot_error *err)
{
    ig_graph *sub = node->sub[yes ? 0 : 1];
    mover m = {g, node, sub, yes ? 1 : 1 + node->sub[0]->n_inputs, NULL, err};
    m.now = ig_new_n(scratch, ig_id, sub->n_values);
    if (!m.now) return no_memory(err);
    IG_TRY(map_values(&m));
    for (size_t n = 0; n < sub->n_nodes; n++) IG_TRY(move_node(&m, sub->nodes[n]));
    IG_TRY(link_outputs(&m));
    ig_graph_close(&node->sub[0]);
    ig_graph_close(&node->sub[1]);
    node->op = NULL;
    node->n_sub = 0;
    return INGOT_OK;
}

/* Moved nodes come last and are looked at too: branches nest. */
ingot_status ig_pass_inline(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    bool any = false;
    for (size_t n = 0; n < g->n_nodes; n++) {
        bool yes;
        ig_node *node = g->nodes[n];
        if (!decided(g, node, &yes) || !movable(node, node->sub[yes ? 0 : 1])) continue;
        ig_arena_reset(c->scratch);
        IG_TRY(inline_branch(g, node, yes, c->scratch, err));
        any = true;
    }
    if (!any) return INGOT_OK;
    ig_graph_compact(g);
    return ig_graph_sort(g, err);
}
