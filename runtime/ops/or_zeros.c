/* or_zeros.c - or_zeros(x?, like) -> x, or where the optional x is empty, zeros of its dtype in the
 * shape of `like`: the default of an input that may be left out (an encoder's token types). */
#include "runtime/base/checked.h"
#include "runtime/graph/op.h"

#include <string.h>

typedef struct {
    int64_t dtype; /* of the zeros */
} or_zeros_attrs;

static const ig_attr attrs[] = {IG_INT(or_zeros_attrs, dtype, INGOT_I64), {0}};

static ingot_status infer(ig_infer *c)
{
    const or_zeros_attrs *a = c->attrs;
    const ig_type *x = c->in[0], *like = c->in[1];
    if (a->dtype <= 0 || a->dtype > INT8_MAX || !ig_dtype_valid((int)a->dtype) ||
        a->dtype == INGOT_STR)
        return ig_infer_fail(c, "dtype=%lld has no zero", (long long)a->dtype);
    if (x->kind != IG_TENSOR || like->kind != IG_TENSOR || like->optional)
        return ig_infer_fail(c, "takes a tensor that may be absent and one that may not");
    if (!x->optional && x->dtype != INGOT_NONE && x->dtype != (ingot_dtype)a->dtype)
        return ig_infer_fail(c, "the input is %s, not %s", ig_dtype(x->dtype)->name,
                             ig_dtype((ingot_dtype)a->dtype)->name);
    bool same = x->optional || x->rank < 0 || like->rank < 0 || x->rank == like->rank;
    for (int d = 0; same && !x->optional && d < IG_MIN(x->rank, like->rank); d++)
        same = !ig_dim_differ(x->dims[d], like->dims[d]);
    if (!same) return ig_infer_fail(c, "the input is not shaped like the one it goes with");
    c->out[0] = *like;
    c->out[0].dtype = (ingot_dtype)a->dtype;
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    ig_tensor *y = r->out[0];
    const size_t bytes = ig_tensor_elements(y) * ig_dtype(y->dtype)->bytes;
    if (!bytes) return INGOT_OK;
    if (r->in[0]->absent)
        memset(y->data, 0, bytes);
    else
        memcpy(y->data, r->in[0]->data, bytes);
    return INGOT_OK;
}

const ig_op ig_op_or_zeros = {
    .name = "or_zeros",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_KINDS,
    .attrs = attrs,
    .attrs_bytes = sizeof(or_zeros_attrs),
    .infer = infer,
    .run = run,
};
