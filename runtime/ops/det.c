/* det.c - determinants of square matrices [..., M, M], by elimination with row pivots in f64. */
#include "runtime/graph/op.h"
#include "runtime/ops/block.h"
#include "runtime/base/checked.h"

#include <math.h>

static ingot_status infer(ig_infer *c)
{
    const ig_type *x = c->in[0];
    ig_type *out = &c->out[0];
    out->dtype = x->dtype;
    out->rank = IG_RANK_UNKNOWN;
    if (x->dtype != INGOT_NONE && ig_dtype(x->dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "not defined for %s", ig_dtype(x->dtype)->name);
    if (x->rank < 0) return INGOT_OK;
    if (x->rank < 2 || ig_dim_differ(x->dims[x->rank - 2], x->dims[x->rank - 1]))
        return ig_infer_fail(c, "the input is not a stack of square matrices");
    *out = ig_type_tensor(x->dtype, x->rank - 2, x->dims);
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    const size_t m = (size_t)b->in[0]->dims[b->in[0]->rank - 1];
    if (b->in[0]->dims[b->in[0]->rank - 2] != (int64_t)m)
        return ig_bind_fail(b, "the matrices are not square");
    if (!ig_mul_ok(m, m, &b->scratch_bytes) ||
        !ig_mul_ok(b->scratch_bytes, sizeof(double), &b->scratch_bytes))
        return ig_bind_fail(b, "the matrices are too large");
    return INGOT_OK;
}

static double determinant(double *a, size_t m)
{
    double det = 1;
    for (size_t k = 0; k < m; k++) {
        size_t pivot = k;
        for (size_t i = k + 1; i < m; i++)
            if (fabs(a[i * m + k]) > fabs(a[pivot * m + k])) pivot = i;
        if (pivot != k) {
            det = -det;
            for (size_t j = k; j < m; j++) {
                const double v = a[k * m + j];
                a[k * m + j] = a[pivot * m + j], a[pivot * m + j] = v;
            }
        }
        det *= a[k * m + k];
        if (a[k * m + k] == 0) return det;
        for (size_t i = k + 1; i < m; i++) {
            const double f = a[i * m + k] / a[k * m + k];
            for (size_t j = k + 1; j < m; j++) a[i * m + j] -= f * a[k * m + j];
        }
    }
    return det;
}

static ingot_status run(ig_run *r)
{
    const ig_tensor *x = r->in[0];
    const size_t m = (size_t)x->dims[x->rank - 1], n = ig_tensor_elements(r->out[0]);
    double *a = r->scratch;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < m * m; j++) a[j] = ig_load_f64(x->data, x->dtype, i * m * m + j);
        const double det = determinant(a, m);
        ig_store(r->out[0]->data, r->out[0]->dtype, i, &det, IG_CALC_F64, 1);
    }
    return INGOT_OK;
}

const ig_op ig_op_det = {
    .name = "det",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .bind = bind,
    .run = run,
};
