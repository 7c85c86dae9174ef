/* expand.c - broadcast the input with the shape in input 1, both ways. */
#include "runtime/ops/move.h"

static ingot_status infer(ig_infer *c)
{
    ig_type *out = ig_infer_like(c);
    IG_TRY(ig_infer_ints(c, 1));
    int64_t shape[IG_MAX_RANK];
    const int n = ig_known_ints(c, 1, shape, IG_MAX_RANK);
    if (n < 0 && (c->known[1] || ig_vector_length(c, 1) > IG_MAX_RANK))
        return ig_infer_fail(c, "the shape must be at most %d integers", IG_MAX_RANK);
    if (n < 0) {
        const int64_t count = ig_vector_length(c, 1);
        if (count < 0 || c->in[0]->rank < 0) return INGOT_OK;
        out->rank = IG_MAX((int)count, c->in[0]->rank);
        for (int d = 0; d < out->rank; d++) out->dims[d] = IG_DIM_UNKNOWN;
        return INGOT_OK;
    }
    for (int d = 0; d < n; d++)
        if (shape[d] < 0) return ig_infer_fail(c, "the shape holds %lld", (long long)shape[d]);
    const ig_type target = ig_type_tensor(INGOT_I64, n, shape);
    const ig_type *both[2] = {c->in[0], &target};
    return ig_infer_broadcast(c, out, both, 2);
}

static ingot_status bind(ig_bind *b)
{
    const ig_type *in = b->in[0], *out = b->out[0];
    ig_copy *copy = IG_BIND_STATE(b, ig_copy);
    if (!copy) return INGOT_E_NOMEM;
    ptrdiff_t to[IG_MAX_RANK], own[IG_MAX_RANK], from[IG_MAX_RANK] = {0};
    ig_strides(to, out->rank, out->dims);
    ig_strides(own, in->rank, in->dims);
    const int lead = out->rank - in->rank;
    for (int d = 0; d < in->rank; d++) from[lead + d] = in->dims[d] == 1 ? 0 : own[d];
    ig_move_plan(copy, in->dtype, out->rank, out->dims, to, from);
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    ig_move(r->pool, r->state, r->out[0]->data, r->in[0]->data);
    return INGOT_OK;
}

const ig_op ig_op_expand = {
    .name = "expand",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .bind = bind,
    .run = run,
};
