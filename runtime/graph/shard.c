/* shard.c - see shard.h. First it is decided what of each value a rank keeps (shard_cuts.c), then
 * the nodes are made anew, in order. */
#include "runtime/graph/pass.h"
#include "runtime/graph/shard_cuts.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef struct {
    ig_cuts c;
    ig_graph *to;
    ig_id *now; /* [n_values] in `to`; IG_NO_VALUE: not there yet */
    ingot_error *err;
} maker;

static ingot_status no_memory(const maker *m)
{
    return ig_fail(m->err, INGOT_E_NOMEM, "a rank's share of the graph: no memory");
}

static ingot_status cannot(const maker *m, const ig_node *node, const char *why)
{
    return ig_node_fail(m->err, INGOT_E_UNSUPPORTED, node, "it cannot be divided among ranks: %s",
                        why);
}

/* ---- values ---- */

static ig_type type_in(maker *m, const ig_type *type)
{
    ig_type t = *type;
    for (int d = 0; d < t.rank; d++)
        if (IG_DIM_IS_SYMBOL(t.dims[d]))
            t.dims[d] = ig_graph_symbol(m->to, ig_graph_symbol_name(m->c.g, t.dims[d]));
    return t;
}

/* The whole value, as an input of a new node. */
static ingot_status whole(maker *m, ig_id *out, ig_id id)
{
    *out = IG_NO_VALUE;
    if (id == IG_NO_VALUE) return INGOT_OK;
    const ig_value *v = &m->c.g->values[id];
    if (m->now[id] == IG_NO_VALUE && v->is_const) {
        m->now[id] =
            ig_graph_const(m->to, v->name, v->type.dtype, v->type.rank, v->type.dims, v->data);
        if (m->now[id] == IG_NO_VALUE) return no_memory(m);
        ig_value *made = &m->to->values[m->now[id]];
        made->layout = v->layout;
        made->data_bytes = v->data_bytes;
    }
    *out = m->now[id];
    return INGOT_OK;
}

static ingot_status make(maker *m, ig_node **out, const ig_node *node, const ig_id *in)
{
    ig_id made[IG_SHARD_OUTS];
    if (node->n_out > IG_SHARD_OUTS) return cannot(m, node, "it has too many outputs");
    for (uint32_t o = 0; o < node->n_out; o++) {
        made[o] = IG_NO_VALUE;
        if (node->out[o] == IG_NO_VALUE) continue;
        made[o] = ig_graph_value(m->to, m->c.g->values[node->out[o]].name, NULL);
        if (made[o] == IG_NO_VALUE) return no_memory(m);
        m->now[node->out[o]] = made[o];
    }
    *out = ig_graph_node(m->to, node->op, node->name, in, node->n_in, made, node->n_out, 0);
    if (!*out || !ig_take_attrs(m->to, *out, node->op, node->attrs)) return no_memory(m);
    return INGOT_OK;
}

/* Replaces the value `id` of nodes that follow by the op's result. */
static ingot_status together(maker *m, const char *op, ig_id id, ig_node **out)
{
    const ig_value *v = &m->c.g->values[id];
    const ig_id y = ig_graph_value(m->to, v->name, NULL);
    if (y == IG_NO_VALUE) return no_memory(m);
    *out = ig_graph_node(m->to, ig_op_find(op), v->name, &m->now[id], 1, &y, 1, 0);
    if (!*out) return no_memory(m);
    m->now[id] = y;
    return INGOT_OK;
}

/* ---- products ---- */

static bool put_size(maker *m, ig_node *node, const char *name, size_t v)
{
    return !ig_attr_find(node->op->attrs, name) || ig_put_attr_int(m->to, node, name, (int64_t)v);
}

/* y's columns as columns of the weight: glu's stand beside those of its gate. */
static ig_runs weight_runs(const ig_product *p, const ig_runs *y)
{
    ig_runs r = *y;
    for (size_t i = 0; p->gated && i < r.n; i++) {
        r.v[i].begin = r.v[i].begin / 8 * 16;
        r.v[i].end = (r.v[i].end + 7) / 8 * 16;
    }
    return r;
}

static ingot_status make_columns(maker *m, const ig_node *node, const ig_product *p)
{
    const ig_runs *y = &m->c.cut[node->out[0]], w = weight_runs(p, y);
    const ig_value *values = m->c.g->values;
    ig_id in[IG_PRODUCT_INS];
    if (p->residual != IG_NO_VALUE) return cannot(m, node, "a residual is added to a part of it");
    for (uint32_t i = 0; i < node->n_in; i++)
        IG_TRY(whole(m, &in[i], i ? IG_NO_VALUE : node->in[0]));
    IG_TRY(ig_shard_columns(&in[1], m->to, &values[node->in[1]], &p->matrix, &w, m->err));
    if (p->bias != IG_NO_VALUE)
        IG_TRY(ig_shard_vector(&in[2], m->to, &values[p->bias], &w, m->err));
    ig_node *made;
    IG_TRY(make(m, &made, node, in));
    if (node->op != ig_op_find("matmul") && !put_size(m, made, "n", ig_runs_width(y)))
        return no_memory(m);
    if (!m->c.gathered[node->out[0]]) return INGOT_OK;
    int64_t first[IG_COMM_RANKS + 1];
    ig_cuts_first(&m->c, first, p->matrix.n, IG_Q_PANEL);
    IG_TRY(together(m, "all_gather", node->out[0], &made));
    return ig_put_attr_ints(m->to, made, "first", first, m->c.n_ranks + 1) ? INGOT_OK
                                                                           : no_memory(m);
}

/* Bias and residual are added once, by rank 0. */
static ingot_status make_rows(maker *m, const ig_node *node, const ig_product *p)
{
    const ig_runs *x = &m->c.cut[node->in[0]];
    if (x->n != 1 || p->gated || p->acts) return cannot(m, node, "it needs whole rows");
    ig_id in[IG_PRODUCT_INS];
    for (uint32_t i = 0; i < node->n_in; i++)
        IG_TRY(whole(m, &in[i], i && m->c.rank ? IG_NO_VALUE : i == 1 ? IG_NO_VALUE : node->in[i]));
    IG_TRY(ig_shard_rows(&in[1], m->to, &m->c.g->values[node->in[1]], &p->matrix, x->v[0], m->err));
    ig_node *made;
    IG_TRY(make(m, &made, node, in));
    if (node->op != ig_op_find("matmul") && !put_size(m, made, "k", ig_runs_width(x)))
        return no_memory(m);
    return together(m, "all_reduce", node->out[0], &made);
}

static ingot_status make_experts(maker *m, const ig_node *node)
{
    ig_experts e;
    ig_id in[IG_PRODUCT_INS];
    if (!ig_experts_of(&e, &m->c, node)) return cannot(m, node, "its weights are no constants");
    const ig_runs hidden = {.v = {e.mine}, .n = 1};
    const ig_runs packed = weight_runs(&(ig_product){.gated = true}, &hidden);
    const ig_value *values = m->c.g->values;
    for (uint32_t i = 0; i < node->n_in; i++)
        IG_TRY(whole(m, &in[i], i < 2 ? node->in[i] : IG_NO_VALUE));
    IG_TRY(ig_shard_columns(&in[2], m->to, &values[node->in[2]], &e.glu, &packed, m->err));
    IG_TRY(ig_shard_rows(&in[3], m->to, &values[node->in[3]], &e.down, e.mine, m->err));
    if (node->n_in > 4 && node->in[4] != IG_NO_VALUE)
        IG_TRY(ig_shard_vector(&in[4], m->to, &values[node->in[4]], &packed, m->err));
    if (node->n_in > 5 && !m->c.rank) IG_TRY(whole(m, &in[5], node->in[5]));
    ig_node *made;
    IG_TRY(make(m, &made, node, in));
    if (!put_size(m, made, "n", ig_runs_width(&hidden))) return no_memory(m);
    return together(m, "all_reduce", node->out[0], &made);
}

/* ---- what lies between ---- */

static ingot_status make_attention(maker *m, const ig_node *node)
{
    const size_t heads = (size_t)ig_attr_int(node, "heads") / m->c.n_ranks,
                 kv = (size_t)ig_attr_int(node, "kv_heads") / m->c.n_ranks;
    const ig_runs mine = {.v = {{m->c.rank * heads, (m->c.rank + 1) * heads}}, .n = 1};
    ig_id in[IG_PRODUCT_INS];
    for (uint32_t i = 0; i < node->n_in; i++) {
        IG_TRY(whole(m, &in[i], i < 4 ? node->in[i] : IG_NO_VALUE));
        if (i < 4 || node->in[i] == IG_NO_VALUE) continue; /* sinks and slopes, one a head */
        const ig_value *v = &m->c.g->values[node->in[i]];
        if (!v->is_const || v->type.rank != 1) return cannot(m, node, "its sinks are computed");
        IG_TRY(ig_shard_vector(&in[i], m->to, v, &mine, m->err));
    }
    ig_node *made;
    IG_TRY(make(m, &made, node, in));
    return put_size(m, made, "heads", heads) && put_size(m, made, "kv_heads", kv) ? INGOT_OK
                                                                                  : no_memory(m);
}

/* [tokens, heads, elements]: fewer heads. */
static ingot_status make_reshape(maker *m, const ig_node *node)
{
    const ig_value *target = &m->c.g->values[node->in[1]];
    const ig_runs *cut = &m->c.cut[node->in[0]];
    if (!target->is_const || target->type.dtype != INGOT_I64 || target->type.rank != 1 ||
        target->type.dims[0] != 3)
        return cannot(m, node, "its shape is not [tokens, heads, elements]");
    int64_t dims[3];
    memcpy(dims, target->data, sizeof dims);
    const int64_t width = (int64_t)ig_runs_width(cut);
    if (dims[2] < 1 || width % dims[2]) return cannot(m, node, "a head would be cut");
    dims[1] = width / dims[2];
    ig_id in[2] = {m->now[node->in[0]], ig_graph_const_ints(m->to, target->name, dims, 3)};
    ig_node *made;
    return in[1] == IG_NO_VALUE ? no_memory(m) : make(m, &made, node, in);
}

/* A constant beside a divided value: one that all heads share, or one of each. */
static ingot_status beside(maker *m, ig_id *out, const ig_node *node, ig_id id, const ig_runs *cut)
{
    const ig_value *v = &m->c.g->values[id];
    size_t n = 0, parts = 1;
    if (!v->is_const || !ig_type_elements(&v->type, &n))
        return cannot(m, node, "an operand of it is whole");
    for (int d = 0; d + 1 < v->type.rank; d++) parts *= (size_t)v->type.dims[d];
    const bool by_head = m->c.g->values[node->out[0]].type.rank == 3;
    if (n == 1 || (parts == 1 && by_head)) return whole(m, out, id);
    const size_t each = n / parts;
    if (v->type.rank != 2 || cut->n != 1 || v->layout != IG_PLAIN)
        return cannot(m, node, "an operand of it has rows of its own");
    const int64_t dims[2] = {(int64_t)(ig_runs_width(cut) / each), (int64_t)each};
    const char *data = (const char *)v->data + cut->v[0].begin * ig_dtype(v->type.dtype)->bytes;
    *out = ig_graph_const(m->to, v->name, v->type.dtype, 2, dims, data);
    return *out == IG_NO_VALUE ? no_memory(m) : INGOT_OK;
}

static ingot_status make_follower(maker *m, const ig_node *node)
{
    const ig_runs *cut = &m->c.cut[node->out[0]];
    if (ig_is(node, "reshape", NULL)) return make_reshape(m, node);
    ig_id in[IG_PRODUCT_INS];
    if (node->n_in > IG_PRODUCT_INS) return cannot(m, node, "it has too many inputs");
    for (uint32_t i = 0; i < node->n_in; i++) {
        const ig_id id = node->in[i];
        const bool rows = ig_is(node, "gather", NULL) && i == 1;
        if (id == IG_NO_VALUE || rows || m->c.cut[id].n)
            IG_TRY(whole(m, &in[i], id));
        else
            IG_TRY(beside(m, &in[i], node, id, cut));
    }
    ig_node *made;
    return make(m, &made, node, in);
}

static ingot_status make_whole(maker *m, const ig_node *node)
{
    ig_id in[IG_SHARD_INS];
    if (node->n_in > IG_SHARD_INS) return cannot(m, node, "it has too many inputs");
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (node->in[i] != IG_NO_VALUE && m->c.cut[node->in[i]].n && !m->c.gathered[node->in[i]])
            return cannot(m, node, "it needs whole rows");
        IG_TRY(whole(m, &in[i], node->in[i]));
    }
    ig_node *made;
    return make(m, &made, node, in);
}

static ingot_status make_node(maker *m, const ig_node *node)
{
    ig_product p;
    const bool product = ig_product_of(&p, &m->c, node);
    const ig_id x = node->n_in ? node->in[0] : IG_NO_VALUE;
    const bool in_cut = x != IG_NO_VALUE && m->c.cut[x].n && !m->c.gathered[x];
    const bool out_cut = node->n_out && node->out[0] != IG_NO_VALUE && m->c.cut[node->out[0]].n;
    if (node->n_sub) return cannot(m, node, "it has graphs of its own");
    if (product && in_cut) return make_rows(m, node, &p);
    if (product && out_cut) return make_columns(m, node, &p);
    if (ig_is(node, "paged_attention", NULL)) return make_attention(m, node);
    if (ig_is(node, "moe", NULL) && m->c.split_experts) return make_experts(m, node);
    return in_cut && out_cut ? make_follower(m, node) : make_whole(m, node);
}

/* ---- the graph ---- */

static ingot_status make_graph(maker *m)
{
    const ig_graph *g = m->c.g;
    ig_id *in = ig_new_n(&m->to->arena, ig_id, g->n_inputs),
          *out = ig_new_n(&m->to->arena, ig_id, g->n_outputs);
    if (!in || !out) return no_memory(m);
    for (size_t i = 0; i < g->n_inputs; i++) {
        const ig_value *v = &g->values[g->inputs[i]];
        const ig_type type = type_in(m, &v->type);
        in[i] = m->now[g->inputs[i]] = ig_graph_value(m->to, v->name, &type);
        if (in[i] == IG_NO_VALUE) return no_memory(m);
    }
    for (size_t i = 0; i < g->n_nodes; i++) IG_TRY(make_node(m, g->nodes[i]));
    for (size_t i = 0; i < g->n_outputs; i++) IG_TRY(whole(m, &out[i], g->outputs[i]));
    if (!ig_graph_set_io(m->to, in, g->n_inputs, out, g->n_outputs)) return no_memory(m);
    return ig_infer_graph(m->to, m->to->arena.heap, m->err);
}

ingot_status ig_shard(ig_graph **out, const ig_graph *g, ig_heap *heap, size_t rank, size_t n_ranks,
                      ingot_error *err)
{
    *out = NULL;
    ig_arena a;
    ig_arena_init(&a, heap);
    maker m = {.to = ig_graph_open(heap, NULL), .err = err};
    m.now = ig_new_n(&a, ig_id, g->n_values);
    ingot_status s = m.to && m.now ? ig_cuts_open(&m.c, g, &a, rank, n_ranks, err) : no_memory(&m);
    for (size_t v = 0; m.now && v < g->n_values; v++) m.now[v] = IG_NO_VALUE;
    if (!s) s = make_graph(&m);
    ig_arena_clear(&a);
    if (s)
        ig_graph_close(&m.to);
    else
        *out = m.to;
    return s;
}
