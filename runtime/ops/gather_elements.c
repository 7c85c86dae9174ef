/* gather_elements.c - y[i][j] = data[index[i][j]][j] (for axis 0), shape of the index. */
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
    *out = *index;
    out->dtype = x->dtype;
    if (x->rank < 0 || index->rank < 0) return INGOT_OK;
    int axis;
    IG_TRY(ig_infer_axis(c, a->axis, x->rank, &axis));
    if (x->rank != index->rank)
        return ig_infer_fail(c, "the indices have rank %d, the data %d", index->rank, x->rank);
    for (int d = 0; d < x->rank; d++)
        if (d != axis && x->dims[d] >= 0 && index->dims[d] > x->dims[d])
            return ig_infer_fail(c, "the indices have size %lld in dimension %d, the data %lld",
                                 (long long)index->dims[d], d, (long long)x->dims[d]);
    return INGOT_OK;
}

typedef struct {
    const ig_tensor *x, *index;
    ig_tensor *y;
    int axis;
} elements_task;

static void pick(void *arg, size_t at, const int64_t *offset, size_t n)
{
    const elements_task *t = arg;
    const size_t bytes = ig_elem(t->x->dtype);
    ig_copy_pick((char *)t->y->data + at * bytes, t->x->data, offset, bytes, n);
}

static void rows_range(void *arg, size_t begin, size_t end, size_t worker)
{
    elements_task *t = arg;
    (void)worker;
    ig_elements_walk(t->x, t->index, t->axis, begin, end, pick, t);
}

static ingot_status run(ig_run *r)
{
    const gather_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0], *index = r->in[1];
    const int axis = (int)(a->axis < 0 ? a->axis + x->rank : a->axis);
    const size_t all = ig_tensor_elements(index);
    if (all == 0) return INGOT_OK;
    IG_TRY(ig_index_check(r, index, x->dims[axis]));
    elements_task t = {x, index, r->out[0], axis};
    const size_t n = (size_t)index->dims[index->rank - 1];
    ig_parallel(r->pool, all / n, ig_grain(8 * n), 0, rows_range, &t);
    return INGOT_OK;
}

const ig_op ig_op_gather_elements = {
    .name = "gather_elements",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(gather_attrs),
    .infer = infer,
    .run = run,
};
