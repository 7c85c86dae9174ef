/* pass_norms.c - layer and RMS normalisation that exporters spell out become one node.
 *
 *     d = x - mean(x);  y = d / sqrt(mean(d^2) + eps) [* gamma] [+ beta]
 *     y = x / sqrt(mean(x^2) + eps) [* gamma]                  (or * reciprocal(sqrt(..)))
 *
 * The mean is over the last axis; gamma and beta are constants of its length. */
#include "runtime/graph/match.h"
#include "runtime/graph/passes.h"
#include "runtime/base/checked.h"

#include <math.h>

typedef struct {
    ig_id x;
    double eps;
    bool centred;
} norm;

/* mean over the last axis, kept: its input. */
static ig_id mean_of(const ig_match *m, ig_id id)
{
    const ig_node *r = ig_maker(m, id, "reduce", "mean");
    double axis;
    if (!r || r->n_in != 2 || !ig_attr_int(r, "keepdims") || !ig_scalar(m, r->in[1], &axis))
        return IG_NO_VALUE;
    const int rank = m->g->values[r->in[0]].type.rank;
    return axis == -1 || (rank > 0 && axis == rank - 1) ? r->in[0] : IG_NO_VALUE;
}

/* d * d or pow(d, 2): d. */
static ig_id squared(const ig_match *m, ig_id id)
{
    const ig_node *mul = ig_maker(m, id, "binary", "mul"), *pow = ig_maker(m, id, "binary", "pow");
    if (mul && mul->in[0] == mul->in[1]) return mul->in[0];
    return pow && ig_scalar_is(m, pow->in[1], 2) ? pow->in[0] : IG_NO_VALUE;
}

/* sqrt(mean(d^2) + eps): d. */
static ig_id deviation(const ig_match *m, ig_id id, double *eps)
{
    const ig_node *root = ig_maker(m, id, "unary", "sqrt");
    const ig_node *add = root ? ig_maker(m, root->in[0], "binary", "add") : NULL;
    const ig_id var = add ? ig_with_scalar(m, add, eps) : IG_NO_VALUE;
    const ig_id square = var == IG_NO_VALUE ? IG_NO_VALUE : mean_of(m, var);
    return square == IG_NO_VALUE ? IG_NO_VALUE : squared(m, square);
}

/* n makes d / sqrt(..) or d * (1 / sqrt(..)): d. */
static ig_id normalised(const ig_match *m, const ig_node *n, double *eps)
{
    if (ig_is(n, "binary", "div")) {
        const ig_id d = deviation(m, n->in[1], eps);
        if (d != IG_NO_VALUE && d == n->in[0]) return d;
        return IG_NO_VALUE;
    }
    if (!ig_is(n, "binary", "mul")) return IG_NO_VALUE;
    for (int s = 0; s < 2; s++) {
        const ig_node *inverse = ig_maker(m, n->in[s], "unary", "reciprocal");
        ig_id root = inverse ? inverse->in[0] : IG_NO_VALUE;
        const ig_node *div = ig_maker(m, n->in[s], "binary", "div");
        if (div && ig_scalar_is(m, div->in[0], 1)) root = div->in[1];
        const ig_id d = root == IG_NO_VALUE ? IG_NO_VALUE : deviation(m, root, eps);
        if (d != IG_NO_VALUE && d == n->in[1 - s]) return d;
    }
    return IG_NO_VALUE;
}

/* d = x - mean(x): x. Some exporters compute the difference twice. */
static bool find_norm(const ig_match *m, const ig_node *n, norm *found)
{
    const ig_id d = normalised(m, n, &found->eps);
    if (d == IG_NO_VALUE || !(found->eps > 0)) return false;
    const ig_node *sub = ig_maker(m, d, "binary", "sub");
    const ig_id x = sub ? mean_of(m, sub->in[1]) : IG_NO_VALUE;
    found->centred = x != IG_NO_VALUE && x == sub->in[0];
    found->x = found->centred ? x : d;
    return true;
}

/* The only reader of `id`, when it combines it with a constant vector [n]. */
static ig_node *reader_with_vector(const ig_match *m, ig_id id, const char *fn, int64_t n,
                                   ig_id *vector)
{
    ig_node *r = ig_only_reader(m, id);
    *vector = ig_is(r, "binary", fn) ? ig_other(r, id) : IG_NO_VALUE;
    return ig_const_vector(m, *vector, n, 0) ? r : NULL;
}

/* A vector constant as rank 1, as the op wants it. */
static ig_id as_rank1(ig_graph *g, ig_id id, int64_t n)
{
    const ig_value v = g->values[id];
    return v.type.rank == 1 ? id : ig_graph_const(g, v.name, INGOT_F32, 1, &n, v.data);
}

static ingot_status fuse(ig_match *m, ig_node *n, const norm *found, ingot_error *err)
{
    ig_graph *g = m->g;
    const ig_type *type = &g->values[n->out[0]].type;
    const int64_t cols = type->rank > 0 ? type->dims[type->rank - 1] : -1;
    ig_id gamma = IG_NO_VALUE, beta = IG_NO_VALUE;
    ig_node *scale = cols > 0 ? reader_with_vector(m, n->out[0], "mul", cols, &gamma) : NULL;
    if (!scale) {
        if (cols <= 0) return INGOT_OK;
        float *ones = ig_new_n(&g->arena, float, (size_t)cols);
        for (int64_t i = 0; ones && i < cols; i++) ones[i] = 1;
        gamma = ones ? ig_graph_const(g, "", INGOT_F32, 1, &cols, ones) : IG_NO_VALUE;
        scale = n;
    } else {
        gamma = as_rank1(g, gamma, cols);
    }
    ig_node *last = scale;
    if (found->centred) {
        ig_node *shift = reader_with_vector(m, scale->out[0], "add", cols, &beta);
        if (shift) {
            beta = as_rank1(g, beta, cols);
            last = shift;
        }
    }
    const ig_id in[3] = {found->x, gamma, beta};
    const size_t n_in = beta == IG_NO_VALUE ? 2 : 3;
    if (gamma == IG_NO_VALUE ||
        !ig_become(g, last, found->centred ? "layer_norm" : "rms_norm", in, n_in) ||
        !ig_put_attr_double(g, last, "epsilon", found->eps) ||
        !ig_put_attr_int(g, last, "axis", -1))
        return ig_fail(err, INGOT_E_NOMEM, "fusing norms: no memory");
    return INGOT_OK;
}

ingot_status ig_pass_norms(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    ig_match m;
    if (!ig_match_open(&m, g, c->scratch))
        return ig_fail(err, INGOT_E_NOMEM, "fusing norms: no memory");
    for (size_t i = 0; i < g->n_nodes; i++) {
        ig_node *n = g->nodes[i];
        norm found;
        if (!ig_is(n, "binary", NULL) || g->values[n->out[0]].type.dtype != INGOT_F32) continue;
        if (find_norm(&m, n, &found)) IG_TRY(fuse(&m, n, &found, err));
    }
    return INGOT_OK;
}
