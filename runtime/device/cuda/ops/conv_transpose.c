/* conv_transpose.c - transposed convolution on the device, directly: one thread an output, which
 * gathers the products that belong to it (kernels/conv/conv_cuda.h). */
#include "runtime/device/cuda/ops/conv.h"

#include <string.h>

enum { X, W, BIAS };

/* What the result lacks at its beginning; the sizes are those that infer made. */
static int64_t cut_before(const ig_device_bind *b, int i, int64_t stride, int64_t dilation)
{
    const ig_type *x = b->in[X], *w = b->in[W], *y = b->out[0];
    const ig_ints pads = ig_cu_ints(b, "pads"), more = ig_cu_ints(b, "output_padding");
    const char *mode = ig_cu_text(b, "auto_pad");
    if (ig_cu_ints(b, "output_shape").n || !strncmp(mode, "SAME", 4)) {
        const int64_t full = stride * (x->dims[2 + i] - 1) + dilation * (w->dims[2 + i] - 1) + 1 +
                             (more.n ? more.v[i] : 0);
        const int64_t total = IG_MAX(full - y->dims[2 + i], (int64_t)0);
        return !strcmp(mode, "SAME_UPPER") ? total / 2 : total - total / 2;
    }
    return pads.n && !strcmp(mode, "NOTSET") ? pads.v[i] : 0;
}

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[X], *w = b->in[W], *y = b->out[0];
    const int n = x->rank - 2;
    const int64_t groups = ig_cu_int(b, "group");
    const ig_ints strides = ig_cu_ints(b, "strides"), dilations = ig_cu_ints(b, "dilations");
    cu_conv_direct_args *a = IG_CU_STATE(b, cu_conv_direct_args);
    if (!a) return INGOT_E_NOMEM;
    *a = (cu_conv_direct_args){.type = ig_cu_float_type(x->dtype),
                               .spatial = n,
                               .images = x->dims[0],
                               .groups = groups,
                               .in_c = x->dims[1] / groups,
                               .out_c = w->dims[1],
                               .transposed = true};
    if (a->type < 0) return IG_CU_DECLINE(b, "floats of this type");
    if (n > CU_SPATIAL || ig_cu_elements(x) > CU_MOST || ig_cu_elements(y) > CU_MOST / 2 ||
        ig_cu_elements(w) > CU_MOST)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    for (int i = 0; i < n; i++) {
        const int at = n - 1 - i; /* innermost first */
        const int64_t stride = strides.n ? strides.v[i] : 1;
        const int64_t dilation = dilations.n ? dilations.v[i] : 1;
        if (stride > CU_MOST / 4 || dilation > CU_MOST / 4 / IG_MAX(w->dims[2 + i], (int64_t)1))
            return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
        a->in[at] = x->dims[2 + i], a->out[at] = y->dims[2 + i], a->kernel[at] = w->dims[2 + i];
        a->stride[at] = stride, a->dilation[at] = dilation;
        a->before[at] = cut_before(b, i, stride, dilation);
        if (a->before[at] > CU_MOST / 4) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    }
    b->kernel = "conv_direct";
    return INGOT_OK;
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    cu_conv_direct_args a = *(const cu_conv_direct_args *)r->state;
    a.x = r->in[X];
    a.w = r->in[W];
    a.bias = r->node->n_in > BIAS ? r->in[BIAS] : NULL;
    a.y = r->out[0];
    return ig_cu_done(stream, r, cu_conv_direct(&a, ig_cu_stream(stream)));
}

const ig_cu_op ig_cu_op_conv_transpose = {.name = "conv_transpose", .bind = bind, .launch = launch};
