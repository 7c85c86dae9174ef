/* dropout.c - dropout(x, ratio?, training?) gives y and a mask of what was kept. Without training,
 * or with ratio 0, y is x. */
#include "runtime/ops/random.h"
#include "runtime/ops/block.h"
#include "runtime/graph/op.h"

#include <string.h>

typedef struct {
    double seed;
    int64_t seeded;
} dropout_attrs;

static const ig_attr attrs[] = {
    IG_FLOAT(dropout_attrs, seed, 0),
    IG_INT(dropout_attrs, seeded, 0),
    {0},
};

static ingot_status infer(ig_infer *c)
{
    const ig_type *x = c->in[0];
    if (x->dtype != INGOT_NONE && ig_dtype(x->dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "not defined for %s", ig_dtype(x->dtype)->name);
    for (uint32_t i = 1; i < c->n_in; i++) {
        size_t n;
        if (c->in[i] && ig_type_elements(c->in[i], &n) && n != 1)
            return ig_infer_fail(c, "input %u has %zu elements, not one", i, n);
    }
    for (uint32_t i = 0; i < c->n_out; i++) c->out[i] = *x;
    if (c->n_out > 1) c->out[1].dtype = INGOT_BOOL;
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const dropout_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0], *ratio_in = r->n_in > 1 ? r->in[1] : NULL;
    const ig_tensor *training_in = r->n_in > 2 ? r->in[2] : NULL;
    const size_t n = ig_tensor_elements(x);
    const double ratio = ratio_in ? ig_load_f64(ratio_in->data, ratio_in->dtype, 0) : 0.5;
    const bool training = training_in && ig_load_i64(training_in->data, training_in->dtype, 0);
    uint8_t *mask = r->n_out > 1 && r->out[1] ? r->out[1]->data : NULL;
    if (!training || ratio == 0) {
        if (mask) memset(mask, 1, n);
        if (r->out[0] && n) memmove(r->out[0]->data, x->data, n * ig_dtype(x->dtype)->bytes);
        return INGOT_OK;
    }
    if (!(ratio > 0 && ratio < 1)) return ig_run_fail(r, "ratio %g is outside [0, 1)", ratio);
    const uint64_t key = ig_random_key(a->seeded != 0, a->seed);
    for (size_t i = 0; i < n; i++) {
        const bool kept = ig_random_uniform(key, i) >= ratio;
        const double v = kept ? ig_load_f64(x->data, x->dtype, i) / (1 - ratio) : 0;
        if (mask) mask[i] = kept;
        if (r->out[0]) ig_store(r->out[0]->data, x->dtype, i, &v, IG_CALC_F64, 1);
    }
    return INGOT_OK;
}

const ig_op ig_op_dropout = {
    .name = "dropout",
    .min_in = 1,
    .max_in = 3,
    .min_out = 1,
    .max_out = 2,
    .flags = IG_OP_RANDOM,
    .attrs = attrs,
    .attrs_bytes = sizeof(dropout_attrs),
    .infer = infer,
    .run = run,
};
