/* pass_cse.c - common subexpressions: two nodes with equal op, attributes and inputs become one. */
#include "runtime/graph/passes.h"
#include "runtime/base/checked.h"

#include <string.h>

static uint64_t hash_node(const ig_node *n)
{
    uint64_t h = (uint64_t)(uintptr_t)n->op;
    for (uint32_t i = 0; i < n->n_in; i++) h = (h ^ n->in[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static bool same(const ig_node *a, const ig_node *b)
{
    if (a->op != b->op || a->n_in != b->n_in || a->n_out != b->n_out) return false;
    if (a->n_in && memcmp(a->in, b->in, a->n_in * sizeof *a->in)) return false;
    for (uint32_t o = 0; o < a->n_out;
         o++) /* the one that stays must make all that the other makes */
        if (a->out[o] == IG_NO_VALUE && b->out[o] != IG_NO_VALUE) return false;
    return ig_attr_equal(a->attrs, b->attrs, a->op->attrs);
}

static bool is_output(const ig_graph *g, const ig_node *n)
{
    for (size_t i = 0; i < g->n_outputs; i++)
        for (uint32_t o = 0; o < n->n_out; o++)
            if (n->out[o] == g->outputs[i]) return true;
    return false;
}

/* Open addressing; `now` maps each value to the one that stands for it. Inputs are renamed before a
 * node is hashed, so chains of equal nodes fold in one sweep. */
ingot_status ig_pass_cse(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    size_t size = 16;
    while (size < 2 * g->n_nodes) size *= 2;
    ig_node **slots = ig_new_n(c->scratch, ig_node *, size);
    ig_id *now = ig_new_n(c->scratch, ig_id, g->n_values);
    if (!slots || !now) return ig_fail(err, INGOT_E_NOMEM, "common subexpressions: no memory");
    for (size_t v = 0; v < g->n_values; v++) now[v] = (ig_id)v;
    for (size_t n = 0; n < g->n_nodes; n++) {
        ig_node *node = g->nodes[n];
        for (uint32_t i = 0; i < node->n_in; i++)
            if (node->in[i] != IG_NO_VALUE) node->in[i] = now[node->in[i]];
        if (node->op->flags & IG_OP_RANDOM || node->n_sub || is_output(g, node)) continue;
        size_t at = hash_node(node) & (size - 1);
        while (slots[at] && !same(slots[at], node)) at = (at + 1) & (size - 1);
        if (!slots[at]) {
            slots[at] = node;
            continue;
        }
        for (uint32_t o = 0; o < node->n_out; o++)
            if (node->out[o] != IG_NO_VALUE) now[node->out[o]] = slots[at]->out[o];
        node->op = NULL;
    }
    ig_graph_compact(g);
    return INGOT_OK;
}
