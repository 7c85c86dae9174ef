/* affine_grid.c - the grid of points that grid_sample reads: each output pixel's place in -1..1,
 * transformed. theta [N, d, d + 1], size [N, C, spatial...] of the output; d is 2 or 3. */
#include "runtime/ops/move.h"

typedef struct {
    int64_t align_corners;
} affine_attrs;

static const ig_attr fields[] = {IG_INT(affine_attrs, align_corners, 0), {0}};

static ingot_status infer(ig_infer *c)
{
    const ig_type *theta = c->in[0];
    ig_type *out = ig_infer_like(c);
    int64_t size[5];
    const int n = ig_known_ints(c, 1, size, 5);
    IG_TRY(ig_infer_ints(c, 1));
    if (theta->dtype && ig_dtype(theta->dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "theta is %s, not of a float type", ig_dtype(theta->dtype)->name);
    if (theta->rank >= 0 && theta->rank != 3)
        return ig_infer_fail(c, "theta has rank %d, not 3", theta->rank);
    const int64_t length = c->known[1] ? n : ig_vector_length(c, 1);
    if (length < 0 && !c->known[1]) return INGOT_OK;
    if (length != 4 && length != 5) return ig_infer_fail(c, "size must be 4 or 5 integers");
    const int d = (int)length - 2;
    out->rank = d + 2;
    for (int i = 0; i < d; i++) out->dims[1 + i] = IG_DIM_UNKNOWN;
    out->dims[0] = theta->rank == 3 ? theta->dims[0] : IG_DIM_UNKNOWN;
    out->dims[d + 1] = d;
    if (theta->rank == 3 &&
        (ig_dim_differ(theta->dims[1], d) || ig_dim_differ(theta->dims[2], d + 1)))
        return ig_infer_fail(c, "theta is not [N, %d, %d]", d, d + 1);
    if (n < 0) return INGOT_OK;
    if (theta->rank == 3 && ig_dim_differ(theta->dims[0], size[0]))
        return ig_infer_fail(c, "theta has a batch of %lld, size of %lld",
                             (long long)theta->dims[0], (long long)size[0]);
    for (int i = 0; i < n; i++)
        if (size[i] < 0) return ig_infer_fail(c, "size holds %lld", (long long)size[i]);
    out->dims[0] = size[0];
    for (int i = 0; i < d; i++) out->dims[1 + i] = size[2 + i];
    return INGOT_OK;
}

typedef struct {
    const ig_tensor *theta;
    ig_tensor *y;
    int d;
    bool align;
    size_t points;
} affine_task;

/* Centre of pixel i of n, or, aligned, pixels from -1 to 1. */
static double place(int64_t i, int64_t n, bool align)
{
    if (align) return n > 1 ? -1 + 2 * (double)i / (double)(n - 1) : -1;
    return (2 * (double)i + 1) / (double)n - 1;
}

static void points_range(void *arg, size_t begin, size_t end, size_t worker)
{
    const affine_task *t = arg;
    const int d = t->d;
    (void)worker;
    for (size_t p = begin; p < end; p++) {
        double at[4]; /* x, y, z, 1 */
        size_t rest = p % t->points;
        for (int i = 0; i < d; i++) {
            const int64_t n = t->y->dims[d - i];
            at[i] = place((int64_t)(rest % (size_t)n), n, t->align);
            rest /= (size_t)n;
        }
        at[d] = 1;
        const size_t matrix = p / t->points * (size_t)(d * (d + 1));
        for (int row = 0; row < d; row++) {
            double sum = 0;
            for (int i = 0; i <= d; i++)
                sum += at[i] * ig_to_double(t->theta->data, t->theta->dtype,
                                            matrix + (size_t)(row * (d + 1) + i));
            ig_from_double(t->y->data, t->y->dtype, p * (size_t)d + (size_t)row, sum);
        }
    }
}

static ingot_status run(ig_run *r)
{
    const affine_attrs *a = r->attrs;
    affine_task t = {.theta = r->in[0], .y = r->out[0], .align = a->align_corners != 0};
    t.d = t.y->rank - 2;
    t.points = ig_span(t.y->dims, 1, 1 + t.d);
    if (t.theta->dims[0] != t.y->dims[0])
        return ig_run_fail(r, "theta has a batch of %lld, size of %lld",
                           (long long)t.theta->dims[0], (long long)t.y->dims[0]);
    ig_parallel(r->pool, (size_t)t.y->dims[0] * t.points, ig_grain(64), 0, points_range, &t);
    return INGOT_OK;
}

const ig_op ig_op_affine_grid = {
    .name = "affine_grid",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(affine_attrs),
    .infer = infer,
    .run = run,
};
