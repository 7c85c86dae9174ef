/* shard_cuts.c - see shard_cuts.h.
 *
 * Attention says what of q, k and v a rank needs, back to the products that make them. A product
 * whose operand is made by products alone (a feed-forward block) is cut where its weights can be.
 * The last product, whose result is the graph's output, is cut by columns. */
#include "runtime/graph/shard_cuts.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { DEPTH = 16 }; /* nodes between an attention, or a product, and the products before it */

/* ---- products ---- */

static bool weight_of(ig_shard_matrix *m, const ig_cuts *c, const ig_node *node, uint32_t i)
{
    const ig_value *w = i < node->n_in ? ig_value_at(c->g, node->in[i]) : NULL;
    if (!w || !w->is_const || !w->data || w->type.rank < 2 || !ig_type_static(&w->type))
        return false;
    const ingot_dtype t = w->type.dtype;
    const bool floats = t == INGOT_F32 || t == INGOT_F16 || t == INGOT_BF16;
    const int r = w->type.rank;
    if (m->format) return w->layout == IG_PLAIN && t == INGOT_U8;
    m->k = (size_t)w->type.dims[r - 2];
    m->n = (size_t)w->type.dims[r - 1];
    return floats && (w->layout == IG_P16 || w->layout == IG_PLAIN);
}

static const ig_q_format *format_of(const ig_node *node, const char *attr)
{
    const char *name = ig_attr_find(node->op->attrs, attr) ? ig_attr_text(node, attr) : NULL;
    return name ? ig_q_format_named(name) : NULL;
}

static ig_id input_at(const ig_node *node, uint32_t i)
{
    return i < node->n_in ? node->in[i] : IG_NO_VALUE;
}

bool ig_product_of(ig_product *p, const ig_cuts *c, const ig_node *node)
{
    const bool glu = ig_is(node, "glu", NULL), q = ig_is(node, "matmul_q", NULL);
    const bool plain = ig_is(node, "matmul", NULL);
    if (!glu && !q && !plain) return false;
    *p = (ig_product){.gated = glu, .bias = input_at(node, 2), .residual = IG_NO_VALUE};
    if (!glu) p->residual = input_at(node, 3);
    const char *act = ig_attr_text(node, "act");
    p->acts = act && *act && strcmp(act, "none") != 0;
    p->matrix.format = format_of(node, "format");
    if (!weight_of(&p->matrix, c, node, 1)) return false;
    if (plain) {
        const bool turned = ig_attr_int(node, "trans_a") || ig_attr_int(node, "trans_b");
        return !turned && ig_attr_double(node, "alpha") == 1 &&
               c->g->values[node->in[1]].type.rank == 2;
    }
    p->matrix.k = (size_t)ig_attr_int(node, "k");
    p->matrix.n = (size_t)ig_attr_int(node, "n");
    if (glu) p->matrix.n = (p->matrix.n + 7) / 8 * 16;
    return true;
}

/* Columns of the product's result. */
static size_t result_columns(const ig_product *p, const ig_node *node)
{
    return p->gated ? (size_t)ig_attr_int(node, "n") : p->matrix.n;
}

/* ---- shares ---- */

static size_t share_begin(size_t total, size_t unit, size_t rank, size_t n_ranks)
{
    const size_t units = total / unit + (total % unit != 0);
    const size_t at = (units / n_ranks * rank + IG_MIN(rank, units % n_ranks)) * unit;
    return IG_MIN(at, total);
}

void ig_cuts_first(const ig_cuts *c, int64_t *first, size_t total, size_t unit)
{
    for (size_t r = 0; r <= c->n_ranks; r++)
        first[r] = (int64_t)share_begin(total, unit, r, c->n_ranks);
}

/* This rank's share; false: not every rank would have one. */
static bool share(ig_run_of *run, const ig_cuts *c, size_t total, size_t unit)
{
    if (total / unit + (total % unit != 0) < c->n_ranks) return false;
    run->begin = share_begin(total, unit, c->rank, c->n_ranks);
    run->end = share_begin(total, unit, c->rank + 1, c->n_ranks);
    return true;
}

/* Hidden columns: whole panels of what makes them, whole blocks of what reads them. */
static size_t hidden_unit(const ig_shard_matrix *reader)
{
    return IG_MAX((size_t)IG_Q_PANEL, ig_shard_unit(reader));
}

/* ---- back from a value to the products that make it ---- */

static bool is_follower(const ig_node *node)
{
    return ig_is(node, "unary", NULL) || ig_is(node, "binary", NULL);
}

/* Norms of heads and what makes heads of rows. */
static bool is_head_wise(const ig_cuts *c, const ig_node *node)
{
    if (ig_is(node, "reshape", NULL)) return true;
    const bool norm = ig_is(node, "rms_norm", NULL) || ig_is(node, "layer_norm", NULL);
    return norm && c->g->values[node->in[0]].type.rank == 3;
}

/* Can the columns of `id` be divided, all the way back to products with whole operands? With `runs`
 * they are. */
static bool cut_back(ig_cuts *c, ig_id id, const ig_runs *runs, bool heads, int depth)
{
    ig_product p;
    const ig_node *node = id < c->m.n_values ? c->m.made_by[id] : NULL;
    if (!node || depth > DEPTH || !ig_read_once(&c->m, id) || c->cut[id].n) return false;
    if (runs) c->cut[id] = *runs;
    if (ig_product_of(&p, c, node)) return p.residual == IG_NO_VALUE && !c->cut[node->in[0]].n;
    if (heads ? !is_head_wise(c, node) && !is_follower(node) : !is_follower(node)) return false;
    for (uint32_t i = 0; i < node->n_in; i++) {
        const ig_value *v = ig_value_at(c->g, node->in[i]);
        size_t n;
        if (!v) continue;
        if (v->is_const && (heads || (ig_type_elements(&v->type, &n) && n == 1))) continue;
        if (!cut_back(c, node->in[i], runs, heads, depth + 1)) return false;
    }
    return true;
}

static ingot_status refuse(const ig_node *node, size_t n_ranks, const char *why, ingot_error *err)
{
    return ig_node_fail(err, INGOT_E_UNSUPPORTED, node, "%zu ranks cannot share it: %s", n_ranks,
                        why);
}

/* ---- attention ---- */

static size_t row_elements(const ig_cuts *c, ig_id id)
{
    if (id == IG_NO_VALUE) return 0;
    const ig_type *t = &c->g->values[id].type;
    int64_t n = 1;
    for (int d = 1; d < t->rank; d++)
        if (t->dims[d] < 1 || !ig_mul_ok(n, t->dims[d], &n)) return 0;
    return t->rank > 1 ? (size_t)n : 0;
}

static ig_run_of heads_of(const ig_cuts *c, size_t heads, size_t size, size_t at)
{
    const size_t mine = heads / c->n_ranks;
    return (ig_run_of){at + c->rank * mine * size, at + (c->rank + 1) * mine * size};
}

static ingot_status cut_attention(ig_cuts *c, const ig_node *node, ingot_error *err)
{
    const size_t heads = (size_t)ig_attr_int(node, "heads"),
                 kv = (size_t)ig_attr_int(node, "kv_heads");
    size_t dv = (size_t)ig_attr_int(node, "dv");
    const size_t q = row_elements(c, node->in[0]), k = row_elements(c, input_at(node, 1)),
                 v = row_elements(c, input_at(node, 2));
    if (!kv || heads % c->n_ranks || kv % c->n_ranks)
        return ig_node_fail(err, INGOT_E_UNSUPPORTED, node,
                            "%zu ranks cannot share it: they must divide its %zu key heads and %zu "
                            "heads",
                            c->n_ranks, kv, heads);
    if (!dv) dv = v ? v / kv : q / (heads + 2 * kv);
    const size_t d = k ? k / kv : (q - kv * dv) / (heads + kv);
    ig_runs runs[3] = {{.v = {heads_of(c, heads, d, 0)}, .n = 1},
                       {.v = {heads_of(c, kv, d, 0)}, .n = 1},
                       {.v = {heads_of(c, kv, dv, 0)}, .n = 1}};
    if (!k) {
        runs[0].v[1] = heads_of(c, kv, d, heads * d);
        runs[0].v[2] = heads_of(c, kv, dv, (heads + kv) * d);
        runs[0].n = 3;
    }
    for (uint32_t i = 0; i < (k ? 3u : 1u); i++)
        if (!cut_back(c, node->in[i], &runs[i], true, 0))
            return refuse(node, c->n_ranks, "its queries or keys are normed as whole rows", err);
    c->cut[node->out[0]] = (ig_runs){.v = {heads_of(c, heads, dv, 0)}, .n = 1};
    return INGOT_OK;
}

/* ---- feed-forward ---- */

static void cut_hidden(ig_cuts *c, const ig_node *node, const ig_product *p)
{
    const ig_id x = node->in[0];
    ig_runs runs = {.n = 1};
    if (c->cut[x].n || p->acts || p->gated) return;
    if (!share(&runs.v[0], c, p->matrix.k, hidden_unit(&p->matrix))) return;
    if (cut_back(c, x, NULL, false, 0)) cut_back(c, x, &runs, false, 0);
}

bool ig_experts_of(ig_experts *e, const ig_cuts *c, const ig_node *node)
{
    const size_t n = (size_t)ig_attr_int(node, "n"), k = (size_t)ig_attr_int(node, "k");
    *e = (ig_experts){.glu.format = format_of(node, "format"),
                      .down.format = format_of(node, "down_format")};
    if (!weight_of(&e->glu, c, node, 2) || !weight_of(&e->down, c, node, 3)) return false;
    e->glu.n = (n + 7) / 8 * 16;
    e->glu.k = e->down.n = k;
    e->down.k = n;
    return share(&e->mine, c, n, hidden_unit(&e->down));
}

/* ---- the output ---- */

static bool keeps_columns(const ig_cuts *c, const ig_node *node, ig_id *from)
{
    double v;
    *from = node->in[0];
    if (ig_is(node, "unary", NULL)) return true;
    *from = ig_is(node, "binary", NULL) ? ig_with_scalar(&c->m, node, &v) : IG_NO_VALUE;
    return *from != IG_NO_VALUE;
}

static void cut_output(ig_cuts *c)
{
    ig_product p;
    ig_id id = c->g->n_outputs == 1 ? c->g->outputs[0] : IG_NO_VALUE;
    for (int i = 0; i < DEPTH && id != IG_NO_VALUE && c->m.made_by[id]; i++) {
        const ig_node *node = c->m.made_by[id];
        if (ig_product_of(&p, c, node)) {
            ig_runs runs = {.n = 1};
            if (p.gated || p.residual != IG_NO_VALUE || c->cut[node->in[0]].n || c->cut[id].n ||
                !share(&runs.v[0], c, result_columns(&p, node), IG_Q_PANEL))
                return;
            c->cut[id] = runs;
            c->gathered[id] = true;
            return;
        }
        if (!keeps_columns(c, node, &id)) return;
    }
}

/* ---- all of it ---- */

/* What a node makes of a divided operand, row by row. */
static void cut_follower(ig_cuts *c, const ig_node *node)
{
    if (!node->n_in || !node->n_out || node->in[0] == IG_NO_VALUE || node->out[0] == IG_NO_VALUE)
        return;
    const bool rows = ig_is(node, "gather", NULL) && ig_attr_int(node, "axis") == 0;
    if ((rows || is_follower(node)) && !c->cut[node->out[0]].n && !c->gathered[node->in[0]])
        c->cut[node->out[0]] = c->cut[node->in[0]];
}

ingot_status ig_cuts_open(ig_cuts *c, const ig_graph *g, ig_arena *a, size_t rank, size_t n_ranks,
                          ingot_error *err)
{
    *c = (ig_cuts){.g = g, .rank = rank, .n_ranks = n_ranks, .split_experts = true};
    c->cut = ig_new_n(a, ig_runs, g->n_values);
    c->gathered = ig_new_n(a, bool, g->n_values);
    /* the view only reads the graph */
    if (!c->cut || !c->gathered || !ig_match_open(&c->m, (ig_graph *)(uintptr_t)g, a))
        return ig_fail(err, INGOT_E_NOMEM, "dividing a graph among ranks: no memory");
    for (size_t i = 0; i < g->n_nodes; i++)
        if (ig_is(g->nodes[i], "paged_attention", NULL)) IG_TRY(cut_attention(c, g->nodes[i], err));
    for (size_t i = 0; i < g->n_nodes; i++) {
        const ig_node *node = g->nodes[i];
        ig_product p;
        ig_experts e;
        cut_follower(c, node);
        if (ig_product_of(&p, c, node)) cut_hidden(c, node, &p);
        if (ig_is(node, "moe", NULL) && !ig_experts_of(&e, c, node)) c->split_experts = false;
    }
    cut_output(c);
    return INGOT_OK;
}
