/* max_unpool.c - maxima back to where they came from: x [N, C, spatial..], indices like x (over the
 * whole output tensor), optional output shape. Everything else is zero. */
#include "runtime/ops/conv_window.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef struct {
    ig_window_attrs window;
} unpool_attrs;

static const ig_attr attrs[] = {IG_WINDOW_FIELDS, {0}};

/* y: dims of x on entry, of the tensor that the window gives on return. */
static ingot_status by_window(const ig_node *node, ig_type *y, ingot_error *err)
{
    const unpool_attrs *a = node->attrs;
    const int n = y->rank - 2;
    const int64_t none[IG_SPATIAL] = {-1, -1, -1, -1, -1, -1};
    ig_window w;
    IG_TRY(ig_window_make(&w, &a->window, n, none, NULL, node, err));
    for (int i = 0; i < n; i++) {
        const int64_t d = y->dims[2 + i],
                      pad = a->window.pads.n ? a->window.pads.v[i] + a->window.pads.v[n + i] : 0;
        if (d < 0) continue;
        int64_t size;
        if (!ig_mul_ok(d - 1, w.stride[i], &size) || !ig_add_ok(size, w.kernel[i] - pad, &size) ||
            size < 0)
            return ig_node_fail(err, INGOT_E_FORMAT, node, "impossible output size");
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
    if (!ig_has(c, 2)) return x->rank >= 0 ? by_window(c->node, y, c->err) : INGOT_OK;
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

/* An index over `from` dims as one over `to` dims; false: outside of either. */
static bool place(size_t *at, int64_t index, const int64_t *from, const int64_t *to, int rank)
{
    int64_t step = 1, sum = 0;
    if (index < 0) return false;
    for (int d = rank - 1; d >= 0; d--) {
        if (from[d] <= 0 || index % from[d] >= to[d]) return false;
        sum += index % from[d] * step;
        index /= from[d];
        step *= to[d];
    }
    *at = (size_t)sum;
    return index == 0;
}

static ingot_status run(ig_run *r)
{
    const ig_tensor *x = r->in[0], *y = r->out[0];
    const size_t each = ig_dtype(x->dtype)->bytes, n = ig_tensor_elements(x);
    const int64_t *index = r->in[1]->data;
    ig_type own = ig_type_of(x);
    IG_TRY(by_window(r->node, &own, r->err));
    memset(y->data, 0, ig_tensor_elements(y) * each);
    for (size_t i = 0; i < n; i++) {
        size_t at;
        if (!place(&at, index[i], own.dims, y->dims, y->rank))
            return ig_run_fail(r, "index %lld lies outside the output", (long long)index[i]);
        memcpy((char *)y->data + at * each, (const char *)x->data + i * each, each);
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
