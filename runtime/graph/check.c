/* check.c - is this a graph at all? Everything that a file can get wrong, before anything else
 * looks.
 *
 * After it passes: every id is in range, nodes are in topological order, every value has one maker,
 * arities fit the ops, subgraphs are there and not nested too deeply. */
#include "runtime/graph/pass.h"
#include "runtime/base/checked.h"

enum { DEPTH_MOST = 32 };

static ingot_status check_ids(const ig_graph *g, const ig_node *node, const bool *made,
                              ingot_error *err)
{
    for (uint32_t i = 0; i < node->n_in; i++) {
        const ig_id id = node->in[i];
        if (id == IG_NO_VALUE) continue;
        if (id >= g->n_values)
            return ig_node_fail(err, INGOT_E_FORMAT, node, "input %u is value %u of %zu", i, id,
                                g->n_values);
        if (!made[id])
            return ig_node_fail(err, INGOT_E_FORMAT, node,
                                "input '%.80s' is read before it is made", g->values[id].name);
        if (g->values[id].layout != IG_PLAIN && (i == 0 || !(node->op->flags & IG_OP_PACKED)))
            return ig_node_fail(err, INGOT_E_FORMAT, node,
                                "input %u '%.80s' lies in panels, which it does not take there", i,
                                g->values[id].name);
    }
    return INGOT_OK;
}

static ingot_status claim(const ig_graph *g, const ig_node *node, ig_id id, bool *made,
                          ingot_error *err)
{
    if (id == IG_NO_VALUE) return INGOT_OK;
    if (id >= g->n_values)
        return ig_node_fail(err, INGOT_E_FORMAT, node, "an output is value %u of %zu", id,
                            g->n_values);
    if (made[id])
        return ig_node_fail(err, INGOT_E_FORMAT, node, "value '%.80s' is made twice",
                            g->values[id].name);
    made[id] = true;
    return INGOT_OK;
}

static bool arity_fits(uint32_t n, uint16_t least, uint16_t most)
{
    return n >= least && (most == IG_MANY || n <= most);
}

static ingot_status check_arity(const ig_node *node, ingot_error *err)
{
    const ig_op *op = node->op;
    if (!arity_fits(node->n_in, op->min_in, op->max_in))
        return ig_node_fail(err, INGOT_E_FORMAT, node, "%u inputs (%u to %u expected)", node->n_in,
                            op->min_in, op->max_in);
    if (!arity_fits(node->n_out, op->min_out, op->max_out))
        return ig_node_fail(err, INGOT_E_FORMAT, node, "%u outputs (%u to %u expected)",
                            node->n_out, op->min_out, op->max_out);
    if (node->n_sub != op->n_sub)
        return ig_node_fail(err, INGOT_E_FORMAT, node, "%u subgraphs (%u expected)", node->n_sub,
                            op->n_sub);
    for (uint32_t i = 0; i < op->min_in; i++)
        if (node->in[i] == IG_NO_VALUE)
            return ig_node_fail(err, INGOT_E_FORMAT, node, "input %u is missing", i);
    return INGOT_OK;
}

static ingot_status check_values(const ig_graph *g, bool *made, ingot_error *err)
{
    for (size_t v = 0; v < g->n_values; v++) {
        const ig_value *value = &g->values[v];
        if (!value->is_const) continue;
        size_t bytes;
        if (!ig_type_static(&value->type) || !ig_type_bytes(&value->type, &bytes) ||
            (value->layout == IG_PLAIN && bytes != value->data_bytes) ||
            (bytes && !value->data && !value->fill))
            return ig_fail(err, INGOT_E_FORMAT, "constant '%.80s' does not hold what its type says",
                           value->name);
        made[v] = true;
    }
    for (size_t i = 0; i < g->n_inputs; i++) {
        if (g->inputs[i] >= g->n_values || made[g->inputs[i]])
            return ig_fail(err, INGOT_E_FORMAT, "graph input %zu is not a value of its own", i);
        made[g->inputs[i]] = true;
    }
    return INGOT_OK;
}

static ingot_status check_graph(const ig_graph *g, int depth, ingot_error *err);

static ingot_status check_nodes(const ig_graph *g, bool *made, int depth, ingot_error *err)
{
    for (size_t n = 0; n < g->n_nodes; n++) {
        const ig_node *node = g->nodes[n];
        IG_TRY(check_arity(node, err));
        IG_TRY(check_ids(g, node, made, err));
        for (uint32_t o = 0; o < node->n_out; o++) IG_TRY(claim(g, node, node->out[o], made, err));
        for (uint32_t s = 0; s < node->n_sub; s++) {
            if (!node->sub[s])
                return ig_node_fail(err, INGOT_E_FORMAT, node, "subgraph %u is missing", s);
            IG_TRY(check_graph(node->sub[s], depth + 1, err));
        }
    }
    for (size_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] >= g->n_values || !made[g->outputs[i]] ||
            g->values[g->outputs[i]].layout != IG_PLAIN)
            return ig_fail(err, INGOT_E_FORMAT, "graph output %zu is made by nobody", i);
    return INGOT_OK;
}

static ingot_status check_graph(const ig_graph *g, int depth, ingot_error *err)
{
    if (depth > DEPTH_MOST)
        return ig_fail(err, INGOT_E_FORMAT, "subgraphs are nested more than %d deep", DEPTH_MOST);
    ig_arena a;
    ig_arena_init(&a, g->arena.heap);
    bool *made = ig_new_n(&a, bool, g->n_values);
    ingot_status s = made ? check_values(g, made, err)
                          : ig_fail(err, INGOT_E_NOMEM, "checking the graph: no memory");
    if (!s) s = check_nodes(g, made, depth, err);
    ig_arena_clear(&a);
    return s;
}

ingot_status ig_graph_check(const ig_graph *g, ingot_error *err) { return check_graph(g, 0, err); }
