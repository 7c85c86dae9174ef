/* pass_dead.c - dead code: nodes whose outputs nobody reads, then constants nobody reads. */
#include "runtime/graph/passes.h"
#include "runtime/base/checked.h"

static bool needed(const ig_node *node, const bool *live)
{
    for (uint32_t o = 0; o < node->n_out; o++)
        if (node->out[o] != IG_NO_VALUE && live[node->out[o]]) return true;
    return false;
}

/* Values keep their ids (files number only what is used); an unread constant gives up its data. */
ingot_status ig_pass_dead(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    bool *live = ig_new_n(c->scratch, bool, g->n_values);
    if (!live) return ig_fail(err, INGOT_E_NOMEM, "dead code: no memory");
    for (size_t i = 0; i < g->n_outputs; i++) live[g->outputs[i]] = true;
    for (size_t n = g->n_nodes; n-- > 0;) {
        ig_node *node = g->nodes[n];
        if (!needed(node, live)) {
            node->op = NULL;
            continue;
        }
        for (uint32_t i = 0; i < node->n_in; i++)
            if (node->in[i] != IG_NO_VALUE) live[node->in[i]] = true;
        for (uint32_t o = 0; o < node->n_out; o++)
            if (node->out[o] != IG_NO_VALUE && o >= node->op->min_out && !live[node->out[o]])
                node->out[o] = IG_NO_VALUE;
    }
    ig_graph_compact(g);
    for (size_t v = 0; v < g->n_values; v++)
        if (g->values[v].is_const && !live[v])
            g->values[v] = (ig_value){.name = "", .type.rank = IG_RANK_UNKNOWN};
    return INGOT_OK;
}
