/* scatter_elements.c - data with data[index[i][j]][j] op= updates[i][j] (for axis 0).
 *
 * Updates are taken in their order, on one thread: with repeated indices the result does not depend
 * on anything else. */
#include "runtime/ops/index.h"

typedef struct {
    int64_t axis;
    int reduction;
} scatter_attrs;

static const ig_attr fields[] = {
    IG_INT(scatter_attrs, axis, 0), IG_ENUM(scatter_attrs, reduction, IG_PUT, ig_put_names), {0}};

static ingot_status infer(ig_infer *c)
{
    const scatter_attrs *a = c->attrs;
    const ig_type *x = c->in[0], *index = c->in[1], *updates = c->in[2];
    IG_TRY(ig_infer_put(c, (ig_put)a->reduction));
    if (x->rank < 0) return ig_infer_same(c);
    int axis;
    IG_TRY(ig_infer_axis(c, a->axis, x->rank, &axis));
    for (int d = 0; d < x->rank; d++) {
        if ((index->rank >= 0 && index->rank != x->rank) ||
            (updates->rank >= 0 && updates->rank != x->rank))
            return ig_infer_fail(c, "indices and updates must have the data's rank %d", x->rank);
        if (index->rank < 0 || updates->rank < 0) continue;
        if (ig_dim_differ(index->dims[d], updates->dims[d]))
            return ig_infer_fail(c, "dimension %d is %lld in the indices, %lld in the updates", d,
                                 (long long)index->dims[d], (long long)updates->dims[d]);
        if (d != axis && x->dims[d] >= 0 && index->dims[d] > x->dims[d])
            return ig_infer_fail(c, "dimension %d is %lld in the indices, %lld in the data", d,
                                 (long long)index->dims[d], (long long)x->dims[d]);
    }
    return ig_infer_same(c);
}

typedef struct {
    char *y;
    const char *updates;
    size_t bytes;
    ig_combine_fn *combine; /* NULL: overwrite */
} scatter_task;

static void put(void *arg, size_t at, const int64_t *offset, size_t n)
{
    const scatter_task *t = arg;
    const char *x = t->updates + at * t->bytes;
    for (size_t i = 0; i < n; i++, x += t->bytes) {
        char *y = t->y + (size_t)offset[i] * t->bytes;
        if (t->combine)
            t->combine(y, x, 1);
        else
            memcpy(y, x, t->bytes);
    }
}

static ingot_status run(ig_run *r)
{
    const scatter_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0], *index = r->in[1];
    ig_tensor *y = r->out[0];
    const size_t bytes = ig_tensor_elements(x) * ig_elem(x->dtype);
    const size_t all = ig_tensor_elements(index);
    const int axis = (int)(a->axis < 0 ? a->axis + x->rank : a->axis);
    IG_TRY(ig_index_check(r, index, x->dims[axis]));
    if (y->data != x->data && bytes) memcpy(y->data, x->data, bytes);
    if (all == 0) return INGOT_OK;
    scatter_task t = {y->data, r->in[2]->data, ig_elem(x->dtype),
                      ig_combine(x->dtype, (ig_put)a->reduction)};
    ig_elements_walk(y, index, axis, 0, all / (size_t)index->dims[index->rank - 1], put, &t);
    return INGOT_OK;
}

const ig_op ig_op_scatter_elements = {
    .name = "scatter_elements",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_INPLACE,
    .attrs = fields,
    .attrs_bytes = sizeof(scatter_attrs),
    .infer = infer,
    .run = run,
};
