/* clip.c - clip(x, low?, high?): limits are scalars of x's dtype. A low above high gives high; NaN
 * stays NaN. */
#include "runtime/ops/block.h"
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <math.h>

static ingot_status infer(ig_infer *c)
{
    c->out[0] = *c->in[0];
    if (c->in[0]->dtype != INGOT_NONE && ig_calc_of(c->in[0]->dtype) == IG_CALC_NONE)
        return ig_infer_fail(c, "clip is not defined for %s", ig_dtype(c->in[0]->dtype)->name);
    for (uint32_t i = 1; i < c->n_in; i++) {
        if (!c->in[i]) continue;
        size_t n;
        if (c->in[i]->dtype != INGOT_NONE && c->in[0]->dtype != INGOT_NONE &&
            c->in[i]->dtype != c->in[0]->dtype)
            return ig_infer_fail(c, "limit %u is %s, the data is %s", i,
                                 ig_dtype(c->in[i]->dtype)->name, ig_dtype(c->in[0]->dtype)->name);
        if (ig_type_elements(c->in[i], &n) && n != 1)
            return ig_infer_fail(c, "limit %u has %zu elements, not one", i, n);
    }
    return INGOT_OK;
}

typedef struct {
    const void *x;
    void *y;
    ingot_dtype dtype;
    ig_calc calc;
    bool has_low, has_high;
    ig_block low, high; /* the first element counts */
} clip_job;

#define CLIP(field)                                                                               \
    for (size_t i = 0; i < n; i++) {                                                              \
        out->field[i] = in->field[i];                                                             \
        if (job->has_low && out->field[i] < job->low.field[0]) out->field[i] = job->low.field[0]; \
        if (job->has_high && out->field[i] > job->high.field[0])                                  \
            out->field[i] = job->high.field[0];                                                   \
    }                                                                                             \
    return

static void clip_block(ig_block *out, const ig_block *in, size_t n, const clip_job *job)
{
    switch (job->calc) {
    case IG_CALC_F32:
        CLIP(f32);
    case IG_CALC_F64:
        CLIP(f64);
    case IG_CALC_I64:
        CLIP(i64);
    default:
        CLIP(u64);
    }
}

/* Without branches, for values around a limit are as good as random. y may be x. */
static void clip_floats(const clip_job *job, size_t begin, size_t end)
{
    const float low = job->has_low ? job->low.f32[0] : -INFINITY;
    const float high = job->has_high ? job->high.f32[0] : INFINITY;
    const float *x = job->x;
    float *y = job->y;
#pragma GCC ivdep
    for (size_t i = begin; i < end; i++) {
        const float above = x[i] < low ? low : x[i];
        y[i] = above > high ? high : above;
    }
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const clip_job *job = arg;
    ig_block in, out;
    if (job->dtype == INGOT_F32) {
        clip_floats(job, begin, end);
        return;
    }
    for (size_t at = begin; at < end; at += IG_BLOCK) {
        const size_t n = IG_MIN(end - at, (size_t)IG_BLOCK);
        ig_load(&in, job->calc, job->x, job->dtype, at, n);
        clip_block(&out, &in, n, job);
        ig_store(job->y, job->dtype, at, &out, job->calc, n);
    }
}

/* The limits of floats narrower than f32 are exact in f32: comparing there changes nothing. */
static ingot_status run(ig_run *r)
{
    clip_job job = {
        .x = r->in[0]->data,
        .y = r->out[0]->data,
        .dtype = r->in[0]->dtype,
        .calc = ig_calc_of(r->in[0]->dtype),
        .has_low = r->n_in > 1 && r->in[1],
        .has_high = r->n_in > 2 && r->in[2],
    };
    for (uint32_t i = 1; i < r->n_in; i++)
        if (r->in[i] && ig_tensor_elements(r->in[i]) != 1)
            return ig_run_fail(r, "limit %u has %zu elements, not one", i,
                               ig_tensor_elements(r->in[i]));
    if (job.has_low) ig_load(&job.low, job.calc, r->in[1]->data, job.dtype, 0, 1);
    if (job.has_high) ig_load(&job.high, job.calc, r->in[2]->data, job.dtype, 0, 1);
    ig_parallel(r->pool, ig_tensor_elements(r->in[0]), IG_GRAIN, 0, work, &job);
    return INGOT_OK;
}

const ig_op ig_op_clip = {
    .name = "clip",
    .min_in = 1,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_INPLACE,
    .infer = infer,
    .run = run,
};
