/* grid_sample.c - sample the input at the points of a grid, [N, C, spatial...] at [N, out..., d].
 *
 * Points are in -1..1, the last spatial dimension first. For each point the taps (1, 2^d or 4^d
 * places and weights) are found once and used for all channels. Works for 1 to 3 spatial dims. */
#include "runtime/ops/move.h"

#include <math.h>

enum { LINEAR, NEAREST, CUBIC };
static const char *const modes[] = {"linear", "nearest", "cubic", NULL};
enum { ZEROS, BORDER, REFLECTION };
static const char *const paddings[] = {"zeros", "border", "reflection", NULL};
enum { SPATIAL = 3, TAPS = 64, AXIS_TAPS = 4 };

typedef struct {
    int64_t align_corners;
    int mode, padding_mode;
} grid_attrs;

static const ig_attr fields[] = {IG_INT(grid_attrs, align_corners, 0),
                                 IG_ENUM(grid_attrs, mode, LINEAR, modes),
                                 IG_ENUM(grid_attrs, padding_mode, ZEROS, paddings),
                                 {0}};

static ingot_status infer(ig_infer *c)
{
    const grid_attrs *a = c->attrs;
    const ig_type *x = c->in[0], *grid = c->in[1];
    ig_type *out = ig_infer_like(c);
    const ig_dtype_class k = ig_dtype(x->dtype)->class_;
    if (grid->dtype && ig_dtype(grid->dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "the grid is %s, not of a float type", ig_dtype(grid->dtype)->name);
    if (a->mode != NEAREST && (k == IG_CLASS_STR || k == IG_CLASS_COMPLEX))
        return ig_infer_fail(c, "%s of %s is not defined", modes[a->mode],
                             ig_dtype(x->dtype)->name);
    const int rank = x->rank >= 0 ? x->rank : grid->rank;
    if (rank < 0) return INGOT_OK;
    if (rank < 3 || rank > 2 + SPATIAL || (grid->rank >= 0 && grid->rank != rank))
        return ig_infer_fail(c, "input and grid must both have rank 3, 4 or 5, not %d and %d",
                             x->rank, grid->rank);
    out->rank = rank;
    for (int d = 0; d < rank; d++) out->dims[d] = IG_DIM_UNKNOWN;
    if (x->rank >= 0) memcpy(out->dims, x->dims, 2 * sizeof out->dims[0]);
    if (grid->rank < 0) return INGOT_OK;
    for (int d = 2; d < rank; d++) out->dims[d] = grid->dims[d - 1];
    if (ig_dim_differ(grid->dims[rank - 1], rank - 2))
        return ig_infer_fail(c, "the grid's points have %lld coordinates, not %d",
                             (long long)grid->dims[rank - 1], rank - 2);
    if (x->rank >= 0 && ig_dim_differ(x->dims[0], grid->dims[0]))
        return ig_infer_fail(c, "batches of %lld and %lld", (long long)x->dims[0],
                             (long long)grid->dims[0]);
    size_t n;
    if (ig_type_static(x) && ig_type_elements(out, &n) && n > 0)
        for (int d = 2; d < rank; d++)
            if (x->dims[d] == 0) return ig_infer_fail(c, "there is nothing to sample from");
    return INGOT_OK;
}

/* What a point reads of one plane. */
typedef struct {
    int n;
    int64_t at[TAPS]; /* -1: outside, reads 0 */
    double weight[TAPS];
} taps;

static double reflect(double x, double low, double high)
{
    const double range = high - low;
    if (!(range > 0)) return low;
    double over = x < low ? low - x : x > high ? x - high : 0;
    if (over == 0) return x;
    const bool odd = fmod(floor(over / range), 2) != 0, below = x < low;
    over = fmod(over, range);
    return below != odd ? low + over : high - over;
}

/* A coordinate in -1..1 as a place in [0, n). f32 grids compute in f32, as the reference does. */
static double denormal(double g, int64_t n, bool align, bool f32)
{
    if (!f32) return align ? (g + 1) / 2 * (double)(n - 1) : ((g + 1) * (double)n - 1) / 2;
    const float v = (float)g, size = (float)n;
    return (double)(align ? (v + 1) / 2 * (size - 1) : ((v + 1) * size - 1) / 2);
}

typedef struct {
    const grid_attrs *a;
    const ig_tensor *x, *grid;
    ig_tensor *y;
    int d; /* spatial dims */
    size_t points, channels, plane;
} grid_task;

/* The element that place i of a dimension of n stands for; -1: none. */
static int64_t resolve(const grid_task *t, double i, int64_t n)
{
    const double size = (double)n;
    if (t->a->padding_mode == ZEROS) return i >= 0 && i < size ? (int64_t)i : -1;
    if (t->a->padding_mode == REFLECTION)
        i = t->a->align_corners ? reflect(i, 0, size - 1) : reflect(i, -0.5, size - 0.5);
    if (!(i > 0)) return 0;
    return i < size ? (int64_t)i : n - 1;
}

/* Taps of one dimension at x: count, places, weights. */
static int axis_taps(const grid_task *t, double x, int64_t n, int64_t *at, double *weight)
{
    const double low = t->a->align_corners ? 0 : -0.5, size = (double)n;
    const double high = t->a->align_corners ? size - 1 : size - 0.5;
    if (isnan(x)) x = t->a->padding_mode == ZEROS ? -2 * size - 4 : 0;
    if (t->a->mode == NEAREST) x = rint(x);
    if ((x < low || x > high) && t->a->padding_mode == BORDER) x = fmin(fmax(x, 0), size - 1);
    if ((x < low || x > high) && t->a->padding_mode == REFLECTION) x = reflect(x, low, high);
    if (t->a->mode == NEAREST) {
        at[0] = resolve(t, t->a->padding_mode == ZEROS ? x : trunc(x), n);
        weight[0] = 1;
        return 1;
    }
    x = fmin(fmax(x, -1e15), 1e15);
    const double left = floor(x), r = x - left, k = -0.75;
    if (t->a->mode == LINEAR) {
        at[0] = resolve(t, left, n);
        at[1] = resolve(t, left + 1, n);
        weight[0] = 1 - r;
        weight[1] = r;
        return 2;
    }
    for (int i = 0; i < AXIS_TAPS; i++) at[i] = resolve(t, left - 1 + i, n);
    const double s = 1 - r;
    weight[0] = ((k * (r + 1) - 5 * k) * (r + 1) + 8 * k) * (r + 1) - 4 * k;
    weight[1] = ((k + 2) * r - (k + 3)) * r * r + 1;
    weight[2] = ((k + 2) * s - (k + 3)) * s * s + 1;
    weight[3] = ((k * (s + 1) - 5 * k) * (s + 1) + 8 * k) * (s + 1) - 4 * k;
    return AXIS_TAPS;
}

/* All taps of point p: the product of those of the dims. */
static void point_taps(const grid_task *t, taps *out, size_t p)
{
    out->n = 1;
    out->at[0] = 0;
    out->weight[0] = 1;
    for (int d = 0; d < t->d; d++) {
        const int64_t size = t->x->dims[2 + d];
        const double g =
            ig_to_double(t->grid->data, t->grid->dtype, p * (size_t)t->d + (size_t)(t->d - 1 - d));
        const double x = denormal(g, size, t->a->align_corners, t->grid->dtype != INGOT_F64);
        int64_t at[AXIS_TAPS];
        double weight[AXIS_TAPS];
        const int n = axis_taps(t, x, size, at, weight), before = out->n;
        for (int i = before - 1; i >= 0; i--) { /* from the end: in place */
            const int64_t base = out->at[i];
            const double w = out->weight[i];
            for (int j = 0; j < n; j++) {
                out->at[i * n + j] = base < 0 || at[j] < 0 ? -1 : base * size + at[j];
                out->weight[i * n + j] = w * weight[j];
            }
        }
        out->n = before * n;
    }
}

static void sample(const grid_task *t, const taps *p, size_t from, size_t to)
{
    const size_t bytes = ig_elem(t->x->dtype);
    if (t->a->mode == NEAREST) {
        char *y = (char *)t->y->data + to * bytes;
        if (p->at[0] < 0)
            memset(y, 0, bytes);
        else
            memcpy(y, (const char *)t->x->data + (from + (size_t)p->at[0]) * bytes, bytes);
        return;
    }
    double sum = 0;
    for (int i = 0; i < p->n; i++) {
        if (p->at[i] < 0) continue;
        const size_t at = from + (size_t)p->at[i];
        sum +=
            p->weight[i] * (t->x->dtype == INGOT_F32 ? (double)((const float *)t->x->data)[at]
                                                     : ig_to_double(t->x->data, t->x->dtype, at));
    }
    if (t->x->dtype == INGOT_F32)
        ((float *)t->y->data)[to] = (float)sum;
    else
        ig_from_double(t->y->data, t->y->dtype, to, sum);
}

static void points_range(void *arg, size_t begin, size_t end, size_t worker)
{
    const grid_task *t = arg;
    (void)worker;
    for (size_t p = begin; p < end; p++) {
        taps at;
        point_taps(t, &at, p);
        const size_t batch = p / t->points, point = p % t->points;
        for (size_t c = 0; c < t->channels; c++) {
            const size_t plane = batch * t->channels + c;
            sample(t, &at, plane * t->plane, plane * t->points + point);
        }
    }
}

static ingot_status run(ig_run *r)
{
    grid_task t = {.a = r->attrs, .x = r->in[0], .grid = r->in[1], .y = r->out[0]};
    t.d = t.x->rank - 2;
    t.points = ig_span(t.y->dims, 2, t.y->rank);
    t.plane = ig_span(t.x->dims, 2, t.x->rank);
    t.channels = (size_t)t.x->dims[1];
    if (ig_tensor_elements(t.y) == 0) return INGOT_OK;
    ig_parallel(r->pool, (size_t)t.x->dims[0] * t.points, ig_grain(32 * t.channels + 64), 0,
                points_range, &t);
    return INGOT_OK;
}

const ig_op ig_op_grid_sample = {
    .name = "grid_sample",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(grid_attrs),
    .infer = infer,
    .run = run,
};
