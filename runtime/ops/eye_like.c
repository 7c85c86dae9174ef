/* eye_like.c - ones on the k-th diagonal of a matrix with the shape of the input. dtype 0: the
 * input's. */
#include "runtime/graph/op.h"

#include <string.h>

typedef struct {
    int64_t dtype, k;
} eye_attrs;

static const ig_attr attrs[] = {
    IG_INT(eye_attrs, dtype, 0),
    IG_INT(eye_attrs, k, 0),
    {0},
};

static ingot_status infer(ig_infer *c)
{
    const eye_attrs *a = c->attrs;
    const ig_type *x = c->in[0];
    ig_type *out = &c->out[0];
    if (a->dtype && (a->dtype < 0 || a->dtype > INT8_MAX || !ig_dtype_valid((int)a->dtype)))
        return ig_infer_fail(c, "dtype=%lld is no element type", (long long)a->dtype);
    if (x->rank >= 0 && x->rank != 1 && x->rank != 2)
        return ig_infer_fail(c, "the input has rank %d, not 1 or 2", x->rank);
    out->dtype = a->dtype ? (ingot_dtype)a->dtype : x->dtype;
    if (out->dtype == INGOT_STR) return ig_infer_fail(c, "strings have no one");
    out->rank = 2;
    for (int i = 0; i < 2; i++)
        out->dims[i] = x->rank < 0 ? IG_DIM_UNKNOWN : x->dims[x->rank == 1 ? 0 : i];
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const eye_attrs *a = r->attrs;
    ig_tensor *y = r->out[0];
    const size_t bytes = ig_tensor_elements(y) * ig_dtype(y->dtype)->bytes;
    const int64_t rows = y->dims[0], columns = y->dims[1];
    if (bytes) memset(y->data, 0, bytes);
    if (a->k <= -rows || a->k >= columns) return INGOT_OK;
    for (int64_t i = a->k < 0 ? -a->k : 0; i < rows && i + a->k < columns; i++)
        ig_from_double(y->data, y->dtype, (size_t)(i * columns + i + a->k), 1);
    return INGOT_OK;
}

const ig_op ig_op_eye_like = {
    .name = "eye_like",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_TYPE_ONLY,
    .attrs = attrs,
    .attrs_bytes = sizeof(eye_attrs),
    .infer = infer,
    .run = run,
};
