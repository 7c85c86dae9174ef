/* window_shape.c - see window_shape.h. */
#include "runtime/ops/window_shape.h"
#include "runtime/base/checked.h"

const char *const ig_auto_pad_names[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL};

static int64_t each(ig_ints list, int i, int64_t def) { return list.n ? list.v[i] : def; }

/* Positive, and small enough that products of two and a size do not wrap. */
static ingot_status check_list(ig_infer *c, ig_ints list, size_t want, int64_t least,
                               const char *what)
{
    if (list.n && list.n != want)
        return ig_infer_fail(c, "%s has %zu entries, expected %zu", what, list.n, want);
    for (size_t i = 0; i < list.n; i++)
        if (list.v[i] < least || list.v[i] > INT32_MAX)
            return ig_infer_fail(c, "%s[%zu] is %lld", what, i, (long long)list.v[i]);
    return INGOT_OK;
}

/* extent: of the dilated kernel. */
static int64_t same_pad(const ig_window_shape *s, int i, int64_t extent)
{
    const int64_t out = s->in[i] / s->stride[i] + (s->in[i] % s->stride[i] != 0);
    const int64_t reach = (out - 1) * s->stride[i] + extent;
    return out > 0 && reach > s->in[i] ? reach - s->in[i] : 0;
}

static int64_t extent_of(const ig_window_shape *s, int i)
{
    return (s->kernel[i] - 1) * s->dilation[i] + 1;
}

static void fill(ig_window_shape *s, const ig_window_attrs *a, const ig_type *x, const ig_type *w)
{
    s->n = x->rank - 2;
    for (int i = 0; i < s->n; i++) {
        s->in[i] = x->dims[i + 2];
        s->kernel[i] = w->dims[i + 2];
        s->stride[i] = each(a->strides, i, 1);
        s->dilation[i] = each(a->dilations, i, 1);
        s->before[i] = a->auto_pad == IG_PAD_NOTSET ? each(a->pads, i, 0) : 0;
        s->out[i] = IG_DIM_UNKNOWN;
    }
}

/* Lists of the spatial rank, in bounds. */
static ingot_status check_attrs(ig_infer *c, const ig_window_attrs *a, const ig_type *w, int n)
{
    IG_TRY(check_list(c, a->strides, (size_t)n, 1, "strides"));
    IG_TRY(check_list(c, a->dilations, (size_t)n, 1, "dilations"));
    IG_TRY(check_list(c, a->pads, 2 * (size_t)n, 0, "pads"));
    IG_TRY(check_list(c, a->kernel_shape, (size_t)n, 1, "kernel_shape"));
    for (int i = 0; i < n && a->kernel_shape.n; i++)
        if (ig_dim_differ(a->kernel_shape.v[i], w->dims[i + 2]))
            return ig_infer_fail(c, "kernel_shape[%d] is %lld, the weights have %lld", i,
                                 (long long)a->kernel_shape.v[i], (long long)w->dims[i + 2]);
    return INGOT_OK;
}

ingot_status ig_window_infer(ig_infer *c, ig_window_shape *s, const ig_window_attrs *a,
                             const ig_type *x, const ig_type *w)
{
    if (x->rank < 3 || x->rank != w->rank)
        return ig_infer_fail(c, "x has rank %d and the weights %d, expected the same, at least 3",
                             x->rank, w->rank);
    IG_TRY(check_attrs(c, a, w, x->rank - 2));
    fill(s, a, x, w);
    for (int i = 0; i < s->n; i++) {
        if (s->in[i] < 0 || s->kernel[i] < 0) continue;
        if (s->in[i] > INT64_MAX / 4 || s->kernel[i] < 1 || s->kernel[i] > INT32_MAX)
            return ig_infer_fail(c, "a kernel of %lld cannot slide over %lld",
                                 (long long)s->kernel[i], (long long)s->in[i]);
        const int64_t extent = extent_of(s, i);
        int64_t pad = 0;
        if (a->auto_pad == IG_PAD_NOTSET && a->pads.n) pad = a->pads.v[i] + a->pads.v[i + s->n];
        if (a->auto_pad == IG_PAD_SAME_UPPER || a->auto_pad == IG_PAD_SAME_LOWER) {
            pad = same_pad(s, i, extent);
            s->before[i] = a->auto_pad == IG_PAD_SAME_UPPER ? pad / 2 : pad - pad / 2;
        }
        if (s->in[i] + pad < extent)
            return ig_infer_fail(c, "a window of %lld does not fit %lld padded elements",
                                 (long long)extent, (long long)(s->in[i] + pad));
        s->out[i] = (s->in[i] + pad - extent) / s->stride[i] + 1;
    }
    return INGOT_OK;
}

void ig_window_of(ig_window_shape *s, const ig_window_attrs *a, const ig_type *x, const ig_type *w,
                  const ig_type *y)
{
    fill(s, a, x, w);
    for (int i = 0; i < s->n; i++) {
        s->out[i] = y->dims[i + 2];
        if (a->auto_pad != IG_PAD_SAME_UPPER && a->auto_pad != IG_PAD_SAME_LOWER) continue;
        const int64_t pad = same_pad(s, i, extent_of(s, i));
        s->before[i] = a->auto_pad == IG_PAD_SAME_UPPER ? pad / 2 : pad - pad / 2;
    }
}
