/* roi_align.c - pool regions of interest into grids of a fixed size by bilinear samples (He et al.
 * 2017). X [N, C, H, W], rois [R, 4] as x1 y1 x2 y2, batch indices [R]; output [R, C, oh, ow].
 *
 * Coordinates of narrow types are computed in f32 steps, as other engines do: how many samples a
 * bin gets depends on rounding. */
#include "runtime/ops/move.h"

#include <math.h>

enum { HALF_PIXEL, OUTPUT_HALF_PIXEL };
static const char *const transforms[] = {"half_pixel", "output_half_pixel", NULL};
enum { AVG, MAX };
static const char *const modes[] = {"avg", "max", NULL};
enum { MOST_SAMPLES = 65536 }; /* along a side of a bin */

typedef struct {
    int coordinate_transformation_mode, mode;
    int64_t output_height, output_width, sampling_ratio;
    double spatial_scale;
} roi_attrs;

static const ig_attr fields[] = {
    IG_ENUM(roi_attrs, coordinate_transformation_mode, HALF_PIXEL, transforms),
    IG_ENUM(roi_attrs, mode, AVG, modes),
    IG_INT(roi_attrs, output_height, 1),
    IG_INT(roi_attrs, output_width, 1),
    IG_INT(roi_attrs, sampling_ratio, 0),
    IG_FLOAT(roi_attrs, spatial_scale, 1),
    {0}};

static ingot_status infer(ig_infer *c)
{
    const roi_attrs *a = c->attrs;
    const ig_type *x = c->in[0], *rois = c->in[1], *batch = c->in[2];
    ig_type *out = ig_infer_like(c);
    IG_TRY(ig_infer_ints(c, 2));
    if ((x->dtype && ig_dtype(x->dtype)->class_ != IG_CLASS_FLOAT) ||
        (rois->dtype && ig_dtype(rois->dtype)->class_ != IG_CLASS_FLOAT))
        return ig_infer_fail(c, "input and rois must be of a float type");
    if ((x->rank >= 0 && x->rank != 4) || (rois->rank >= 0 && rois->rank != 2) || batch->rank > 1)
        return ig_infer_fail(c, "ranks must be 4, 2 and 1");
    if (rois->rank == 2 && ig_dim_differ(rois->dims[1], 4))
        return ig_infer_fail(c, "a roi has %lld numbers, not 4", (long long)rois->dims[1]);
    if (rois->rank == 2 && batch->rank == 1 && ig_dim_differ(rois->dims[0], batch->dims[0]))
        return ig_infer_fail(c, "%lld rois and %lld batch indices", (long long)rois->dims[0],
                             (long long)batch->dims[0]);
    if (a->output_height < 1 || a->output_width < 1 || a->sampling_ratio < 0 ||
        a->sampling_ratio > MOST_SAMPLES)
        return ig_infer_fail(c, "an output of %lld x %lld with a sampling_ratio of %lld",
                             (long long)a->output_height, (long long)a->output_width,
                             (long long)a->sampling_ratio);
    out->rank = 4;
    out->dims[0] = rois->rank == 2 ? rois->dims[0] : IG_DIM_UNKNOWN;
    out->dims[1] = x->rank == 4 ? x->dims[1] : IG_DIM_UNKNOWN;
    out->dims[2] = a->output_height;
    out->dims[3] = a->output_width;
    return INGOT_OK;
}

/* One roi's grid of bins. */
typedef struct {
    double start[2], bin[2]; /* y, x */
    int64_t samples[2];
    size_t batch;
} region;

typedef struct {
    const roi_attrs *a;
    const ig_tensor *x;
    ig_tensor *y;
    const ig_tensor *rois, *batch;
    const atomic_bool *cancel;
} roi_task;

static double rounded(const roi_task *t, double v)
{
    return t->x->dtype == INGOT_F64 ? v : (double)(float)v;
}

static bool find_region(const roi_task *t, size_t roi, region *out)
{
    const bool half = t->a->coordinate_transformation_mode == HALF_PIXEL;
    const double offset = half ? 0.5 : 0;
    const int64_t bins[2] = {t->a->output_height, t->a->output_width};
    double corner[4];
    for (size_t i = 0; i < 4; i++) {
        const double v = ig_to_double(t->rois->data, t->rois->dtype, roi * 4 + i);
        corner[i] = rounded(t, rounded(t, v * rounded(t, t->a->spatial_scale)) - offset);
        if (!isfinite(corner[i])) return false;
    }
    out->batch = (size_t)ig_index_at(t->batch, roi);
    for (int d = 0; d < 2; d++) {
        double length = rounded(t, corner[3 - d] - corner[1 - d]);
        if (!half) length = fmax(length, 1);
        out->start[d] = corner[1 - d];
        out->bin[d] = rounded(t, length / (double)bins[d]);
        const double samples =
            t->a->sampling_ratio ? (double)t->a->sampling_ratio : ceil(out->bin[d]);
        if (!(samples <= MOST_SAMPLES)) return false;
        out->samples[d] = samples > 0 ? (int64_t)samples : 0;
    }
    return true;
}

/* Two neighbours and their weights; false: off the map. */
static bool neighbours(double v, int64_t n, int64_t at[2], double weight[2])
{
    if (v < -1 || v > (double)n) return false;
    v = fmax(v, 0);
    at[0] = (int64_t)v;
    at[1] = at[0] + 1;
    if (at[0] >= n - 1) {
        at[0] = at[1] = n - 1;
        v = (double)at[0];
    }
    weight[1] = v - (double)at[0];
    weight[0] = 1 - weight[1];
    return true;
}

static double sample_at(const roi_task *t, const region *g, int d, int64_t bin, int64_t i)
{
    return rounded(t, g->start[d] + (double)bin * g->bin[d] +
                          ((double)i + 0.5) * g->bin[d] / (double)g->samples[d]);
}

static double pool(const roi_task *t, const region *g, size_t plane, int64_t ph, int64_t pw)
{
    const int64_t h = t->x->dims[2], w = t->x->dims[3];
    double sum = 0, most = 0;
    bool first = true;
    for (int64_t i = 0; i < g->samples[0]; i++)
        for (int64_t j = 0; j < g->samples[1]; j++) {
            int64_t y[2] = {0}, x[2] = {0};
            double wy[2] = {0}, wx[2] = {0}, best = 0;
            const bool inside = neighbours(sample_at(t, g, 0, ph, i), h, y, wy) &&
                                neighbours(sample_at(t, g, 1, pw, j), w, x, wx);
            for (int k = 0; k < 4; k++) {
                const size_t at = plane + (size_t)(y[k / 2] * w + x[k % 2]);
                const double weight = inside ? wy[k / 2] * wx[k % 2] : 0;
                const double v = weight * ig_to_double(t->x->data, t->x->dtype, at);
                sum += inside ? v : 0;
                best = k == 0 ? v : fmax(best, v);
            }
            most = first ? best : fmax(most, best);
            first = false;
        }
    if (t->a->mode == MAX) return most;
    return sum / fmax((double)(g->samples[0] * g->samples[1]), 1);
}

static void planes_range(void *arg, size_t begin, size_t end, size_t worker)
{
    const roi_task *t = arg;
    const size_t channels = (size_t)t->x->dims[1], area = ig_span(t->x->dims, 2, 4);
    const size_t cells = ig_span(t->y->dims, 2, 4), width = (size_t)t->y->dims[3];
    (void)worker;
    for (size_t p = begin; p < end; p++) {
        region g;
        if (!find_region(t, p / channels, &g)) continue; /* checked before */
        const size_t plane = (g.batch * channels + p % channels) * area;
        for (size_t cell = 0; cell < cells; cell++) {
            if (t->cancel && atomic_load_explicit(t->cancel, memory_order_relaxed)) return;
            const double v = pool(t, &g, plane, (int64_t)(cell / width), (int64_t)(cell % width));
            ig_from_double(t->y->data, t->y->dtype, p * cells + cell, v);
        }
    }
}

static ingot_status run(ig_run *r)
{
    roi_task t = {.a = r->attrs,
                  .x = r->in[0],
                  .y = r->out[0],
                  .rois = r->in[1],
                  .batch = r->in[2],
                  .cancel = r->cancel};
    const size_t n = (size_t)t.rois->dims[0];
    if (ig_tensor_elements(t.y) == 0) return INGOT_OK;
    if (ig_span(t.x->dims, 2, 4) == 0) return ig_run_fail(r, "the feature map is empty");
    for (size_t i = 0; i < n; i++) {
        region g;
        const int64_t batch = ig_index_at(t.batch, i);
        if (batch < 0 || batch >= t.x->dims[0])
            return ig_run_fail(r, "roi %zu is of batch %lld, outside 0..%lld", i, (long long)batch,
                               (long long)t.x->dims[0] - 1);
        if (!find_region(&t, i, &g))
            return ig_run_fail(r, "roi %zu is not finite, or wants more than %d samples a bin", i,
                               MOST_SAMPLES);
    }
    const size_t cells = ig_span(t.y->dims, 2, 4);
    ig_parallel(r->pool, n * (size_t)t.x->dims[1], ig_grain(64 * cells), 0, planes_range, &t);
    return ig_run_cancelled(r) ? ig_node_fail(r->err, INGOT_E_CANCELLED, r->node, "cancelled")
                               : INGOT_OK;
}

const ig_op ig_op_roi_align = {
    .name = "roi_align",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(roi_attrs),
    .infer = infer,
    .run = run,
};
