/* pool.c - pool and pool_nhwc on the device. */
#include "kernels/pool/pool_cuda.h"
#include "runtime/device/cuda/ops/common.h"
#include "runtime/ops/pool.h"

#include <math.h>

typedef struct {
    cu_pool_args args;
    bool whole; /* one window, the image */
} pool_state;

static bool is_whole(const cu_pool_args *a, const ig_window *w)
{
    if (a->fn == CU_POOL_LP || a->type > NB_BF16) return false;
    for (int i = 0; i < w->n; i++)
        if (w->out[i] != 1 || w->kernel[i] != w->in[i] || w->dilation[i] != 1 || w->begin[i] ||
            w->end[i])
            return false;
    return true;
}

/* first: the first spatial dim. */
static ingot_status bind_pool(ig_device_bind *b, int first, int64_t outer, int64_t inner)
{
    const ig_type *x = b->in[0], *y = b->out[0];
    const ig_pool_attrs *attrs = b->node->attrs;
    pool_state *s = IG_CU_STATE(b, pool_state);
    ig_window w;
    if (!s) return INGOT_E_NOMEM;
    IG_TRY(ig_pool_window(&w, attrs, x->rank - 2, x->dims + first, b->node, b->err));
    cu_pool_args *a = &s->args;
    *a = (cu_pool_args){.type = ig_cu_number(x->dtype),
                        .fn = (cu_pool_fn)attrs->fn,
                        .spatial = w.n,
                        .count_pad = attrs->count_include_pad != 0,
                        .by_columns = attrs->storage_order != 0,
                        .p = attrs->p,
                        .outer = outer,
                        .inner = inner};
    a->lowest = x->dtype == INGOT_I8 ? -128 : x->dtype == INGOT_U8 ? 0 : -INFINITY;
    if (a->type < 0) return IG_CU_DECLINE(b, "this type");
    if (ig_cu_elements(x) > CU_MOST || ig_cu_elements(y) > CU_MOST)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    int64_t taps = 1;
    for (int i = 0; i < w.n; i++) {
        const int at = w.n - 1 - i; /* innermost first */
        a->in[at] = w.in[i], a->out[at] = w.out[i], a->kernel[at] = w.kernel[i];
        a->stride[at] = w.stride[i], a->dilation[at] = w.dilation[i];
        a->begin[at] = w.begin[i], a->end[at] = w.end[i];
        if (!ig_mul_ok(taps, w.kernel[i], &taps) || taps > CU_MOST ||
            w.in[i] + w.begin[i] + w.end[i] + w.kernel[i] * w.dilation[i] + w.out[i] * w.stride[i] >
                CU_MOST)
            return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    }
    s->whole = is_whole(a, &w) && !(b->node->n_out > 1 && b->out[1]);
    b->kernel = s->whole ? "pool_whole" : "pool";
    return INGOT_OK;
}

static ingot_status bind_planes(ig_device *d, ig_device_bind *b)
{
    (void)d;
    return bind_pool(b, 2, b->in[0]->dims[0] * b->in[0]->dims[1], 1);
}

static ingot_status bind_nhwc(ig_device *d, ig_device_bind *b)
{
    (void)d;
    return bind_pool(b, 1, b->in[0]->dims[0], b->in[0]->dims[3]);
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const pool_state *s = r->state;
    cu_pool_args a = s->args;
    a.x = r->in[0];
    a.y = r->out[0];
    a.index = r->node->n_out > 1 ? r->out[1] : NULL;
    const cu_stream st = ig_cu_stream(stream);
    return ig_cu_done(stream, r, s->whole ? cu_pool_whole(&a, st) : cu_pool(&a, st));
}

const ig_cu_op ig_cu_op_pool = {.name = "pool", .bind = bind_planes, .launch = launch};
const ig_cu_op ig_cu_op_pool_nhwc = {.name = "pool_nhwc", .bind = bind_nhwc, .launch = launch};
