/* nll_loss.c - nll_loss(log_prob [N, C, ...], target [N, ...], weight [C]?): minus the weighted log
 * probability of each target; mean is over the weights that were used. Targets that equal
 * ignore_index (when it is set) count nothing. */
#include "runtime/graph/op.h"
#include "runtime/ops/block.h"

typedef struct {
    int reduction;
    int64_t ignore, ignore_index;
} nll_attrs;

typedef enum { MEAN, SUM, NONE } reduction;
static const char *const reductions[] = {"mean", "sum", "none", NULL};

static const ig_attr attrs[] = {
    IG_ENUM(nll_attrs, reduction, 0, reductions),
    IG_INT(nll_attrs, ignore, 0), /* 1: ignore_index counts */
    IG_INT(nll_attrs, ignore_index, 0),
    {0},
};

static ingot_status infer(ig_infer *c)
{
    const nll_attrs *a = c->attrs;
    const ig_type *x = c->in[0], *t = c->in[1];
    ig_type *out = &c->out[0];
    out->dtype = x->dtype;
    out->rank = a->reduction == NONE ? IG_RANK_UNKNOWN : 0;
    if (x->dtype != INGOT_NONE && ig_dtype(x->dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "not defined for %s", ig_dtype(x->dtype)->name);
    if (t->dtype != INGOT_NONE && ig_dtype(t->dtype)->class_ != IG_CLASS_INT)
        return ig_infer_fail(c, "targets are %s, not integers", ig_dtype(t->dtype)->name);
    if (x->rank < 0 || t->rank < 0) return INGOT_OK;
    if (x->rank < 2 || t->rank != x->rank - 1)
        return ig_infer_fail(c, "scores of rank %d and targets of rank %d", x->rank, t->rank);
    for (int i = 0; i < t->rank; i++)
        if (ig_dim_differ(t->dims[i], x->dims[i ? i + 1 : 0]))
            return ig_infer_fail(c, "dimension %d of the targets does not fit the scores", i);
    if (ig_has(c, 2) && c->in[2]->rank >= 0 &&
        (c->in[2]->rank != 1 || ig_dim_differ(c->in[2]->dims[0], x->dims[1])))
        return ig_infer_fail(c, "there must be one weight for each class");
    if (a->reduction == NONE) *out = *t, out->dtype = x->dtype;
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const nll_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0], *t = r->in[1], *w = r->n_in > 2 ? r->in[2] : NULL;
    const size_t classes = (size_t)x->dims[1], n = ig_tensor_elements(t);
    const size_t inner = x->dims[0] ? n / (size_t)x->dims[0] : 0;
    double loss = 0, weights = 0;
    if (n * classes != ig_tensor_elements(x) || (w && ig_tensor_elements(w) != classes))
        return ig_run_fail(r, "scores, targets and weights do not fit each other");
    for (size_t i = 0; i < n; i++) {
        const int64_t target = ig_load_i64(t->data, t->dtype, i);
        const bool ignored = a->ignore && target == a->ignore_index;
        if (!ignored && (target < 0 || (uint64_t)target >= classes))
            return ig_run_fail(r, "target %lld is not one of %zu classes", (long long)target,
                               classes);
        const size_t class_ = ignored ? 0 : (size_t)target;
        const size_t at = (i / inner * classes + class_) * inner + i % inner;
        const double weight = ignored ? 0 : w ? ig_load_f64(w->data, w->dtype, class_) : 1;
        const double v = ignored ? 0 : -ig_load_f64(x->data, x->dtype, at) * weight;
        loss += v, weights += weight;
        if (a->reduction == NONE) ig_store(r->out[0]->data, x->dtype, i, &v, IG_CALC_F64, 1);
    }
    if (a->reduction == MEAN) loss /= weights;
    if (a->reduction != NONE) ig_store(r->out[0]->data, x->dtype, 0, &loss, IG_CALC_F64, 1);
    return INGOT_OK;
}

const ig_op ig_op_nll_loss = {
    .name = "nll_loss",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(nll_attrs),
    .infer = infer,
    .run = run,
};
