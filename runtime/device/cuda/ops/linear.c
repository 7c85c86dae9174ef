/* linear.c - linear and logistic regression on the device: linear_model. */
#include "kernels/trees/trees_cuda.h"
#include "runtime/device/cuda/ops/walk.h"

enum { X, COEFFICIENTS, INTERCEPTS };

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[X];
    int64_t n;
    size_t values;
    if (!ig_el_number(x->dtype)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    cu_linear_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    *a = (cu_linear_args){.rows = x->rank == 2 ? x->dims[0] : 1,
                          .cols = b->in[COEFFICIENTS]->dims[1],
                          .n_scores = b->in[COEFFICIENTS]->dims[0],
                          .x_dtype = (int)x->dtype,
                          .post = (int)ig_cu_int(b, "post"), /* in the order of CU_POST_ */
                          .classifier = ig_cu_int(b, "classifier") != 0,
                          .pair = ig_cu_int(b, "pair") != 0};
    if (!ig_el_count(x, &n) || a->n_scores >= CU_MOST || a->rows > CU_MOST / (a->n_scores + 1))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    if (!ig_el_piece(b, a->rows * (a->n_scores + 1), sizeof(double), &values))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    b->kernel = "linear_model";
    return INGOT_OK;
}

static ingot_status launch(ig_device_stream *s, const ig_device_run *r)
{
    cu_linear_args a = *(const cu_linear_args *)r->state;
    a.x = r->in[X], a.coefficients = r->in[COEFFICIENTS], a.intercepts = r->in[INTERCEPTS];
    a.scores = r->out[0], a.index = r->node->n_out > 1 ? r->out[1] : NULL;
    a.values = r->scratch;
    return ig_cu_done(s, r, cu_linear(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_linear_model = {.name = "linear_model", .bind = bind, .launch = launch};
