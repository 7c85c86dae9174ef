/* conv_window.c - see conv_window.h. */
#include "runtime/ops/conv_window.h"
#include "runtime/base/checked.h"

const char *const ig_auto_pad_names[] = {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER", NULL};

enum { LARGEST = 1 << 30 }; /* of any size of a window: keeps the arithmetic below in range */

static ingot_status take(int64_t *out, ig_ints v, int n, int64_t def, int64_t least,
                         const char *what, const ig_node *node, ingot_error *err)
{
    if (v.n && v.n != (size_t)n)
        return ig_node_fail(err, INGOT_E_FORMAT, node, "%s has %zu entries for %d spatial dims",
                            what, v.n, n);
    for (int i = 0; i < n; i++) {
        out[i] = v.n ? v.v[i] : def;
        if (out[i] < least || out[i] > LARGEST)
            return ig_node_fail(err, INGOT_E_FORMAT, node, "%s has the entry %lld", what,
                                (long long)out[i]);
    }
    return INGOT_OK;
}

/* Output size of one dim, and its padding where auto_pad asks for "same". */
static ingot_status measure(ig_window *w, int i, const ig_window_attrs *a, const ig_node *node,
                            ingot_error *err)
{
    const int64_t size = w->in[i], extent = (w->kernel[i] - 1) * w->dilation[i] + 1;
    w->out[i] = -1;
    if (size < 0) return INGOT_OK;
    if (size > INT64_MAX / 4)
        return ig_node_fail(err, INGOT_E_FORMAT, node, "an image is too large");
    if (a->auto_pad == IG_PAD_SAME_UPPER || a->auto_pad == IG_PAD_SAME_LOWER) {
        w->out[i] = (size + w->stride[i] - 1) / w->stride[i];
        const int64_t want = (w->out[i] - 1) * w->stride[i] + extent - size,
                      total = IG_MAX(want, 0);
        const int64_t small = total / 2;
        w->begin[i] = a->auto_pad == IG_PAD_SAME_UPPER ? small : total - small;
        w->end[i] = total - w->begin[i];
        return INGOT_OK;
    }
    const int64_t room = size + w->begin[i] + w->end[i] - extent,
                  beyond = a->ceil_mode ? w->stride[i] - 1 : 0; /* what a last window may lack */
    if (room + beyond < 0) {
        if (size == 0) return ig_node_fail(err, INGOT_E_FORMAT, node, "an image without pixels");
        return ig_node_fail(err, INGOT_E_FORMAT, node,
                            "a window of %lld does not fit %lld pixels with padding %lld and %lld",
                            (long long)extent, (long long)size, (long long)w->begin[i],
                            (long long)w->end[i]);
    }
    w->out[i] = (room + beyond) / w->stride[i] + 1;
    if (a->ceil_mode && (w->out[i] - 1) * w->stride[i] >= size + w->begin[i]) w->out[i]--;
    return INGOT_OK;
}

ingot_status ig_window_make(ig_window *w, const ig_window_attrs *a, int n, const int64_t *in,
                            const int64_t *kernel, const ig_node *node, ingot_error *err)
{
    if (n < 1 || n > IG_SPATIAL)
        return ig_node_fail(err, INGOT_E_FORMAT, node, "an image of %d spatial dims", n);
    *w = (ig_window){.n = n};
    int64_t pads[2 * IG_SPATIAL];
    IG_TRY(take(w->stride, a->strides, n, 1, 1, "strides", node, err));
    IG_TRY(take(w->dilation, a->dilations, n, 1, 1, "dilations", node, err));
    IG_TRY(take(pads, a->pads, 2 * n, 0, 0, "pads", node, err));
    if (!kernel && !a->kernel_shape.n)
        return ig_node_fail(err, INGOT_E_FORMAT, node, "kernel_shape is missing");
    const ig_ints shape = kernel ? (ig_ints){kernel, (size_t)n} : a->kernel_shape;
    IG_TRY(take(w->kernel, shape, n, 1, 1, "kernel_shape", node, err));
    for (int i = 0; i < n; i++) {
        const bool given = a->auto_pad == IG_PAD_NOTSET;
        w->in[i] = in[i];
        w->begin[i] = given ? pads[i] : 0;
        w->end[i] = given ? pads[n + i] : 0;
        if (w->kernel[i] > 1 && w->dilation[i] > LARGEST / w->kernel[i])
            return ig_node_fail(err, INGOT_E_FORMAT, node, "kernel and dilation are too large");
        IG_TRY(measure(w, i, a, node, err));
    }
    return INGOT_OK;
}
