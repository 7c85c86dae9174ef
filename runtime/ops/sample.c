/* sample.c - sample fn=bernoulli|multinomial: draws by probability. bernoulli(p) gives 0 or 1 for
 * each element of p; multinomial(logits [N, C]) gives `n` class numbers for each row. */
#include "runtime/ops/random.h"
#include "runtime/ops/block.h"
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <math.h>

typedef struct {
    int fn;
    double seed;
    int64_t seeded, dtype, n;
} sample_attrs;

static const char *const names[] = {"bernoulli", "multinomial", NULL};

static const ig_attr attrs[] = {
    IG_ENUM(sample_attrs, fn, 0, names), IG_FLOAT(sample_attrs, seed, 0),
    IG_INT(sample_attrs, seeded, 0),     IG_INT(sample_attrs, dtype, 0),
    IG_INT(sample_attrs, n, 1),          {0},
};

static ingot_status infer(ig_infer *c)
{
    const sample_attrs *a = c->attrs;
    const ig_type *x = c->in[0];
    ig_type *out = &c->out[0];
    if (a->dtype < 0 || a->dtype > INT8_MAX)
        return ig_infer_fail(c, "dtype=%lld is no element type", (long long)a->dtype);
    if (x->dtype != INGOT_NONE && ig_dtype(x->dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "probabilities of type %s", ig_dtype(x->dtype)->name);
    const ingot_dtype dtype = a->dtype ? (ingot_dtype)a->dtype : x->dtype;
    if (dtype != INGOT_NONE && ig_calc_of(dtype) == IG_CALC_NONE)
        return ig_infer_fail(c, "draws cannot be of type %s", ig_dtype(dtype)->name);
    *out = *x;
    out->dtype = dtype;
    if (a->fn == 0) return INGOT_OK;
    if (x->rank >= 0 && x->rank != 2)
        return ig_infer_fail(c, "the input has rank %d, not 2", x->rank);
    if (x->rank == 2 && x->dims[1] == 0) return ig_infer_fail(c, "there are no classes");
    if (a->n < 1 || a->n > INT32_MAX)
        return ig_infer_fail(c, "sample_size %lld is not positive", (long long)a->n);
    out->rank = 2;
    if (x->rank < 0) out->dims[0] = IG_DIM_UNKNOWN;
    out->dims[1] = a->n;
    return INGOT_OK;
}

/* The class at which the running sum of exp(logit - top) passes u of the whole. */
static size_t draw(const ig_tensor *x, size_t row, size_t classes, double u)
{
    double top = -INFINITY, sum = 0, so_far = 0;
    for (size_t i = 0; i < classes; i++)
        top = fmax(top, ig_load_f64(x->data, x->dtype, row * classes + i));
    for (size_t i = 0; i < classes; i++)
        sum += exp(ig_load_f64(x->data, x->dtype, row * classes + i) - top);
    for (size_t i = 0; i + 1 < classes; i++) {
        so_far += exp(ig_load_f64(x->data, x->dtype, row * classes + i) - top);
        if (u * sum < so_far) return i;
    }
    return classes - 1;
}

static ingot_status run(ig_run *r)
{
    const sample_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0];
    const size_t n = ig_tensor_elements(r->out[0]);
    const uint64_t key = ig_random_key(a->seeded != 0, a->seed);
    for (size_t i = 0; i < n; i++) {
        const double u = ig_random_uniform(key, i);
        const double v = a->fn == 0 ? u < ig_load_f64(x->data, x->dtype, i)
                                    : (double)draw(x, i / (size_t)a->n, (size_t)x->dims[1], u);
        ig_store(r->out[0]->data, r->out[0]->dtype, i, &v, IG_CALC_F64, 1);
    }
    return INGOT_OK;
}

const ig_op ig_op_sample = {
    .name = "sample",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_RANDOM,
    .attrs = attrs,
    .attrs_bytes = sizeof(sample_attrs),
    .infer = infer,
    .run = run,
};
