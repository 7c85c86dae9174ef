/* reduce.c - reduce fn=...: many elements to one, over the axes of an optional second input.
 *
 * No axes: all of them, or none with noop_with_empty_axes. f32 over one run of neighbouring axes
 * goes to kernels/reduce, as rows where the axes are the last ones, else as columns. Other floats
 * are gathered in f64, integers in 64 bits; l2, log_sum and log_sum_exp of integers are computed in
 * f64 and cut. An empty sum is 0, an empty product 1, an empty max or min the type's limit, an
 * empty mean NaN (integers: 0). */
#include "runtime/ops/reduce_fns.h"
#include "kernels/reduce/reduce.h"
#include "kernels/unary/unary.h"
#include "runtime/ops/axis.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

typedef struct {
    int fn;
    int64_t keepdims, noop_with_empty_axes;
} reduce_attrs;

typedef enum { SUM, MEAN, MAX, MIN, PROD, L1, L2, LOG_SUM, LOG_SUM_EXP, SUM_SQUARE } reduce_what;

static const char *const names[] = {"sum", "mean",    "max",         "min",        "prod", "l1",
                                    "l2",  "log_sum", "log_sum_exp", "sum_square", NULL};

static const ig_reduce_kind kinds[] = {
    IG_REDUCE_SUM, IG_REDUCE_SUM,    IG_REDUCE_MAX, IG_REDUCE_MIN, IG_REDUCE_PROD,
    IG_REDUCE_ABS, IG_REDUCE_SQUARE, IG_REDUCE_SUM, IG_REDUCE_EXP, IG_REDUCE_SQUARE};

static const ig_attr attrs[] = {
    IG_ENUM(reduce_attrs, fn, 0, names),
    IG_INT(reduce_attrs, keepdims, 1),
    IG_INT(reduce_attrs, noop_with_empty_axes, 0),
    {0},
};

/* ---- infer ---- */

static ingot_status mark_axes(ig_infer *c, const int64_t *axes, int n, int rank, bool *reduced)
{
    for (int i = 0; i < n; i++) {
        int axis;
        IG_TRY(ig_infer_axis(c, axes[i], rank, &axis));
        if (reduced[axis]) return ig_infer_fail(c, "axis %d is named twice", axis);
        reduced[axis] = true;
    }
    return INGOT_OK;
}

static ingot_status infer_unknown_axes(ig_infer *c, const reduce_attrs *a)
{
    const ig_type *axes = c->in[1];
    size_t n;
    ig_type *out = &c->out[0];
    const bool counted = ig_type_elements(axes, &n);
    if (!a->keepdims && !counted) return INGOT_OK;
    out->rank = c->in[0]->rank;
    if (!a->keepdims) {
        if (n == 0) n = a->noop_with_empty_axes ? 0 : (size_t)out->rank;
        if (n > (size_t)out->rank)
            return ig_infer_fail(c, "%zu axes for a tensor of rank %d", n, out->rank);
        out->rank -= (int)n;
    }
    for (int i = 0; i < out->rank; i++) out->dims[i] = IG_DIM_UNKNOWN;
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const reduce_attrs *a = c->attrs;
    const ig_type *x = c->in[0];
    ig_type *out = &c->out[0];
    const ig_dtype_class class_ = ig_dtype(x->dtype)->class_;
    const bool only_order = class_ == IG_CLASS_BOOL && a->fn != MAX && a->fn != MIN;
    if (class_ == IG_CLASS_STR || class_ == IG_CLASS_COMPLEX || only_order)
        return ig_infer_fail(c, "%s is not defined for %s", names[a->fn], ig_dtype(x->dtype)->name);
    out->dtype = x->dtype;
    out->rank = IG_RANK_UNKNOWN;
    int64_t axes[IG_MAX_RANK];
    int n = 0;
    if (x->rank < 0) return INGOT_OK;
    if (ig_has(c, 1) && (n = ig_known_ints(c, 1, axes, IG_MAX_RANK)) < 0) {
        if (c->known[1]) return ig_infer_fail(c, "the axes are not at most 8 integers");
        return infer_unknown_axes(c, a);
    }
    bool reduced[IG_MAX_RANK] = {false};
    if (n == 0 && !a->noop_with_empty_axes) memset(reduced, 1, sizeof reduced);
    IG_TRY(mark_axes(c, axes, n, x->rank, reduced));
    out->rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (!reduced[i] || a->keepdims) out->dims[out->rank++] = reduced[i] ? 1 : x->dims[i];
    return INGOT_OK;
}

/* ---- run ---- */

/* Some of the input's dimensions, neighbours joined, with their strides in elements. */
typedef struct {
    int rank;
    int64_t dims[IG_MAX_RANK], stride[IG_MAX_RANK];
    size_t count;
} dim_set;

typedef struct {
    const void *x;
    void *y;
    ingot_dtype dtype;
    ig_calc calc;
    reduce_what what;
    dim_set kept, gone;
    bool rows; /* the innermost dimension is reduced */
} reduce_job;

static void push_dim(dim_set *s, int64_t size, int64_t stride)
{
    if (size == 1) return;
    s->count *= (size_t)size;
    if (s->rank && s->stride[s->rank - 1] == size * stride) {
        s->dims[s->rank - 1] *= size;
        s->stride[s->rank - 1] = stride;
        return;
    }
    s->dims[s->rank] = size;
    s->stride[s->rank++] = stride;
}

static size_t offset_of(const dim_set *s, size_t index)
{
    size_t at = 0;
    for (int d = s->rank - 1; d >= 0 && index; d--) {
        at += index % (size_t)s->dims[d] * (size_t)s->stride[d];
        index /= (size_t)s->dims[d];
    }
    return at;
}

/* One pass over what n outputs gather: n neighbours (columns), or one output in lanes (rows). */
static void gather(const reduce_job *job, ig_block *acc, const ig_block *shift, size_t base,
                   size_t n, ig_reduce_kind kind)
{
    const ig_reduce_pair fn = ig_reduce_find(kind, job->calc);
    const dim_set *gone = &job->gone;
    const size_t run = job->rows ? (size_t)gone->dims[gone->rank - 1] : 1;
    ig_block block;
    for (size_t i = 0; i < gone->count; i += run) {
        const size_t at = base + offset_of(gone, i);
        if (!job->rows) {
            fn.columns(acc, ig_view(&block, job->calc, job->x, job->dtype, at, n), n, shift);
            continue;
        }
        for (size_t j = 0; j < run; j += IG_BLOCK) {
            const size_t k = IG_MIN(run - j, (size_t)IG_BLOCK);
            fn.rows(acc, ig_view(&block, job->calc, job->x, job->dtype, at + j, k), k, shift);
        }
    }
}

static double finish_f64(double v, reduce_what what, size_t count)
{
    if (what == MEAN) return v / (double)count;
    if (what == L2) return sqrt(v);
    return what == LOG_SUM || what == LOG_SUM_EXP ? log(v) : v;
}

static void finish(ig_block *acc, const ig_block *shift, size_t n, const reduce_job *job)
{
    const size_t count = job->gone.count;
    for (size_t i = 0; i < n; i++) {
        if (job->calc == IG_CALC_F64)
            acc->f64[i] = finish_f64(acc->f64[i], job->what, count);
        else if (job->what == MEAN && job->calc == IG_CALC_I64)
            acc->i64[i] = count ? acc->i64[i] / (int64_t)count : 0;
        else if (job->what == MEAN)
            acc->u64[i] = count ? acc->u64[i] / count : 0;
        if (job->what == LOG_SUM_EXP) acc->f64[i] += shift->f64[i];
    }
}

/* The largest element of each output, subtracted before exp; infinities are not, inf - inf is NaN.
 */
static void find_shift(const reduce_job *job, ig_block *shift, size_t base, size_t n)
{
    const size_t lanes = job->rows ? IG_REDUCE_LANES : n;
    ig_reduce_start(shift, lanes, IG_REDUCE_MAX, job->calc, job->dtype);
    gather(job, shift, NULL, base, n, IG_REDUCE_MAX);
    if (job->rows) ig_reduce_join(shift, IG_REDUCE_MAX, job->calc);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(shift->f64[i])) shift->f64[i] = 0;
    for (size_t i = 1; job->rows && i < lanes; i++) shift->f64[i] = shift->f64[0];
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const reduce_job *job = arg;
    const ig_reduce_kind kind = kinds[job->what];
    const dim_set *kept = &job->kept;
    const size_t row = job->rows || !kept->rank ? 1 : (size_t)kept->dims[kept->rank - 1];
    ig_block acc, shift;
    size_t n;
    for (size_t at = begin; at < end; at += n) {
        n = IG_MIN(IG_MIN(row - at % row, end - at), (size_t)IG_BLOCK);
        const size_t base = offset_of(kept, at);
        if (job->what == LOG_SUM_EXP) find_shift(job, &shift, base, n);
        ig_reduce_start(&acc, job->rows ? IG_REDUCE_LANES : n, kind, job->calc, job->dtype);
        gather(job, &acc, &shift, base, n, kind);
        if (job->rows) ig_reduce_join(&acc, kind, job->calc);
        finish(&acc, &shift, n, job);
        ig_store(job->y, job->dtype, at, &acc, job->calc, n);
    }
}

/* ---- f32 by kernels ---- */

/* Those of a function; NULL: it has none. */
typedef struct {
    reduce_rows_f32_fn *rows;
    reduce_cols_f32_fn *cols;
} reduce_kernels;

static reduce_kernels kernels_of(reduce_what what)
{
    static const struct {
        reduce_rows_f32_fn *(*rows)(void);
        reduce_cols_f32_fn *(*cols)(void);
    } list[] = {
#define R(op) {ig_##op##_rows_f32, ig_##op##_cols_f32},
#include "kernels/reduce/reduce.def"
#undef R
    };
    enum { K_MAX, K_MIN, K_PROD, K_SUM, K_ABS, K_SQUARE }; /* the order of reduce.def */
    static const int index[] = {K_SUM, K_SUM,    K_MAX, K_MIN, K_PROD,
                                K_ABS, K_SQUARE, K_SUM, -1,    K_SQUARE};
    if (index[what] < 0) return (reduce_kernels){NULL, NULL};
    return (reduce_kernels){list[index[what]].rows(), list[index[what]].cols()};
}

/* x [outer, n, inner] to y [outer, inner]; inner is 1 for rows. */
typedef struct {
    reduce_kernels kernels;
    float *y;
    const float *x;
    size_t n, inner;
    reduce_what what;
} f32_job;

static void finish_f32(float *y, size_t n, const f32_job *job)
{
    const float count = (float)job->n;
    if (job->what == MEAN)
        for (size_t i = 0; i < n; i++) y[i] /= count;
    else if (job->what == L2)
        for (size_t i = 0; i < n; i++) y[i] = sqrtf(y[i]);
    else if (job->what == LOG_SUM)
        ig_log_f32()(y, y, n, 0, 0);
}

static void rows_f32(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const f32_job *job = arg;
    job->kernels.rows(job->y + begin, job->x + begin * job->n, end - begin, job->n);
    finish_f32(job->y + begin, end - begin, job);
}

/* Items are strips of STRIP columns of one outer index after the other. */
enum { STRIP = 64 };

static void cols_f32(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const f32_job *job = arg;
    const size_t strips = (job->inner - 1) / STRIP + 1;
    size_t some;
    for (size_t at = begin; at < end; at += some) {
        const size_t outer = at / strips, strip = at % strips;
        some = IG_MIN(strips - strip, end - at);
        const size_t c = strip * STRIP, cols = IG_MIN(some * STRIP, job->inner - c);
        float *y = job->y + outer * job->inner + c;
        job->kernels.cols(y, job->x + outer * job->n * job->inner + c, job->n, cols, job->inner);
        finish_f32(y, cols, job);
    }
}

/* false: nothing was done, these shapes have no kernel. */
static bool run_f32(const reduce_job *job, ig_pool *pool)
{
    const dim_set *gone = &job->gone, *kept = &job->kept;
    const reduce_kernels kernels = kernels_of(job->what);
    if (job->dtype != INGOT_F32 || gone->rank != 1 || !gone->count || !kept->count || !kernels.rows)
        return false;
    f32_job f = {kernels, job->y, job->x, gone->count, (size_t)gone->stride[0], job->what};
    const size_t outer = kept->count / f.inner;
    const size_t item = f.n * IG_MIN(f.inner, (size_t)STRIP),
                 grain = ig_grain_ns(IG_NS_MOVE * (double)item);
    if (f.inner == 1)
        ig_parallel(pool, outer, grain, 0, rows_f32, &f);
    else
        ig_parallel(pool, outer * ((f.inner - 1) / STRIP + 1), grain, 0, cols_f32, &f);
    return true;
}

static ingot_status read_axes(ig_run *r, bool *reduced, int rank)
{
    const reduce_attrs *a = r->attrs;
    const ig_tensor *axes = r->n_in > 1 ? r->in[1] : NULL;
    const size_t n = axes ? ig_tensor_elements(axes) : 0;
    memset(reduced, n == 0 && !a->noop_with_empty_axes, IG_MAX_RANK * sizeof *reduced);
    for (size_t i = 0; i < n; i++) {
        const int64_t axis = ig_to_int(axes->data, axes->dtype, i);
        int at;
        if (!ig_axis_wrap(axis, rank, &at))
            return ig_run_fail(r, "axis %lld is outside a tensor of rank %d", (long long)axis,
                               rank);
        reduced[at] = true;
    }
    return INGOT_OK;
}

static ig_calc calc_for(reduce_what what, ingot_dtype dtype)
{
    const ig_calc calc = ig_calc_of(dtype);
    const bool real = what == L2 || what == LOG_SUM || what == LOG_SUM_EXP;
    return real || calc == IG_CALC_F32 ? IG_CALC_F64 : calc;
}

static ingot_status run(ig_run *r)
{
    const reduce_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0];
    bool reduced[IG_MAX_RANK];
    IG_TRY(read_axes(r, reduced, x->rank));
    reduce_job job = {
        .x = x->data, .y = r->out[0]->data, .dtype = x->dtype, .what = (reduce_what)a->fn};
    job.calc = calc_for(job.what, x->dtype);
    job.kept.count = job.gone.count = 1;
    int64_t stride[IG_MAX_RANK], s = 1;
    int inner = -1;
    for (int i = x->rank - 1; i >= 0; i--) {
        stride[i] = s;
        s *= x->dims[i];
        if (x->dims[i] != 1 && inner < 0) inner = i;
    }
    for (int i = 0; i < x->rank; i++)
        push_dim(reduced[i] ? &job.gone : &job.kept, x->dims[i], stride[i]);
    if (job.kept.count != ig_tensor_elements(r->out[0]))
        return ig_run_fail(r, "the axes do not fit the output's shape");
    if (run_f32(&job, r->pool)) return INGOT_OK;
    job.rows = inner >= 0 && reduced[inner] && job.gone.count > 0;
    const size_t grain = IG_MAX((size_t)1, IG_GRAIN / IG_MAX((size_t)1, job.gone.count));
    ig_parallel(r->pool, job.kept.count, grain, 0, work, &job);
    return INGOT_OK;
}

static void cost(ig_cost *out, const ig_bind *b)
{
    size_t n = 0, in = 0, bytes = 0;
    if (ig_type_elements(b->in[0], &n) && ig_type_bytes(b->in[0], &in) &&
        ig_type_bytes(b->out[0], &bytes))
        *out = (ig_cost){.flops = (double)n, .bytes = (double)in + (double)bytes};
}

const ig_op ig_op_reduce = {
    .name = "reduce",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(reduce_attrs),
    .infer = infer,
    .run = run,
    .cost = cost,
};
