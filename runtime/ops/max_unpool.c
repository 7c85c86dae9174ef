/* max_unpool.c - maxima back to where they came from: x [N, C, spatial..], indices like x (over the
 * whole output tensor), optional output shape. Everything else is zero. */
#include "runtime/ops/conv_window.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef struct {
    ig_window_attrs window;
} unpool_attrs;

static const ig_attr attrs[] = {IG_WINDOW_FIELDS, {0}};

static ingot_status by_window(ig_infer *c, ig_type *y)
{
    const unpool_attrs *a = c->attrs;
    const int n = y->rank - 2;
    const int64_t none[IG_SPATIAL] = {-1, -1, -1, -1, -1, -1};
    ig_window w;
    IG_TRY(ig_window_make(&w, &a->window, n, none, NULL, c->node, c->err));
    for (int i = 0; i < n; i++) {
        const int64_t d = y->dims[2 + i],
                      pad = a->window.pads.n ? a->window.pads.v[i] + a->window.pads.v[n + i] : 0;
        if (d < 0) continue;
        int64_t size;
        if (!ig_mul_ok(d - 1, w.stride[i], &size) || !ig_add_ok(size, w.kernel[i] - pad, &size) ||
            size < 0)
            return ig_infer_fail(c, "impossible output size");
        y->dims[2 + i] = size;
    }
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const ig_type *x = c->in[0];
    ig_type *y = &c->out[0];
    *y = *x;
    if (ig_dtype(x->dtype)->class_ == IG_CLASS_STR) return ig_infer_fail(c, "no unpool of strings");
    if (x->rank >= 0 && (x->rank < 3 || x->rank > 2 + IG_SPATIAL))
        return ig_infer_fail(c, "an image of rank %d", x->rank);
    if (c->in[1]->dtype != INGOT_NONE && c->in[1]->dtype != INGOT_I64)
        return ig_infer_fail(c, "the indices are %s, not i64", ig_dtype(c->in[1]->dtype)->name);
    if (x->rank >= 0 && c->in[1]->rank >= 0)
        for (int d = 0; d < x->rank; d++)
            if (c->in[1]->rank != x->rank || ig_dim_differ(x->dims[d], c->in[1]->dims[d]))
                return ig_infer_fail(c, "the indices are not shaped like the data");
    if (!ig_has(c, 2)) return x->rank >= 0 ? by_window(c, y) : INGOT_OK;
    int64_t v[IG_MAX_RANK];
    const int n = ig_known_ints(c, 2, v, IG_MAX_RANK);
    if (n >= 0 && x->rank >= 0 && n != x->rank)
        return ig_infer_fail(c, "output shape of rank %d", n);
    for (int d = 0; d < y->rank; d++) {
        if (n >= 0 && v[d] < 0) return ig_infer_fail(c, "output shape with a negative size");
        y->dims[d] = n >= 0 ? v[d] : IG_DIM_UNKNOWN;
    }
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const size_t each = ig_dtype(r->in[0]->dtype)->bytes, n = ig_tensor_elements(r->in[0]);
    const int64_t size = (int64_t)ig_tensor_elements(r->out[0]), *at = r->in[1]->data;
    memset(r->out[0]->data, 0, (size_t)size * each);
    for (size_t i = 0; i < n; i++) {
        if (at[i] < 0 || at[i] >= size)
            return ig_run_fail(r, "index %lld lies outside %lld elements", (long long)at[i],
                               (long long)size);
        memcpy((char *)r->out[0]->data + (size_t)at[i] * each,
               (const char *)r->in[0]->data + i * each, each);
    }
    return INGOT_OK;
}

const ig_op ig_op_max_unpool = {
    .name = "max_unpool",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(unpool_attrs),
    .infer = infer,
    .run = run,
};
