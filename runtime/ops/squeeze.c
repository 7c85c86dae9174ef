/* squeeze.c - drop dims of size 1: those of input 1 (axes), or all. */
#include "runtime/ops/move.h"

static ingot_status drop_all(ig_infer *c, ig_type *out)
{
    const ig_type *in = c->in[0];
    int rank = 0;
    for (int d = 0; d < in->rank; d++) {
        if (in->dims[d] < 0) return INGOT_OK; /* it may be 1 */
        if (in->dims[d] != 1) out->dims[rank++] = in->dims[d];
    }
    out->rank = rank;
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const ig_type *in = c->in[0];
    ig_type *out = ig_infer_like(c);
    IG_TRY(ig_infer_ints(c, 1));
    if (in->rank < 0) return INGOT_OK;
    if (!ig_has(c, 1)) return drop_all(c, out);
    int64_t axes[IG_MAX_RANK];
    const int n = ig_known_ints(c, 1, axes, IG_MAX_RANK);
    if (n < 0 && c->known[1]) return ig_infer_fail(c, "axes are more than the rank");
    if (n < 0) {
        const int64_t count = ig_vector_length(c, 1);
        if (count > in->rank) return ig_infer_fail(c, "axes are more than the rank");
        if (count < 0) return INGOT_OK;
        out->rank = in->rank - (int)count;
        for (int d = 0; d < out->rank; d++) out->dims[d] = IG_DIM_UNKNOWN;
        return INGOT_OK;
    }
    IG_TRY(ig_infer_axes(c, axes, (size_t)n, in->rank));
    bool dropped[IG_MAX_RANK] = {false};
    for (int i = 0; i < n; i++) {
        if (in->dims[axes[i]] >= 0 && in->dims[axes[i]] != 1)
            return ig_infer_fail(c, "dimension %lld has size %lld, not 1", (long long)axes[i],
                                 (long long)in->dims[axes[i]]);
        dropped[axes[i]] = true;
    }
    out->rank = 0;
    for (int d = 0; d < in->rank; d++)
        if (!dropped[d]) out->dims[out->rank++] = in->dims[d];
    return INGOT_OK;
}

const ig_op ig_op_squeeze = {
    .name = "squeeze",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_VIEW,
    .infer = infer,
};
