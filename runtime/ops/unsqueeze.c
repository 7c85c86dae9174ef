/* unsqueeze.c - insert dims of size 1 at the places, counted in the output, that input 1 lists. */
#include "runtime/ops/move.h"

static ingot_status infer(ig_infer *c)
{
    const ig_type *in = c->in[0];
    ig_type *out = ig_infer_like(c);
    IG_TRY(ig_infer_ints(c, 1));
    if (in->rank < 0) return INGOT_OK;
    int64_t axes[IG_MAX_RANK];
    const int n = ig_known_ints(c, 1, axes, IG_MAX_RANK);
    const int64_t count = n >= 0 ? n : ig_vector_length(c, 1);
    if (count > IG_MAX_RANK - in->rank || (n < 0 && c->known[1]))
        return ig_infer_fail(c, "the rank would be above %d", IG_MAX_RANK);
    if (count < 0) return INGOT_OK;
    out->rank = in->rank + (int)count;
    if (n < 0) {
        for (int d = 0; d < out->rank; d++) out->dims[d] = IG_DIM_UNKNOWN;
        return INGOT_OK;
    }
    IG_TRY(ig_infer_axes(c, axes, (size_t)n, out->rank));
    bool inserted[IG_MAX_RANK] = {false};
    for (int i = 0; i < n; i++) inserted[axes[i]] = true;
    for (int d = 0, from = 0; d < out->rank; d++) out->dims[d] = inserted[d] ? 1 : in->dims[from++];
    return INGOT_OK;
}

const ig_op ig_op_unsqueeze = {
    .name = "unsqueeze",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_VIEW,
    .infer = infer,
};
