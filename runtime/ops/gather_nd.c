/* gather_nd.c - slices that tuples of indices point to; the tuples are the last dimension of the
 * index tensor. The first batch_dims dims of data and indices go together. */
#include "runtime/ops/index.h"

typedef struct {
    int64_t batch_dims;
} gather_attrs;

static const ig_attr fields[] = {IG_INT(gather_attrs, batch_dims, 0), {0}};

static ingot_status infer(ig_infer *c)
{
    const gather_attrs *a = c->attrs;
    const ig_type *x = c->in[0], *index = c->in[1];
    ig_type *out = ig_infer_like(c);
    IG_TRY(ig_infer_ints(c, 1));
    if (x->rank < 0 || index->rank < 0) return INGOT_OK;
    if (index->rank < 1) return ig_infer_fail(c, "the indices must have at least one dimension");
    if (a->batch_dims < 0 || a->batch_dims >= IG_MIN(x->rank + 1, index->rank))
        return ig_infer_fail(c, "batch_dims %lld does not fit ranks %d and %d",
                             (long long)a->batch_dims, x->rank, index->rank);
    const int b = (int)a->batch_dims;
    for (int d = 0; d < b; d++)
        if (ig_dim_differ(x->dims[d], index->dims[d]))
            return ig_infer_fail(c, "batch dimension %d is %lld in the data, %lld in the indices",
                                 d, (long long)x->dims[d], (long long)index->dims[d]);
    const int64_t k = index->dims[index->rank - 1];
    if (k < 0) return INGOT_OK;
    if (k > x->rank - b)
        return ig_infer_fail(c, "tuples of %lld indices for %d dims", (long long)k, x->rank - b);
    const int rank = index->rank - 1 + x->rank - b - (int)k;
    if (rank > IG_MAX_RANK)
        return ig_infer_fail(c, "the rank would be %d (at most %d)", rank, IG_MAX_RANK);
    int to = 0;
    for (int d = 0; d < index->rank - 1; d++) out->dims[to++] = index->dims[d];
    for (int d = b + (int)k; d < x->rank; d++) out->dims[to++] = x->dims[d];
    out->rank = to;
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    size_t n;
    if (!ig_dims_elements(b->in[1]->rank - 1, b->in[1]->dims, &n) ||
        !ig_mul_ok(n, sizeof(int64_t), &b->scratch_bytes))
        return ig_bind_fail(b, "too many indices");
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const gather_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0], *index = r->in[1];
    const int b = (int)a->batch_dims, k = (int)index->dims[index->rank - 1];
    const size_t n = ig_span(index->dims, 0, index->rank - 1);
    IG_TRY(ig_tuple_rows(r, r->scratch, x, index, b));
    ig_rows_gather(r->pool, r->out[0]->data, x->data, r->scratch,
                   ig_span(x->dims, b + k, x->rank) * ig_elem(x->dtype), n);
    return INGOT_OK;
}

const ig_op ig_op_gather_nd = {
    .name = "gather_nd",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(gather_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
