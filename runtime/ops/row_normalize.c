/* row_normalize.c - each row divided by its largest element, the sum of its absolute values, or its
 * Euclidean length; a row whose divisor is 0 stays. x: numbers [N, C] or [C]; gives f32. */
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <math.h>

static const char *const norms[] = {"MAX", "L1", "L2", NULL};
enum { MAX, L1, L2 };

typedef struct {
    int norm;
} norm_attrs;

static const ig_attr attrs[] = {IG_ENUM(norm_attrs, norm, MAX, norms), {0}};

static ingot_status infer(ig_infer *c)
{
    c->out[0] = *c->in[0];
    c->out[0].dtype = INGOT_F32;
    if (c->in[0]->dtype == INGOT_STR || c->in[0]->rank == 0)
        return ig_infer_fail(c, "x must be rows of numbers");
    return INGOT_OK;
}

typedef struct {
    const ig_tensor *x;
    float *out;
    size_t cols;
    int norm;
} job;

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    for (size_t row = begin; row < end; row++) {
        double by = j->norm == MAX ? -INFINITY : 0;
        for (size_t c = 0; c < j->cols; c++) {
            const double v = ig_to_double(j->x->data, j->x->dtype, row * j->cols + c);
            by = j->norm == MAX ? IG_MAX(by, v) : by + (j->norm == L1 ? fabs(v) : v * v);
        }
        if (j->norm == L2) by = sqrt(by);
        for (size_t c = 0; c < j->cols; c++) {
            const double v = ig_to_double(j->x->data, j->x->dtype, row * j->cols + c);
            j->out[row * j->cols + c] = (float)(by != 0 ? v / by : v);
        }
    }
}

static ingot_status run(ig_run *r)
{
    enum { GRAIN_ELEMENTS = 16384 };
    const ig_tensor *x = r->in[0];
    const size_t n = ig_tensor_elements(x), cols = (size_t)x->dims[x->rank - 1];
    if (!n) return INGOT_OK;
    job j = {x, r->out[0]->data, cols, ((const norm_attrs *)r->attrs)->norm};
    ig_parallel(r->pool, n / cols, GRAIN_ELEMENTS / cols, 0, work, &j);
    return INGOT_OK;
}

const ig_op ig_op_row_normalize = {
    .name = "row_normalize",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(norm_attrs),
    .infer = infer,
    .run = run,
};
