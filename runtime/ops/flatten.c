/* flatten.c - two dims: the product of those before the axis, and of those from it on. */
#include "runtime/ops/move.h"

typedef struct {
    int64_t axis; /* -rank..rank */
} flatten_attrs;

static const ig_attr fields[] = {IG_INT(flatten_attrs, axis, 1), {0}};

static ingot_status product_of(ig_infer *c, int from, int to, int64_t *out)
{
    const ig_type *in = c->in[0];
    *out = 1;
    for (int d = from; d < to; d++) {
        if (*out == 1) {
            *out = in->dims[d];
        } else if (*out < 0 || in->dims[d] < 0) {
            *out = in->dims[d] == 1 ? *out : IG_DIM_UNKNOWN;
        } else {
            IG_TRY(ig_dim_scaled(c, *out, in->dims[d], out));
        }
    }
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const flatten_attrs *a = c->attrs;
    ig_type *out = ig_infer_like(c);
    out->rank = 2;
    out->dims[0] = out->dims[1] = IG_DIM_UNKNOWN;
    const int rank = c->in[0]->rank;
    if (rank < 0) return INGOT_OK;
    if (a->axis < -rank || a->axis > rank)
        return ig_infer_fail(c, "axis %lld is outside -%d..%d", (long long)a->axis, rank, rank);
    const int axis = (int)(a->axis < 0 ? a->axis + rank : a->axis);
    IG_TRY(product_of(c, 0, axis, &out->dims[0]));
    return product_of(c, axis, rank, &out->dims[1]);
}

const ig_op ig_op_flatten = {
    .name = "flatten",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_VIEW,
    .attrs = fields,
    .attrs_bytes = sizeof(flatten_attrs),
    .infer = infer,
};
