/* cumulate.c - cumulate fn=sum|prod(x, axis): running totals along an axis; exclusive: without the
 * element itself; reverse: from the end. Floats run in f64, integers wrap in 64 bits. */
#include "runtime/ops/axis.h"
#include "runtime/ops/block.h"
#include "runtime/base/checked.h"

typedef struct {
    int fn;
    int64_t exclusive, reverse;
} cumulate_attrs;

static const char *const names[] = {"sum", "prod", NULL};

static const ig_attr attrs[] = {
    IG_ENUM(cumulate_attrs, fn, 0, names),
    IG_INT(cumulate_attrs, exclusive, 0),
    IG_INT(cumulate_attrs, reverse, 0),
    {0},
};

static ingot_status infer(ig_infer *c)
{
    const ig_type *x = c->in[0];
    int64_t axis;
    int at;
    size_t n;
    c->out[0] = *x;
    if (x->dtype != INGOT_NONE && (ig_calc_of(x->dtype) == IG_CALC_NONE || x->dtype == INGOT_BOOL))
        return ig_infer_fail(c, "not defined for %s", ig_dtype(x->dtype)->name);
    if (ig_type_elements(c->in[1], &n) && n != 1)
        return ig_infer_fail(c, "the axis has %zu elements, not one", n);
    if (x->rank >= 0 && ig_known_ints(c, 1, &axis, 1) == 1)
        return ig_infer_axis(c, axis, x->rank, &at);
    return INGOT_OK;
}

typedef struct {
    const ig_tensor *x;
    void *y;
    ig_axis_view view;
    ig_calc calc;
    bool prod, exclusive, reverse;
} cum_job;

#define STEP(type, field)                                                      \
    for (size_t i = 0; i < n; i++) {                                           \
        const type before = acc->field[i];                                     \
        acc->field[i] = job->prod ? before * x.field[i] : before + x.field[i]; \
        y.field[i] = job->exclusive ? before : acc->field[i];                  \
    }

static void step(const cum_job *job, ig_block *acc, size_t at, size_t n)
{
    ig_block x, y;
    ig_load(&x, job->calc, job->x->data, job->x->dtype, at, n);
    if (job->calc == IG_CALC_F64)
        STEP(double, f64)
    else
        STEP(uint64_t, u64) /* the bits of signed sums and products are the same */
    ig_store(job->y, job->x->dtype, at, &y, job->calc, n);
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const cum_job *job = arg;
    const ig_axis_view *v = &job->view;
    ig_block acc;
    size_t n;
    for (size_t at = begin; at < end; at += n) {
        const size_t inner = at % v->inner, base = at / v->inner * v->n * v->inner + inner;
        n = IG_MIN(IG_MIN(v->inner - inner, end - at), (size_t)IG_BLOCK);
        for (size_t i = 0; i < n; i++)
            if (job->calc == IG_CALC_F64)
                acc.f64[i] = job->prod;
            else
                acc.u64[i] = job->prod;
        for (size_t k = 0; k < v->n; k++)
            step(job, &acc, base + (job->reverse ? v->n - 1 - k : k) * v->inner, n);
    }
}

static ingot_status run(ig_run *r)
{
    const cumulate_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0];
    if (ig_tensor_elements(r->in[1]) != 1) return ig_run_fail(r, "the axis is not one number");
    const int64_t given = ig_load_i64(r->in[1]->data, r->in[1]->dtype, 0);
    int axis;
    if (!ig_axis_wrap(given, x->rank, &axis))
        return ig_run_fail(r, "axis %lld is outside rank %d", (long long)given, x->rank);
    const ig_calc own = ig_calc_of(x->dtype);
    cum_job job = {x,
                   r->out[0]->data,
                   ig_axis_split(x->rank, x->dims, axis),
                   own == IG_CALC_F32 ? IG_CALC_F64 : own,
                   a->fn == 1,
                   a->exclusive != 0,
                   a->reverse != 0};
    const size_t grain = IG_MAX((size_t)1, IG_GRAIN / IG_MAX((size_t)1, job.view.n));
    ig_parallel(r->pool, job.view.outer * job.view.inner, grain, 0, work, &job);
    return INGOT_OK;
}

const ig_op ig_op_cumulate = {
    .name = "cumulate",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_INPLACE,
    .attrs = attrs,
    .attrs_bytes = sizeof(cumulate_attrs),
    .infer = infer,
    .run = run,
};
