/* arg_reduce.c - arg_reduce fn=max|min: the index of the largest or smallest element on an axis,
 * the first of equals or, with select_last_index, the last. A NaN counts as the extreme. */
#include "kernels/compare/compare.h"
#include "kernels/reduce/reduce.h"
#include "runtime/ops/axis.h"
#include "runtime/ops/block.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef struct {
    int fn;
    int64_t axis, keepdims, select_last_index;
} arg_reduce_attrs;

static const char *const names[] = {"max", "min", NULL};

static const ig_attr attrs[] = {
    IG_ENUM(arg_reduce_attrs, fn, 0, names),
    IG_INT(arg_reduce_attrs, axis, 0),
    IG_INT(arg_reduce_attrs, keepdims, 1),
    IG_INT(arg_reduce_attrs, select_last_index, 0),
    {0},
};

static ingot_status infer(ig_infer *c)
{
    const arg_reduce_attrs *a = c->attrs;
    const ig_type *x = c->in[0];
    ig_type *out = &c->out[0];
    out->dtype = INGOT_I64;
    out->rank = IG_RANK_UNKNOWN;
    if (x->dtype != INGOT_NONE && (ig_calc_of(x->dtype) == IG_CALC_NONE || x->dtype == INGOT_BOOL))
        return ig_infer_fail(c, "arg%s is not defined for %s", names[a->fn],
                             ig_dtype(x->dtype)->name);
    if (x->rank < 0) return INGOT_OK;
    int axis;
    IG_TRY(ig_infer_axis(c, a->axis, x->rank, &axis));
    if (x->dims[axis] == 0) return ig_infer_fail(c, "axis %d is empty: it has no extreme", axis);
    out->rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (i != axis || a->keepdims) out->dims[out->rank++] = i == axis ? 1 : x->dims[i];
    return INGOT_OK;
}

typedef struct {
    const ig_tensor *x;
    int64_t *y;
    ig_axis_view view;
    ig_calc calc;
    bool max, last;
} arg_job;

/* v takes the place of best: for floats, NaN is beyond everything. */
#define BEATS(v, best)                                                 \
    ((v) != (v)         ? (best) == (best) || job->last                \
     : (best) != (best) ? false                                        \
     : job->max         ? (v) > (best) || (job->last && (v) == (best)) \
                        : (v) < (best) || (job->last && (v) == (best)))

#define SCAN(field, type)                                        \
    for (size_t i = 0; i < n; i++) {                             \
        const type v = in.field[i];                              \
        type *b = &best.field[i * step];                         \
        if ((first && (step || !i)) || BEATS(v, *b))             \
            *b = v, y[i * step] = (int64_t)(k + (step ? 0 : i)); \
    }                                                            \
    break

/* Takes n elements at position k of the axis into the best so far: neighbours of n outputs (step
 * 1), or n positions of one output (step 0). */
static void scan(const arg_job *job, ig_block *best_, int64_t *y, size_t at, size_t k, size_t n,
                 size_t step)
{
    ig_block in;
    const bool first = k == 0;
    ig_load(&in, job->calc, job->x->data, job->x->dtype, at, n);
#define best (*best_)
    switch (job->calc) {
    case IG_CALC_F32:
        SCAN(f32, float);
    case IG_CALC_F64:
        SCAN(f64, double);
    case IG_CALC_I64:
        SCAN(i64, int64_t);
    default:
        SCAN(u64, uint64_t);
    }
#undef best
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const arg_job *job = arg;
    const ig_axis_view *v = &job->view;
    ig_block best;
    size_t n;
    for (size_t at = begin; at < end; at += n) {
        const size_t outer = at / v->inner, inner = at % v->inner;
        const size_t base = outer * v->n * v->inner + inner;
        n = IG_MIN(IG_MIN(v->inner - inner, end - at), (size_t)IG_BLOCK);
        if (v->inner == 1)
            for (size_t k = 0; k < v->n; k += IG_BLOCK)
                scan(job, &best, job->y + at, base + k, k, IG_MIN(v->n - k, (size_t)IG_BLOCK), 0);
        else
            for (size_t k = 0; k < v->n; k++)
                scan(job, &best, job->y + at, base + k * v->inner, k, n, 1);
    }
}

/* ---- rows of f32 ---- */

enum { STRETCH = 4096 };

/* Where v lies in x, first or last; v is there. A block is compared to bytes, in which libc looks.
 */
static size_t find(const float *x, size_t n, float v, bool last)
{
    uint8_t hit[IG_BLOCK];
    compare_fn *equal = ig_compare_f32();
    for (size_t done = 0, m; done < n; done += m) {
        m = IG_MIN(n - done, (size_t)IG_BLOCK);
        const size_t at = last ? n - done - m : done;
        equal(hit, x + at, &v, m, IG_EQUAL, true);
        const uint8_t *found = last ? memrchr(hit, 1, m) : memchr(hit, 1, m);
        if (found) return at + (size_t)(found - hit);
    }
    return 0;
}

static size_t find_nan(const float *x, size_t n, bool last)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        if (x[i] != x[i]) {
            at = i;
            if (!last) break;
        }
    return at;
}

/* The place of a row's extreme: stretches that stay in the L1 cache each give theirs, and only the
 * winner's is searched for its place. */
static size_t place(const arg_job *job, reduce_rows_f32_fn *extreme, const float *x, size_t n)
{
    float best = 0;
    size_t from = 0;
    for (size_t at = 0; at < n; at += STRETCH) {
        float v;
        extreme(&v, x + at, 1, IG_MIN(n - at, (size_t)STRETCH));
        if (!at || BEATS(v, best)) best = v, from = at;
    }
    const size_t m = IG_MIN(n - from, (size_t)STRETCH);
    return from +
           (best != best ? find_nan(x + from, m, job->last) : find(x + from, m, best, job->last));
}

static void work_rows(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const arg_job *job = arg;
    const size_t n = job->view.n;
    reduce_rows_f32_fn *extreme = job->max ? ig_max_rows_f32() : ig_min_rows_f32();
    for (size_t r = begin; r < end; r++)
        job->y[r] = (int64_t)place(job, extreme, (const float *)job->x->data + r * n, n);
}

static ingot_status run(ig_run *r)
{
    const arg_reduce_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0];
    int axis;
    if (!ig_axis_wrap(a->axis, x->rank, &axis))
        return ig_run_fail(r, "axis %lld is outside rank %d", (long long)a->axis, x->rank);
    arg_job job = {x,
                   r->out[0]->data,
                   ig_axis_split(x->rank, x->dims, axis),
                   ig_calc_of(x->dtype),
                   a->fn == 0,
                   a->select_last_index != 0};
    if (job.view.n == 0) return ig_run_fail(r, "axis %d is empty: it has no extreme", axis);
    const bool rows = x->dtype == INGOT_F32 && job.view.inner == 1;
    const double each = (rows ? IG_NS_MOVE : 2 * IG_NS_BLOCK) * (double)job.view.n;
    ig_parallel(r->pool, job.view.outer * job.view.inner, ig_grain_ns(each), 0,
                rows ? work_rows : work, &job);
    return INGOT_OK;
}

const ig_op ig_op_arg_reduce = {
    .name = "arg_reduce",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(arg_reduce_attrs),
    .infer = infer,
    .run = run,
};
