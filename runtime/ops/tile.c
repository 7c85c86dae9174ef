/* tile.c - the input repeated along each dimension as often as input 1 says. */
#include "runtime/ops/move.h"

static ingot_status infer(ig_infer *c)
{
    const ig_type *in = c->in[0];
    ig_type *out = ig_infer_like(c);
    IG_TRY(ig_infer_ints(c, 1));
    if (in->rank < 0) return INGOT_OK;
    out->rank = in->rank;
    for (int d = 0; d < in->rank; d++) out->dims[d] = IG_DIM_UNKNOWN;
    if (!c->known[1]) return INGOT_OK;
    int64_t repeats[IG_MAX_RANK];
    if (ig_known_ints(c, 1, repeats, IG_MAX_RANK) != in->rank)
        return ig_infer_fail(c, "repeats must be %d integers, one a dimension", in->rank);
    for (int d = 0; d < in->rank; d++) {
        if (repeats[d] < 0) return ig_infer_fail(c, "repeats hold %lld", (long long)repeats[d]);
        IG_TRY(ig_dim_scaled(c, in->dims[d], repeats[d], &out->dims[d]));
    }
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    const ig_type *in = b->in[0], *out = b->out[0];
    ig_copy *copy = IG_BIND_STATE(b, ig_copy);
    if (!copy) return INGOT_E_NOMEM;
    ptrdiff_t to[2 * IG_MAX_RANK], from[2 * IG_MAX_RANK], y[IG_MAX_RANK], x[IG_MAX_RANK];
    int64_t n[2 * IG_MAX_RANK];
    ig_strides(y, out->rank, out->dims);
    ig_strides(x, in->rank, in->dims);
    for (int d = 0; d < in->rank; d++) { /* a dimension is two loops: turns, then the input's own */
        n[2 * d] = in->dims[d] ? out->dims[d] / in->dims[d] : 0;
        n[2 * d + 1] = in->dims[d];
        to[2 * d] = y[d] * (ptrdiff_t)in->dims[d];
        from[2 * d] = 0;
        to[2 * d + 1] = y[d];
        from[2 * d + 1] = x[d];
    }
    ig_move_plan(copy, in->dtype, 2 * in->rank, n, to, from);
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    ig_move(r->pool, r->state, r->out[0]->data, r->in[0]->data);
    return INGOT_OK;
}

const ig_op ig_op_tile = {
    .name = "tile",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .bind = bind,
    .run = run,
};
