/* relative_bias.c - relative_bias(x, table) -> what is added to the scores of attention for how far
 * a key lies from a query (T5, MPNet; Raffel et al. 2020).
 *
 *   x      any [B, T, ..]: only T counts
 *   table  f32 [rows, H], rows >= buckets
 *   y      f32 [1, H, T, T]: y[0, h, i, j] = table[bucket(j - i), h]
 *
 * The first half of the buckets is for keys at or before the query, the other for those after it.
 * Of a half, the first half has a bucket for each distance; the rest grow with its logarithm up to
 * max_distance, and the last holds all that is farther. In f32, as the models were trained. */
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <math.h>

typedef struct {
    int64_t buckets, max_distance;
} bias_attrs;

static const ig_attr attrs[] = {
    IG_INT(bias_attrs, buckets, 32),
    IG_INT(bias_attrs, max_distance, 128),
    {0},
};

enum { X, TABLE };

static ingot_status infer(ig_infer *c)
{
    const bias_attrs *a = c->attrs;
    const ig_type *x = c->in[X], *t = c->in[TABLE];
    if (a->buckets < 4 || a->buckets > INT32_MAX || a->buckets % 4 ||
        a->max_distance <= a->buckets / 4 || a->max_distance > INT32_MAX)
        return ig_infer_fail(c, "%lld buckets up to a distance of %lld", (long long)a->buckets,
                             (long long)a->max_distance);
    if (x->rank >= 0 && x->rank < 2) return ig_infer_fail(c, "x has rank %d, not 2", x->rank);
    if (t->dtype != INGOT_NONE && t->dtype != INGOT_F32)
        return ig_infer_fail(c, "the table is %s, not f32", ig_dtype(t->dtype)->name);
    if (t->rank >= 0 && t->rank != 2)
        return ig_infer_fail(c, "the table has rank %d, not 2", t->rank);
    if (t->rank == 2 && t->dims[0] >= 0 && t->dims[0] < a->buckets)
        return ig_infer_fail(c, "the table has %lld rows for %lld buckets", (long long)t->dims[0],
                             (long long)a->buckets);
    const int64_t tokens = x->rank < 0 ? IG_DIM_UNKNOWN : x->dims[1];
    const int64_t dims[] = {1, t->rank < 0 ? IG_DIM_UNKNOWN : t->dims[1], tokens, tokens};
    c->out[0] = ig_type_tensor(INGOT_F32, IG_LEN(dims), dims);
    return INGOT_OK;
}

static size_t bucket_of(const bias_attrs *a, int64_t distance)
{
    const int64_t half = a->buckets / 2, exact = half / 2;
    const int64_t far = distance < 0 ? -distance : distance;
    int64_t at = far;
    if (far >= exact) {
        const float part =
            logf((float)far / (float)exact) / (float)log((double)a->max_distance / (double)exact);
        at = exact + (int64_t)(part * (float)(half - exact));
    }
    return (size_t)(IG_MIN(at, half - 1) + (distance > 0 ? half : 0));
}

static void head(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const ig_run *r = arg;
    const size_t heads = (size_t)r->out[0]->dims[1], n = (size_t)r->out[0]->dims[2];
    const int64_t *bucket = r->scratch; /* [2 n - 1]: of distances -(n - 1) .. n - 1 */
    const float *table = r->in[TABLE]->data;
    for (size_t h = begin; h < end; h++) {
        float *y = (float *)r->out[0]->data + h * n * n;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                y[i * n + j] = table[(size_t)bucket[n - 1 + j - i] * heads + h];
    }
}

static ingot_status bind(ig_bind *b)
{
    const size_t n = (size_t)b->out[0]->dims[2];
    if (!ig_mul_ok(n, 2 * sizeof(int64_t), &b->scratch_bytes))
        return ig_bind_fail(b, "too many tokens");
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const bias_attrs *a = r->attrs;
    const int64_t n = r->out[0]->dims[2];
    int64_t *bucket = r->scratch;
    for (int64_t d = 1 - n; d < n; d++) bucket[n - 1 + d] = (int64_t)bucket_of(a, d);
    ig_parallel(r->pool, (size_t)r->out[0]->dims[1], 1, 0, head, r);
    return INGOT_OK;
}

const ig_op ig_op_relative_bias = {
    .name = "relative_bias",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(bias_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
