/* pass_batch_norm.c - a batch norm behind a convolution with constant weights folds into them:
 *
 *     w' = w * s,  b' = (b - mean) * s + shift,  s = scale / sqrt(var + eps)      per output
 * channel
 *
 * Computed in double and rounded once. */
#include "runtime/graph/match.h"
#include "runtime/graph/passes.h"
#include "runtime/base/checked.h"

#include <math.h>

enum { SCALE = 1, SHIFT, MEAN, VAR };

typedef struct {
    const float *scale, *shift, *mean, *var;
    double eps;
} norm;

static bool find_norm(const ig_match *m, const ig_node *bn, int64_t n, norm *f)
{
    if (!ig_is(bn, "batch_norm", NULL) || bn->n_in != 5 || ig_attr_int(bn, "training_mode"))
        return false;
    for (uint32_t o = 1; o < bn->n_out; o++)
        if (bn->out[o] != IG_NO_VALUE) return false;
    f->scale = ig_const_vector(m, bn->in[SCALE], n, 0);
    f->shift = ig_const_vector(m, bn->in[SHIFT], n, 0);
    f->mean = ig_const_vector(m, bn->in[MEAN], n, 0);
    f->var = ig_const_vector(m, bn->in[VAR], n, 0);
    f->eps = ig_attr_double(bn, "epsilon");
    return f->scale && f->shift && f->mean && f->var;
}

/* Weights [M, ...] and bias [M] of the folded convolution; false: no memory. */
static bool fold(ig_graph *g, ig_node *conv, const norm *f)
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
        const double s = (double)f->scale[c] / sqrt((double)f->var[c] + f->eps);
        for (size_t i = 0; i < each; i++)
            new_w[c * each + i] = (float)((double)old_w[c * each + i] * s);
        new_b[c] = (float)(((double)(old_b ? old_b[c] : 0) - (double)f->mean[c]) * s +
                           (double)f->shift[c]);
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

ingot_status ig_pass_batch_norm(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    ig_match m;
    bool failed = !ig_match_open(&m, g, c->scratch);
    for (size_t i = 0; !failed && i < g->n_nodes; i++) {
        ig_node *conv = g->nodes[i];
        norm f;
        if (!conv->op || !foldable(g, conv)) continue;
        ig_node *bn = ig_only_reader(&m, conv->out[0]);
        if (!find_norm(&m, bn, g->values[conv->in[1]].type.dims[0], &f)) continue;
        failed = !fold(g, conv, &f);
        conv->out[0] = bn->out[0];
        m.made_by[bn->out[0]] = conv;
        bn->op = NULL;
    }
    ig_graph_compact(g);
    return failed ? ig_fail(err, INGOT_E_NOMEM, "folding batch norms: no memory") : INGOT_OK;
}
