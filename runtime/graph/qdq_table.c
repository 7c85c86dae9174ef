/* qdq_table.c - functions of one byte, computed for all 256 of them by the ops themselves. */
#include "runtime/graph/qdq.h"
#include "runtime/graph/plan.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { ENTRIES = 256, DEPTH = 8, INPUTS = 8 };

/* Nodes that compute each element from the elements at its place. */
static bool elementwise(const ig_node *n)
{
    return n && n->n_out == 1 && n->n_in <= INPUTS &&
           (ig_is(n, "unary", NULL) || ig_is(n, "clip", NULL) || ig_is(n, "binary", NULL));
}

static bool is_scalar(const ig_qdq *q, ig_id id)
{
    double v;
    return ig_scalar(&q->m, id, &v);
}

/* Value `id` depends on one dequantised tensor and constant scalars alone; *leaf: that tensor in
 * f32. */
static bool find_leaf(const ig_qdq *q, ig_id id, int depth, ig_id *leaf)
{
    ig_quantised from;
    if (ig_qdq_source(q, id, &from)) {
        if (*leaf != IG_NO_VALUE && *leaf != id) return false;
        *leaf = id;
        return true;
    }
    const ig_node *n = id < q->m.n_values ? q->m.made_by[id] : NULL;
    if (!elementwise(n) || depth == 0 || q->g->values[id].type.dtype != INGOT_F32) return false;
    for (uint32_t i = 0; i < n->n_in; i++)
        if (n->in[i] != IG_NO_VALUE && !is_scalar(q, n->in[i]) &&
            !find_leaf(q, n->in[i], depth - 1, leaf))
            return false;
    return *leaf != IG_NO_VALUE;
}

static ig_tensor constant(const ig_value *v)
{
    ig_tensor t = {.dtype = v->type.dtype, .rank = v->type.rank};
    memcpy(t.dims, v->type.dims, sizeof t.dims);
    t.data = (void *)(uintptr_t)v->data;
    return t;
}

/* The value of `id` for all bytes x, in the pass's scratch; false: it cannot be computed. */
static bool evaluate(ig_qdq *q, ig_id id, ig_id leaf, const ig_tensor *x, ig_tensor *out);

static bool run_node(ig_qdq *q, const ig_node *n, const ig_tensor *in, ig_tensor *out)
{
    const ig_tensor *at[INPUTS] = {NULL};
    ig_type types[INPUTS], made;
    const ig_type *type_at[INPUTS] = {NULL};
    for (uint32_t i = 0; i < n->n_in; i++) {
        if (n->in[i] == IG_NO_VALUE) continue;
        types[i] = ig_type_of(&in[i]);
        type_at[i] = &types[i];
        at[i] = &in[i];
    }
    if (ig_node_infer(n, type_at, at, &made, q->err)) return false;
    ig_tensor *result = out;
    return !ig_node_evaluate(n, at, &result, &made, q->c->scratch, NULL, q->c->pool, q->err);
}

static bool evaluate(ig_qdq *q, ig_id id, ig_id leaf, const ig_tensor *x, ig_tensor *out)
{
    const ig_node *n = q->m.made_by[id];
    ig_tensor in[INPUTS];
    for (uint32_t i = 0; i < n->n_in; i++) {
        const ig_id from = n->in[i];
        if (from == IG_NO_VALUE) continue;
        if (q->g->values[from].is_const)
            in[i] = constant(&q->g->values[from]);
        else if (id == leaf)
            in[i] = *x;
        else if (!evaluate(q, from, leaf, x, &in[i]))
            return false;
    }
    return run_node(q, n, in, out);
}

/* The table of quantize node n over value `id`, whose leaf is known: a constant of 256 bytes. */
static ig_id make_table(ig_qdq *q, const ig_node *n, ig_id id, ig_id leaf, const ig_quantised *from,
                        ingot_dtype to)
{
    uint8_t bytes[ENTRIES];
    const int64_t entries = ENTRIES;
    for (int i = 0; i < ENTRIES; i++) bytes[i] = (uint8_t)i;
    const ig_tensor x = {.dtype = from->dtype, .rank = 1, .dims = {ENTRIES}, .data = bytes};
    ig_tensor in[INPUTS], y;
    if (!evaluate(q, id, leaf, &x, &in[0])) return IG_NO_VALUE;
    for (uint32_t i = 1; i < n->n_in; i++)
        if (n->in[i] != IG_NO_VALUE) in[i] = constant(&q->g->values[n->in[i]]);
    if (!run_node(q, n, in, &y) || ig_tensor_elements(&y) != ENTRIES) return IG_NO_VALUE;
    return ig_graph_const_copy(q->g, "", to, 1, &entries, y.data);
}

bool ig_qdq_table(ig_qdq *q, ig_node *n, const ig_quantised *to)
{
    ig_id leaf = IG_NO_VALUE;
    ig_quantised from;
    if (!find_leaf(q, n->in[0], DEPTH, &leaf) || !ig_qdq_source(q, leaf, &from)) return false;
    /* scalars of a higher rank would give the result another shape */
    const ig_type *a = &q->g->values[from.q].type, *b = &q->g->values[n->out[0]].type;
    if (a->rank < 0 || a->rank != b->rank) return false;
    const ig_id table = make_table(q, n, n->in[0], leaf, &from, to->dtype);
    if (table == IG_NO_VALUE) return false;
    if (!ig_become(q->g, n, "byte_table", (ig_id[]){from.q, table}, 2)) q->failed = true;
    return true;
}

/* One input of a concatenation in the terms of its result: the bytes themselves, or a new value
 * that a look-up makes. */
static ig_id in_terms(ig_qdq *q, const ig_node *n, ig_id id, const ig_quantised *to)
{
    ig_quantised from;
    if (!ig_qdq_source(q, id, &from)) return IG_NO_VALUE;
    if (ig_qdq_same(&from, to)) return from.q;
    const ig_id table = make_table(q, n, id, id, &from, to->dtype);
    ig_type type = q->g->values[id].type;
    type.dtype = to->dtype;
    const ig_id now = table == IG_NO_VALUE ? table : ig_graph_value(q->g, "", &type);
    const ig_id in[2] = {from.q, table};
    if (now == IG_NO_VALUE || !ig_graph_node(q->g, ig_op_find("byte_table"), "", in, 2, &now, 1, 0))
        q->failed = true;
    return now;
}

bool ig_qdq_concat(ig_qdq *q, ig_node *n, const ig_quantised *to)
{
    const ig_node *join = ig_maker(&q->m, n->in[0], "concat", NULL);
    ig_quantised from;
    if (!join || !ig_only_reader(&q->m, n->in[0])) return false;
    for (uint32_t i = 0; i < join->n_in; i++)
        if (!ig_qdq_source(q, join->in[i], &from)) return false;
    ig_id *in = ig_new_n(q->c->scratch, ig_id, join->n_in);
    if (!in) q->failed = true;
    for (uint32_t i = 0; i < join->n_in && !q->failed; i++) in[i] = in_terms(q, n, join->in[i], to);
    if (q->failed) return true;
    if (!ig_become(q->g, n, "concat", in, join->n_in) ||
        !ig_take_attrs(q->g, n, join->op, join->attrs))
        q->failed = true;
    return true;
}
