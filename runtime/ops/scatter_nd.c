/* scatter_nd.c - data with the slices that tuples of indices point to overwritten by, or combined
 * with, the updates. Updates are taken in their order. */
#include "runtime/ops/index.h"

typedef struct {
    int reduction;
} scatter_attrs;

static const ig_attr fields[] = {IG_ENUM(scatter_attrs, reduction, IG_PUT, ig_put_names), {0}};

static ingot_status infer(ig_infer *c)
{
    const scatter_attrs *a = c->attrs;
    const ig_type *x = c->in[0], *index = c->in[1], *updates = c->in[2];
    IG_TRY(ig_infer_put(c, (ig_put)a->reduction));
    if (index->rank == 0) return ig_infer_fail(c, "the indices must have at least one dimension");
    if (x->rank < 0 || index->rank < 0 || index->dims[index->rank - 1] < 0) return ig_infer_same(c);
    const int64_t k = index->dims[index->rank - 1];
    if (k > x->rank)
        return ig_infer_fail(c, "tuples of %lld indices for %d dims", (long long)k, x->rank);
    const int lead = index->rank - 1, rank = lead + x->rank - (int)k;
    if (updates->rank < 0) return ig_infer_same(c);
    if (updates->rank != rank)
        return ig_infer_fail(c, "the updates have rank %d, not %d", updates->rank, rank);
    for (int d = 0; d < rank; d++) {
        const int64_t want = d < lead ? index->dims[d] : x->dims[(int)k + d - lead];
        if (ig_dim_differ(updates->dims[d], want))
            return ig_infer_fail(c, "dimension %d of the updates is %lld, not %lld", d,
                                 (long long)updates->dims[d], (long long)want);
    }
    return ig_infer_same(c);
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
    const scatter_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0], *index = r->in[1];
    const size_t elem = ig_elem(x->dtype), bytes = ig_tensor_elements(x) * elem;
    const size_t n = ig_span(index->dims, 0, index->rank - 1);
    const size_t slice = ig_span(x->dims, (int)index->dims[index->rank - 1], x->rank);
    const int64_t *row = r->scratch;
    ig_combine_fn *combine = ig_combine(x->dtype, (ig_put)a->reduction);
    char *y = r->out[0]->data;
    const char *updates = r->in[2]->data;
    IG_TRY(ig_tuple_rows(r, r->scratch, x, index, 0));
    if (y != x->data && bytes) memcpy(y, x->data, bytes);
    for (size_t i = 0; i < n && slice; i++) {
        char *to = y + (size_t)row[i] * slice * elem;
        if (combine)
            combine(to, updates + i * slice * elem, slice);
        else
            memcpy(to, updates + i * slice * elem, slice * elem);
    }
    return INGOT_OK;
}

const ig_op ig_op_scatter_nd = {
    .name = "scatter_nd",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_INPLACE,
    .attrs = fields,
    .attrs_bytes = sizeof(scatter_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
