/* fill.c - fill(shape, value): a tensor of one repeated value. */
#include "runtime/ops/block.h"
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <string.h>

static ingot_status infer(ig_infer *c)
{
    ig_type *out = &c->out[0];
    int64_t dims[IG_MAX_RANK];
    size_t n;
    out->dtype = c->in[1]->dtype;
    if (ig_type_elements(c->in[1], &n) && n != 1)
        return ig_infer_fail(c, "the value has %zu elements, not one", n);
    const int rank = ig_known_ints(c, 0, dims, IG_MAX_RANK);
    if (rank < 0 && c->known[0])
        return ig_infer_fail(c, "the shape is not a list of at most %d integers", IG_MAX_RANK);
    if (rank < 0) {
        out->rank = IG_RANK_UNKNOWN;
        if (!ig_type_elements(c->in[0], &n)) return INGOT_OK;
        if (n > IG_MAX_RANK) return ig_infer_fail(c, "rank %zu is above %d", n, IG_MAX_RANK);
        out->rank = (int)n;
        for (size_t i = 0; i < n; i++) out->dims[i] = IG_DIM_UNKNOWN;
        return INGOT_OK;
    }
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0)
            return ig_infer_fail(c, "dimension %d of the shape is %lld", i, (long long)dims[i]);
    const ingot_dtype dtype = out->dtype;
    *out = ig_type_tensor(dtype, rank, dims);
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const size_t bytes = ig_dtype(r->out[0]->dtype)->bytes, n = ig_tensor_elements(r->out[0]);
    if (ig_tensor_elements(r->in[1]) != 1) return ig_run_fail(r, "the value is not one element");
    char *y = r->out[0]->data;
    if (n) memcpy(y, r->in[1]->data, bytes);
    for (size_t done = 1; done < n;) { /* doubles what is there */
        const size_t more = IG_MIN(done, n - done);
        memcpy(y + done * bytes, y, more * bytes);
        done += more;
    }
    return INGOT_OK;
}

const ig_op ig_op_fill = {
    .name = "fill",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
};
