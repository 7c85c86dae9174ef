/* linear_model.c - linear_model(x, coefficients, intercepts): scores [N, E] f32 of linear and
 * logistic regression, and for classifiers the class's index i64 [N].
 *
 *   x             [N, C] or [C], any number
 *   coefficients  f32 [E, C], intercepts f32 [E] or [0]
 *
 * Sums run in double in the order of the features: a row's result does not depend on its batch. A
 * classifier of two classes with one row of coefficients scores the second and derives the first.
 */
#include "runtime/graph/op.h"
#include "runtime/ops/class_scores.h"
#include "runtime/base/checked.h"

typedef struct {
    int64_t classifier, pair;
    int post;
} linear_attrs;

static const ig_attr attrs[] = {
    IG_INT(linear_attrs, classifier, 0),
    IG_INT(linear_attrs, pair, 0),
    IG_ENUM(linear_attrs, post, IG_POST_NONE, ig_post_names),
    {0},
};

static ingot_status check(const ig_infer *c)
{
    const ig_type *x = c->in[0], *w = c->in[1], *b = c->in[2];
    if (x->dtype == INGOT_STR || (x->rank >= 0 && (x->rank < 1 || x->rank > 2)))
        return ig_infer_fail(c, "x must be numbers [N, C]");
    if (w->dtype != INGOT_F32 || b->dtype != INGOT_F32 || w->rank != 2 || b->rank != 1 ||
        w->dims[0] < 1 || (b->dims[0] != 0 && b->dims[0] != w->dims[0]))
        return ig_infer_fail(c, "coefficients and intercepts must be f32 [E, C] and [E]");
    if (x->rank > 0 && ig_dim_differ(x->dims[x->rank - 1], w->dims[1]))
        return ig_infer_fail(c, "x has %lld features, the model %lld",
                             (long long)x->dims[x->rank - 1], (long long)w->dims[1]);
    if (((const linear_attrs *)c->attrs)->pair && w->dims[0] != 1)
        return ig_infer_fail(c, "pair=1 with %lld rows of coefficients", (long long)w->dims[0]);
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    IG_TRY(check(c));
    const ig_type *x = c->in[0];
    c->out[0].dtype = INGOT_F32;
    if (c->n_out > 1) c->out[1].dtype = INGOT_I64;
    if (x->rank < 0) return INGOT_OK;
    c->out[0].rank = 2;
    c->out[0].dims[0] = x->rank == 2 ? x->dims[0] : 1;
    c->out[0].dims[1] = ((const linear_attrs *)c->attrs)->pair ? 2 : c->in[1]->dims[0];
    if (c->n_out > 1) c->out[1] = ig_type_tensor(INGOT_I64, 1, c->out[0].dims);
    return INGOT_OK;
}

/* A worker's scores. */
static ingot_status bind(ig_bind *b)
{
    const size_t each = ((size_t)b->in[1]->dims[0] + 1) * sizeof(double);
    if (!ig_mul_ok((each + IG_ALIGN - 1) / IG_ALIGN * IG_ALIGN, b->n_threads, &b->scratch_bytes))
        return ig_bind_fail(b, "too many scores");
    return INGOT_OK;
}

typedef struct {
    ig_run *r;
    const linear_attrs *a;
    size_t n_scores, cols, slice;
} job;

static double one_score(const job *j, size_t row, size_t e)
{
    const ig_tensor *x = j->r->in[0], *b = j->r->in[2];
    const float *w = (const float *)j->r->in[1]->data + e * j->cols;
    double sum = 0;
    if (x->dtype == INGOT_F32) {
        const float *v = (const float *)x->data + row * j->cols;
        for (size_t c = 0; c < j->cols; c++) sum += (double)v[c] * (double)w[c];
    } else {
        for (size_t c = 0; c < j->cols; c++)
            sum += ig_to_double(x->data, x->dtype, row * j->cols + c) * (double)w[c];
    }
    return sum + (b->dims[0] ? (double)((const float *)b->data)[e] : 0);
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    double *v = (double *)(void *)((char *)j->r->scratch + worker * j->slice);
    int64_t *index = j->r->n_out > 1 && j->r->out[1] ? j->r->out[1]->data : NULL;
    const size_t n_out = j->a->pair ? 2 : j->n_scores;
    for (size_t row = begin; row < end; row++) {
        size_t best = 0;
        for (size_t e = 0; e < j->n_scores; e++) {
            v[e] = one_score(j, row, e);
            if (v[e] > v[best]) best = e;
        }
        if (j->a->classifier && j->n_scores == 1) best = v[0] > 0;
        if (j->a->pair)
            ig_post_pair(v, (ig_post)j->a->post, IG_SECOND_COMPLEMENT);
        else
            ig_post_scores(v, n_out, (ig_post)j->a->post);
        if (index) index[row] = (int64_t)best;
        if (!j->r->out[0]) continue;
        float *out = (float *)j->r->out[0]->data + row * n_out;
        for (size_t k = 0; k < n_out; k++) out[k] = (float)v[k];
    }
}

static ingot_status run(ig_run *r)
{
    enum { GRAIN_ELEMENTS = 32768 };
    const ig_tensor *x = r->in[0], *w = r->in[1];
    job j = {r, r->attrs, (size_t)w->dims[0], (size_t)w->dims[1], 0};
    j.slice = ((j.n_scores + 1) * sizeof(double) + IG_ALIGN - 1) / IG_ALIGN * IG_ALIGN;
    const size_t rows = x->rank == 2 ? (size_t)x->dims[0] : 1;
    const size_t work_a_row = j.n_scores * j.cols + 1;
    ig_parallel(r->pool, rows, GRAIN_ELEMENTS / work_a_row, 0, work, &j);
    return INGOT_OK;
}

static void cost(ig_cost *out, const ig_bind *b)
{
    const double rows = b->in[0]->rank == 2 ? (double)b->in[0]->dims[0] : 1;
    out->flops = 2 * rows * (double)b->in[1]->dims[0] * (double)b->in[1]->dims[1];
}

const ig_op ig_op_linear_model = {
    .name = "linear_model",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 2,
    .attrs = attrs,
    .attrs_bytes = sizeof(linear_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
