/* pass_batch_norm.c - what scales and shifts the channels of a convolution with constant weights
 * folds into them:
 *
 *     w' = w * s,  b' = b * s + t                                             per output channel
 *
 *     batch norm            s = scale / sqrt(var + eps), t = shift - mean * s
 *     mul, add, constant    s or t: a number, or one a channel
 *
 * One after the other, as many as follow. Computed in double and rounded once each. */
#include "runtime/graph/match.h"
#include "runtime/graph/passes.h"
#include "runtime/base/checked.h"

#include <math.h>

enum { SCALE = 1, SHIFT, MEAN, VAR };

/* s and t, one a channel; in the pass's scratch. */
typedef struct {
    double *scale, *shift;
} affine;

static bool norm_as_affine(const ig_match *m, const ig_node *bn, size_t n, const affine *f)
{
    if (bn->n_in != 5 || ig_attr_int(bn, "training_mode")) return false;
    for (uint32_t o = 1; o < bn->n_out; o++)
        if (bn->out[o] != IG_NO_VALUE) return false;
    const float *v[5] = {NULL};
    for (int i = SCALE; i <= VAR; i++)
        if (!(v[i] = ig_const_vector(m, bn->in[i], (int64_t)n, 0))) return false;
    for (size_t c = 0; c < n; c++) {
        f->scale[c] = (double)v[SCALE][c] / sqrt((double)v[VAR][c] + ig_attr_double(bn, "epsilon"));
        f->shift[c] = (double)v[SHIFT][c] - (double)v[MEAN][c] * f->scale[c];
    }
    return true;
}

/* node is mul or add of x [N, n, ..], `rank` dims, and a constant. */
static bool constant_as_affine(const ig_match *m, const ig_node *node, ig_id x, size_t n, int rank,
                               const affine *f)
{
    const bool mul = ig_is(node, "binary", "mul");
    const ig_value *other = ig_value_at(m->g, ig_other(node, x));
    if (!other || !other->is_const || other->type.dtype != INGOT_F32 || other->type.rank > rank ||
        (!mul && !ig_is(node, "binary", "add")))
        return false;
    double one = 0;
    const float *each = ig_const_vector(m, ig_other(node, x), (int64_t)n, rank - 2);
    if (!each && !ig_scalar(m, ig_other(node, x), &one)) return false;
    for (size_t c = 0; c < n; c++) {
        const double v = each ? (double)each[c] : one;
        f->scale[c] = mul ? v : 1;
        f->shift[c] = mul ? 0 : v;
    }
    return true;
}

static bool find_affine(const ig_match *m, const ig_node *conv, const ig_node *next,
                        const affine *f)
{
    const ig_type *w = &m->g->values[conv->in[1]].type;
    const size_t n = (size_t)w->dims[0];
    if (!next) return false;
    if (ig_is(next, "batch_norm", NULL)) return norm_as_affine(m, next, n, f);
    return constant_as_affine(m, next, conv->out[0], n, w->rank, f);
}

/* Weights [M, ...] and bias [M] of the folded convolution; false: no memory. */
static bool fold(ig_graph *g, ig_node *conv, const affine *f)
{
    const ig_value w = g->values[conv->in[1]];
    const bool biased = conv->n_in > 2 && conv->in[2] != IG_NO_VALUE;
    const float *old_b = biased ? g->values[conv->in[2]].data : NULL, *old_w = w.data;
    const size_t channels = (size_t)w.type.dims[0];
    const size_t each = channels ? w.data_bytes / sizeof(float) / channels : 0;
    float *new_w = ig_arena_take(&g->arena, w.data_bytes);
    float *new_b = ig_new_n(&g->arena, float, channels);
    if (!new_w || !new_b) return false;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < each; i++)
            new_w[c * each + i] = (float)((double)old_w[c * each + i] * f->scale[c]);
        new_b[c] = (float)((double)(old_b ? old_b[c] : 0) * f->scale[c] + f->shift[c]);
    }
    const ig_id in[3] = {
        conv->in[0],
        ig_graph_const(g, w.name, INGOT_F32, w.type.rank, w.type.dims, new_w),
        ig_graph_const(g, "", INGOT_F32, 1, w.type.dims, new_b),
    };
    ig_id *copy = ig_arena_copy(&g->arena, in, sizeof in);
    if (!copy || in[1] == IG_NO_VALUE || in[2] == IG_NO_VALUE) return false;
    conv->in = copy;
    conv->n_in = 3;
    return true;
}

static bool foldable(const ig_graph *g, const ig_node *conv)
{
    if (!ig_is(conv, "conv", NULL) || conv->n_in < 2 || conv->n_in > 3) return false;
    const ig_value *w = &g->values[conv->in[1]],
                   *b = conv->n_in > 2 ? ig_value_at(g, conv->in[2]) : NULL;
    return w->is_const && w->layout == IG_PLAIN && w->type.dtype == INGOT_F32 && w->type.rank > 2 &&
           w->type.dims[0] > 0 && (!b || (b->is_const && b->type.rank == 1));
}

/* Fold whatever follows conv; false: no memory. */
static bool fold_all(ig_match *m, ig_graph *g, ig_node *conv, ig_arena *scratch)
{
    const size_t n = (size_t)g->values[conv->in[1]].type.dims[0];
    const affine f = {ig_new_n(scratch, double, n), ig_new_n(scratch, double, n)};
    if (!f.scale || !f.shift) return false;
    for (;;) {
        ig_node *next = ig_only_reader(m, conv->out[0]);
        if (!find_affine(m, conv, next, &f)) return true;
        if (!fold(g, conv, &f)) return false;
        conv->out[0] = next->out[0];
        m->made_by[next->out[0]] = conv;
        next->op = NULL;
    }
}

ingot_status ig_pass_batch_norm(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    ig_match m;
    bool failed = !ig_match_open(&m, g, c->scratch);
    for (size_t i = 0; !failed && i < g->n_nodes; i++)
        if (g->nodes[i]->op && foldable(g, g->nodes[i]))
            failed = !fold_all(&m, g, g->nodes[i], c->scratch);
    ig_graph_compact(g);
    return failed ? ig_fail(err, INGOT_E_NOMEM, "folding batch norms: no memory") : INGOT_OK;
}
