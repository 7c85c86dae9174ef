/* pass_epilogues.c - what follows a product (matmul, matmul_q, conv) moves into its epilogue:
 *
 *     y = act(product + bias + residual)
 *
 * Floats of 32 and of 16 bits; the latter are then rounded once, not after each step. A bias that
 * is there already grows in f32 only.
 *
 * A chain is followed from the product along single readers. The last node of the chain becomes the
 * product, so that everything it needs has been made by then. */
#include "runtime/graph/match.h"
#include "runtime/graph/passes.h"
#include "runtime/graph/sizes.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

enum { BIAS = 2, RESIDUAL = 3, INPUTS = 4 };

static bool is_product(const ig_node *n)
{
    return ig_is(n, "matmul", NULL) || ig_is(n, "matmul_q", NULL) || ig_is(n, "conv", NULL);
}

/* Where the output channels are, counted from the last axis: NCHW has them before the image. */
static int channel_axis(const ig_graph *g, const ig_node *p)
{
    return ig_is(p, "conv", NULL) ? g->values[p->out[0]].type.rank - 2 : 0;
}

static bool is_float(ingot_dtype t) { return t == INGOT_F32 || t == INGOT_F16 || t == INGOT_BF16; }

static bool has(const ig_node *p, uint32_t i) { return i < p->n_in && p->in[i] != IG_NO_VALUE; }

/* Node r takes over product p, with one input replaced or added. */
static bool take_over(ig_graph *g, ig_node *r, const ig_node *p, uint32_t slot, ig_id id)
{
    ig_id in[INPUTS] = {IG_NO_VALUE, IG_NO_VALUE, IG_NO_VALUE, IG_NO_VALUE};
    memcpy(in, p->in, IG_MIN(p->n_in, (uint32_t)INPUTS) * sizeof *in);
    if (slot < INPUTS) in[slot] = id;
    size_t n = INPUTS;
    while (in[n - 1] == IG_NO_VALUE) n--;
    if (!ig_become(g, r, p->op->name, in, n)) return false;
    memcpy(r->attrs, p->attrs, p->op->attrs_bytes);
    return true;
}

/* ---- bias ---------------------------------------------------------------------------------------
 */

static ig_id sum_vector(ig_graph *g, ig_id bias, const float *v, int64_t n)
{
    float *sum = ig_new_n(&g->arena, float, (size_t)n);
    const float *old = g->values[bias].data;
    for (int64_t i = 0; sum && i < n; i++) sum[i] = old[i] + v[i];
    return sum ? ig_graph_const(g, "", INGOT_F32, 1, &n, sum) : IG_NO_VALUE;
}

/* Is r = p + constant per output channel? Then *bias is the bias of both. */
static bool find_bias(const ig_match *m, const ig_node *p, const ig_node *r, ig_id *bias,
                      bool *failed)
{
    ig_graph *g = m->g;
    const ig_type *type = &g->values[p->out[0]].type;
    const int axis = channel_axis(g, p);
    if (!ig_is(r, "binary", "add") || type->rank <= axis || has(p, RESIDUAL)) return false;
    const int64_t n = type->dims[type->rank - 1 - axis];
    const ig_id other = ig_other(r, p->out[0]);
    const void *v = n > 0 ? ig_const_vector_of(m, other, type->dtype, n, axis) : NULL;
    if (!v || g->values[other].type.rank > type->rank) return false;
    if (has(p, BIAS) && (!g->values[p->in[BIAS]].data || type->dtype != INGOT_F32)) return false;
    *bias = has(p, BIAS) ? sum_vector(g, p->in[BIAS], v, n)
                         : ig_graph_const_copy(g, "", type->dtype, 1, &n, v);
    *failed = *bias == IG_NO_VALUE;
    return true;
}

/* ---- residual
 * ------------------------------------------------------------------------------------ */

static bool find_residual(const ig_match *m, const ig_sizes *sizes, const ig_node *p,
                          const ig_node *r, ig_id *residual)
{
    if (!ig_is(r, "binary", "add") || has(p, RESIDUAL)) return false;
    *residual = ig_other(r, p->out[0]);
    if (*residual == IG_NO_VALUE || *residual == p->out[0] || m->g->values[*residual].is_const)
        return false;
    return m->g->values[*residual].type.dtype == m->g->values[p->out[0]].type.dtype &&
           ig_sizes_same(sizes, *residual, p->out[0]);
}

/* ---- activation
 * ------------------------------------------------------------------------------------ */

typedef struct {
    const char *act;
    double a, b;
} activation;

/* unary functions and the epilogue's names for them; hard_swish has one form only. */
static bool find_unary(const ig_node *r, activation *f)
{
    static const struct {
        const char *fn, *act;
    } names[] = {{"relu", "relu"},       {"leaky_relu", "leaky_relu"},
                 {"sigmoid", "sigmoid"}, {"hard_sigmoid", "hard_sigmoid"},
                 {"tanh", "tanh"},       {"hard_swish", "hard_swish"},
                 {"swish", "silu"},      {"gelu", "gelu_erf"},
                 {"elu", "elu"},         {"gelu_tanh", "gelu_tanh"},
                 {"mish", "mish"},       {"softplus", "softplus"},
                 {"erf", "erf"}};
    if (!ig_is(r, "unary", NULL)) return false;
    f->a = ig_attr_double(r, "alpha");
    f->b = ig_attr_double(r, "beta");
    if (ig_is(r, "unary", "hard_swish") && (fabs(f->a - 1.0 / 6) > 1e-6 || f->b != 0.5))
        return false;
    for (size_t i = 0; i < IG_LEN(names); i++)
        if (ig_is(r, "unary", names[i].fn)) f->act = names[i].act;
    return f->act;
}

static bool find_activation(const ig_match *m, const ig_node *r, activation *f)
{
    *f = (activation){0};
    if (!ig_is(r, "clip", NULL)) return find_unary(r, f);
    f->act = "clip";
    f->a = -INFINITY;
    f->b = INFINITY;
    const bool low = r->n_in > 1 && r->in[1] != IG_NO_VALUE;
    const bool high = r->n_in > 2 && r->in[2] != IG_NO_VALUE;
    return (!low || ig_scalar(m, r->in[1], &f->a)) && (!high || ig_scalar(m, r->in[2], &f->b));
}

/* ---- the pass
 * ----------------------------------------------------------------------------------------- */

/* One step along the chain: the product's new node, or NULL at its end. */
static ig_node *extend(ig_match *m, const ig_sizes *sizes, ig_node *p, bool *failed)
{
    ig_graph *g = m->g;
    ig_node *r = ig_only_reader(m, p->out[0]);
    if (!r || r->n_in == 0 || strcmp(ig_attr_text(p, "act"), "none")) return NULL;
    ig_id id;
    activation f;
    bool ok;
    if (find_bias(m, p, r, &id, failed))
        ok = !*failed && take_over(g, r, p, BIAS, id);
    else if (find_residual(m, sizes, p, r, &id))
        ok = take_over(g, r, p, RESIDUAL, id);
    else if (r->in[0] == p->out[0] && find_activation(m, r, &f))
        ok = take_over(g, r, p, INPUTS, IG_NO_VALUE) && ig_put_attr_text(g, r, "act", f.act) &&
             ig_put_attr_double(g, r, "act_a", f.a) && ig_put_attr_double(g, r, "act_b", f.b);
    else
        return NULL;
    *failed = !ok;
    p->op = NULL;
    return ok ? r : NULL;
}

ingot_status ig_pass_epilogues(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    ig_match m;
    const ig_sizes *sizes = ig_sizes_open(g, c->scratch, c->heap);
    bool failed = !sizes || !ig_match_open(&m, g, c->scratch);
    for (size_t i = 0; !failed && i < g->n_nodes; i++) {
        ig_node *p = g->nodes[i];
        if (!p->op || !is_product(p) || !is_float(g->values[p->out[0]].type.dtype)) continue;
        while (p && !failed) p = extend(&m, sizes, p, &failed);
    }
    ig_graph_compact(g);
    return failed ? ig_fail(err, INGOT_E_NOMEM, "fusing epilogues: no memory") : INGOT_OK;
}
