/* gather.c - slices of the data along an axis, in the order of an index tensor (embeddings). */
#include "runtime/ops/index.h"

typedef struct {
    int64_t axis;
} gather_attrs;

static const ig_attr fields[] = {IG_INT(gather_attrs, axis, 0), {0}};

static ingot_status infer(ig_infer *c)
{
    const gather_attrs *a = c->attrs;
    const ig_type *x = c->in[0], *index = c->in[1];
    ig_type *out = ig_infer_like(c);
    IG_TRY(ig_infer_ints(c, 1));
    int axis;
    if (x->rank < 0) return INGOT_OK;
    IG_TRY(ig_infer_axis(c, a->axis, x->rank, &axis));
    if (index->rank < 0) return INGOT_OK;
    const int rank = x->rank - 1 + index->rank;
    if (rank > IG_MAX_RANK)
        return ig_infer_fail(c, "the rank would be %d (at most %d)", rank, IG_MAX_RANK);
    int to = 0;
    for (int d = 0; d < axis; d++) out->dims[to++] = x->dims[d];
    for (int d = 0; d < index->rank; d++) out->dims[to++] = index->dims[d];
    for (int d = axis + 1; d < x->rank; d++) out->dims[to++] = x->dims[d];
    out->rank = to;
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    size_t n;
    if (!ig_type_elements(b->in[1], &n) || !ig_mul_ok(n, sizeof(int64_t), &b->scratch_bytes))
        return ig_bind_fail(b, "too many indices");
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const gather_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0], *index = r->in[1];
    const int axis = (int)(a->axis < 0 ? a->axis + x->rank : a->axis);
    const size_t n = ig_tensor_elements(index), outer = ig_span(x->dims, 0, axis);
    const size_t bytes = ig_span(x->dims, axis + 1, x->rank) * ig_elem(x->dtype);
    const int64_t size = x->dims[axis];
    int64_t *row = r->scratch;
    IG_TRY(ig_index_check(r, index, size));
    for (size_t i = 0; i < n; i++) {
        row[i] = ig_index_at(index, i);
        if (row[i] < 0) row[i] += size;
    }
    char *y = r->out[0]->data;
    for (size_t o = 0; o < outer; o++)
        ig_rows_gather(r->pool, y + o * n * bytes, (char *)x->data + o * (size_t)size * bytes, row,
                       bytes, n);
    return INGOT_OK;
}

const ig_op ig_op_gather = {
    .name = "gather",
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
