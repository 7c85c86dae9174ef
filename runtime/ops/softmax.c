/* softmax.c - softmax fn=softmax|log_softmax|hardmax along an axis; to_end: over that axis and all
 * behind it as one (ONNX before opset 13).
 *
 * f32 goes to the kernel families, as rows along the last axis or else down columns. The rest is
 * computed in f64 and rounded once; exp is taken twice instead of keeping a row. */
#include "kernels/softmax/softmax.h"
#include "runtime/ops/axis.h"
#include "runtime/ops/block.h"
#include "runtime/base/checked.h"
#include "runtime/base/topology.h"

#include <math.h>

typedef struct {
    int fn;
    int64_t axis, to_end;
} softmax_attrs;

typedef enum { SOFTMAX, LOG_SOFTMAX, HARDMAX } softmax_fn;

static const char *const names[] = {"softmax", "log_softmax", "hardmax", NULL};

static const ig_attr attrs[] = {
    IG_ENUM(softmax_attrs, fn, 0, names),
    IG_INT(softmax_attrs, axis, -1),
    IG_INT(softmax_attrs, to_end, 0),
    {0},
};

static ingot_status infer(ig_infer *c)
{
    const softmax_attrs *a = c->attrs;
    const ig_type *x = c->in[0];
    int axis;
    c->out[0] = *x;
    if (x->dtype != INGOT_NONE && ig_dtype(x->dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "%s is not defined for %s", names[a->fn], ig_dtype(x->dtype)->name);
    if (x->rank > 0) return ig_infer_axis(c, a->axis, x->rank, &axis);
    return INGOT_OK;
}

/* For f32; NULL: none. */
typedef struct {
    softmax_f32_fn *rows;
    softmax_cols_f32_fn *cols;
} softmax_kernels;

typedef struct {
    const ig_tensor *x;
    void *y;
    ig_axis_view view;
    softmax_fn fn;
    const softmax_kernels *kernels;
    bool past; /* y goes past the caches */
} softmax_job;

/* What a block of neighbours knows of its rows. For rows along the last axis only [0] counts. */
typedef struct {
    double max[IG_BLOCK], sum[IG_BLOCK];
    size_t first[IG_BLOCK]; /* position of the largest element */
} softmax_stat;

/* x[i] at position k (of neighbour i, step 1; of the one row, step 0) is looked at. */
static void look(softmax_stat *s, const double *x, size_t k, size_t n, size_t step)
{
    for (size_t i = 0; i < n; i++) {
        const size_t j = i * step, at = step ? k : k + i;
        if (at && !(x[i] > s->max[j]) && !(x[i] != x[i])) continue;
        if (at && s->max[j] != s->max[j]) continue; /* a NaN stays */
        s->max[j] = x[i], s->first[j] = at;
    }
}

static void total(softmax_stat *s, const double *x, size_t n, size_t step)
{
    for (size_t i = 0; i < n; i++) s->sum[i * step] += exp(x[i] - s->max[i * step]);
}

static void result(double *y, const softmax_stat *s, const double *x, size_t k, size_t n,
                   size_t step, softmax_fn fn)
{
    for (size_t i = 0; i < n; i++) {
        const size_t j = i * step;
        if (fn == SOFTMAX)
            y[i] = exp(x[i] - s->max[j]) / s->sum[j];
        else if (fn == LOG_SOFTMAX)
            y[i] = x[i] - s->max[j] - log(s->sum[j]);
        else
            y[i] = s->first[j] == (step ? k : k + i);
    }
}

/* n neighbours, or one row, starting at element `base`. */
static void block_of_rows(const softmax_job *job, size_t base, size_t n)
{
    enum { LOOK, TOTAL, RESULT, PASSES };
    const ig_axis_view *v = &job->view;
    const size_t step = v->inner > 1, hop = step ? 1 : IG_BLOCK;
    softmax_stat s;
    ig_block in, out;
    for (size_t i = 0; i < n; i++) s.sum[i] = 0;
    for (int pass = LOOK; pass < PASSES; pass++) {
        if (pass == TOTAL && job->fn == HARDMAX) continue;
        for (size_t k = 0; k < v->n; k += hop) {
            const size_t at = base + k * v->inner;
            const size_t m = step ? n : IG_MIN(v->n - k, (size_t)IG_BLOCK);
            const double *x = ig_view(&in, IG_CALC_F64, job->x->data, job->x->dtype, at, m);
            if (pass == LOOK) look(&s, x, k, m, step);
            if (pass == TOTAL) total(&s, x, m, step);
            if (pass != RESULT) continue;
            result(out.f64, &s, x, k, m, step, job->fn);
            ig_store(job->y, job->x->dtype, at, &out, IG_CALC_F64, m);
        }
    }
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const softmax_job *job = arg;
    const ig_axis_view *v = &job->view;
    size_t n;
    for (size_t at = begin; at < end; at += n) {
        const size_t inner = at % v->inner;
        n = IG_MIN(IG_MIN(v->inner - inner, end - at), (size_t)IG_BLOCK);
        block_of_rows(job, at / v->inner * v->n * v->inner + inner, n);
    }
}

static ingot_status bind(ig_bind *b)
{
    const softmax_attrs *a = b->attrs;
    softmax_kernels *k = ig_new(b->arena, softmax_kernels);
    if (!k) return ig_fail(b->err, INGOT_E_NOMEM, "softmax: no memory for a plan");
    if (a->fn == SOFTMAX) *k = (softmax_kernels){ig_softmax_f32(), ig_softmax_cols_f32()};
    if (a->fn == LOG_SOFTMAX)
        *k = (softmax_kernels){ig_log_softmax_f32(), ig_log_softmax_cols_f32()};
    b->state = k;
    b->kernel = names[a->fn];
    return INGOT_OK;
}

static void work_rows(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const softmax_job *job = arg;
    const size_t n = job->view.n;
    job->kernels->rows((float *)job->y + begin * n, (const float *)job->x->data + begin * n, NULL,
                       0, end - begin, n, 1, job->past);
}

/* Items are columns of one outer index after the other. */
static void work_cols(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const softmax_job *job = arg;
    const ig_axis_view *v = &job->view;
    size_t n;
    for (size_t at = begin; at < end; at += n) {
        const size_t inner = at % v->inner, base = at / v->inner * v->n * v->inner + inner;
        n = IG_MIN(v->inner - inner, end - at);
        job->kernels->cols((float *)job->y + base, (const float *)job->x->data + base, v->n, n,
                           v->inner);
    }
}

/* A task of whole lines of columns, of the kernel's strips where there are many. */
static size_t grain_of(const ig_axis_view *v, bool kernel)
{
    const double each = (kernel ? 2 * IG_NS_EXP : 2 * IG_NS_LIBM) * (double)v->n;
    const size_t grain = ig_grain_ns(each);
    const size_t lines = v->inner < 256 ? 16 : 64;
    return v->inner == 1 ? grain : (grain + lines - 1) / lines * lines;
}

static ingot_status run(ig_run *r)
{
    const softmax_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0];
    softmax_job job = {x, r->out[0]->data, {1, 1, 1}, (softmax_fn)a->fn, r->state, false};
    int axis;
    if (x->rank > 0) {
        if (!ig_axis_wrap(a->axis, x->rank, &axis))
            return ig_run_fail(r, "axis %lld is outside rank %d", (long long)a->axis, x->rank);
        job.view = ig_axis_split(x->rank, x->dims, axis);
    }
    if (a->to_end) job.view.n *= job.view.inner, job.view.inner = 1;
    if (ig_tensor_elements(x) == 0) return INGOT_OK;
    job.past = job.y != x->data && ig_past_caches(4.0 * (double)ig_tensor_elements(x));
    const bool kernel = job.kernels->rows && x->dtype == INGOT_F32;
    ig_task_fn *fn = !kernel ? work : job.view.inner == 1 ? work_rows : work_cols;
    ig_parallel(r->pool, job.view.outer * job.view.inner, grain_of(&job.view, kernel), 0, fn, &job);
    return INGOT_OK;
}

const ig_op ig_op_softmax = {
    .name = "softmax",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(softmax_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
