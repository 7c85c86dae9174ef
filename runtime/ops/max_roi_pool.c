/* max_roi_pool.c - the maximum of each cell of a grid laid over regions of interest (Fast R-CNN).
 * X [N, C, H, W], rois [R, 5] as batch x1 y1 x2 y2; output [R, C, ph, pw]. */
#include "runtime/ops/move.h"

#include <math.h>

typedef struct {
    ig_ints pooled_shape;
    double spatial_scale;
} pool_attrs;

static const ig_attr fields[] = {
    IG_INTS(pool_attrs, pooled_shape), IG_FLOAT(pool_attrs, spatial_scale, 1), {0}};

static ingot_status infer(ig_infer *c)
{
    const pool_attrs *a = c->attrs;
    const ig_type *x = c->in[0], *rois = c->in[1];
    ig_type *out = ig_infer_like(c);
    if ((x->dtype && ig_dtype(x->dtype)->class_ != IG_CLASS_FLOAT) ||
        (rois->dtype && ig_dtype(rois->dtype)->class_ != IG_CLASS_FLOAT))
        return ig_infer_fail(c, "input and rois must be of a float type");
    if (a->pooled_shape.n != 2 || a->pooled_shape.v[0] < 1 || a->pooled_shape.v[1] < 1)
        return ig_infer_fail(c, "pooled_shape must be two sizes");
    if ((x->rank >= 0 && x->rank != 4) || (rois->rank >= 0 && rois->rank != 2))
        return ig_infer_fail(c, "ranks must be 4 and 2");
    if (rois->rank == 2 && ig_dim_differ(rois->dims[1], 5))
        return ig_infer_fail(c, "a roi has %lld numbers, not 5", (long long)rois->dims[1]);
    out->rank = 4;
    out->dims[0] = rois->rank == 2 ? rois->dims[0] : IG_DIM_UNKNOWN;
    out->dims[1] = x->rank == 4 ? x->dims[1] : IG_DIM_UNKNOWN;
    out->dims[2] = a->pooled_shape.v[0];
    out->dims[3] = a->pooled_shape.v[1];
    return INGOT_OK;
}

typedef struct {
    const pool_attrs *a;
    const ig_tensor *x, *rois;
    ig_tensor *y;
} pool_task;

/* Cell `cell` of n over [first, last] pixels, clipped to the map of `size`. */
static void cell_range(double first, double last, int64_t cell, int64_t n, int64_t size,
                       int64_t *begin, int64_t *end)
{
    const double bin = fmax(last - first + 1, 1) / (double)n, top = (double)size;
    *begin = (int64_t)fmin(fmax(floor((double)cell * bin) + first, 0), top);
    *end = (int64_t)fmin(fmax(ceil((double)(cell + 1) * bin) + first, 0), top);
}

static void planes_range(void *arg, size_t begin, size_t end, size_t worker)
{
    const pool_task *t = arg;
    const int64_t *x = t->x->dims, *y = t->y->dims;
    (void)worker;
    for (size_t p = begin; p < end; p++) {
        const size_t roi = p / (size_t)x[1] * 5;
        double v[5];
        for (size_t i = 0; i < 5; i++) v[i] = ig_to_double(t->rois->data, t->rois->dtype, roi + i);
        for (int i = 1; i < 5; i++) v[i] = round(v[i] * t->a->spatial_scale);
        const size_t plane = ((size_t)v[0] * (size_t)x[1] + p % (size_t)x[1]) * ig_span(x, 2, 4);
        for (int64_t h = 0; h < y[2]; h++)
            for (int64_t w = 0; w < y[3]; w++) {
                int64_t h0, h1, w0, w1;
                cell_range(v[2], v[4], h, y[2], x[2], &h0, &h1);
                cell_range(v[1], v[3], w, y[3], x[3], &w0, &w1);
                double most = h0 < h1 && w0 < w1 ? -INFINITY : 0;
                for (int64_t i = h0; i < h1; i++)
                    for (int64_t j = w0; j < w1; j++)
                        most = fmax(most, ig_to_double(t->x->data, t->x->dtype,
                                                       plane + (size_t)(i * x[3] + j)));
                const size_t cell = p * ig_span(y, 2, 4) + (size_t)(h * y[3] + w);
                ig_from_double(t->y->data, t->y->dtype, cell, most);
            }
    }
}

static ingot_status run(ig_run *r)
{
    pool_task t = {.a = r->attrs, .x = r->in[0], .rois = r->in[1], .y = r->out[0]};
    const size_t n = (size_t)t.rois->dims[0];
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 1; k < 5; k++)
            if (!isfinite(ig_to_double(t.rois->data, t.rois->dtype, i * 5 + k)))
                return ig_run_fail(r, "roi %zu is not finite", i);
        const double batch = ig_to_double(t.rois->data, t.rois->dtype, i * 5);
        if (!(batch >= 0 && batch < (double)t.x->dims[0]))
            return ig_run_fail(r, "roi %zu is of batch %g, outside 0..%lld", i, batch,
                               (long long)t.x->dims[0] - 1);
    }
    ig_parallel(r->pool, n * (size_t)t.x->dims[1], ig_grain(4 * ig_span(t.x->dims, 2, 4)), 0,
                planes_range, &t);
    return INGOT_OK;
}

const ig_op ig_op_max_roi_pool = {
    .name = "max_roi_pool",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(pool_attrs),
    .infer = infer,
    .run = run,
};
