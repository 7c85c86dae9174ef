/* window.c - window fn=hann|hamming|blackman(size): a cosine window of that many points, periodic
 * (divided by size) or symmetric (by size - 1). One point is 1. */
#include "runtime/ops/block.h"
#include "runtime/ops/signal.h"
#include "runtime/graph/op.h"

#include <math.h>

enum { WINDOW_MOST = 1 << 28 };

typedef struct {
    int fn;
    int64_t periodic, dtype;
} window_attrs;

static const char *const names[] = {"hann", "hamming", "blackman", NULL};
const double ig_window_terms[][3] = {{0.5, 0.5, 0}, {25.0 / 46, 21.0 / 46, 0}, {0.42, 0.5, 0.08}};

static const ig_attr attrs[] = {
    IG_ENUM(window_attrs, fn, 0, names),
    IG_INT(window_attrs, periodic, 1),
    IG_INT(window_attrs, dtype, INGOT_F32),
    {0},
};

static ingot_status infer(ig_infer *c)
{
    const window_attrs *a = c->attrs;
    ig_type *out = &c->out[0];
    int64_t size;
    if (a->dtype <= 0 || a->dtype > INT8_MAX || ig_calc_of((ingot_dtype)a->dtype) == IG_CALC_NONE)
        return ig_infer_fail(c, "dtype=%lld is no number type", (long long)a->dtype);
    out->dtype = (ingot_dtype)a->dtype;
    out->rank = 1;
    out->dims[0] = IG_DIM_UNKNOWN;
    if (ig_known_ints(c, 0, &size, 1) != 1) {
        if (c->known[0]) return ig_infer_fail(c, "the size is not one integer");
        return INGOT_OK;
    }
    if (size < 0 || size > WINDOW_MOST)
        return ig_infer_fail(c, "size %lld is outside 0..%d", (long long)size, WINDOW_MOST);
    out->dims[0] = size;
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const window_attrs *a = r->attrs;
    const size_t n = ig_tensor_elements(r->out[0]);
    const double by = a->periodic ? (double)n : (double)n - 1, *t = ig_window_terms[a->fn];
    for (size_t i = 0; i < n; i++) {
        const double at = 2 * 3.14159265358979323846 * (double)i / by;
        const double v = n == 1 ? 1 : t[0] - t[1] * cos(at) + t[2] * cos(2 * at);
        ig_store(r->out[0]->data, r->out[0]->dtype, i, &v, IG_CALC_F64, 1);
    }
    return INGOT_OK;
}

const ig_op ig_op_window = {
    .name = "window",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(window_attrs),
    .infer = infer,
    .run = run,
};
