/* tensor_scatter.c - write an update into a cache along the sequence axis, from a position of its
 * own for each of the batch (input 2; default 0). Circular: positions wrap around. */
#include "runtime/ops/index.h"

enum { LINEAR, CIRCULAR };
static const char *const modes[] = {"linear", "circular", NULL};

typedef struct {
    int64_t axis;
    int mode;
} scatter_attrs;

static const ig_attr fields[] = {
    IG_INT(scatter_attrs, axis, -2), IG_ENUM(scatter_attrs, mode, LINEAR, modes), {0}};

static ingot_status infer(ig_infer *c)
{
    const scatter_attrs *a = c->attrs;
    const ig_type *x = c->in[0], *update = c->in[1];
    IG_TRY(ig_infer_ints(c, 2));
    if (x->dtype && update->dtype && x->dtype != update->dtype)
        return ig_infer_fail(c, "the update is %s, the cache %s", ig_dtype(update->dtype)->name,
                             ig_dtype(x->dtype)->name);
    if (x->rank < 0) return ig_infer_same(c);
    int axis;
    IG_TRY(ig_infer_axis(c, a->axis, x->rank, &axis));
    if (axis == 0) return ig_infer_fail(c, "the axis may not be the batch");
    if (update->rank >= 0 && update->rank != x->rank)
        return ig_infer_fail(c, "the update has rank %d, the cache %d", update->rank, x->rank);
    for (int d = 0; d < x->rank && update->rank >= 0; d++) {
        const bool fits = d == axis ? x->dims[d] < 0 || update->dims[d] <= x->dims[d]
                                    : !ig_dim_differ(x->dims[d], update->dims[d]);
        if (!fits)
            return ig_infer_fail(c, "dimension %d is %lld in the update, %lld in the cache", d,
                                 (long long)update->dims[d], (long long)x->dims[d]);
    }
    if (ig_has(c, 2) && c->in[2]->rank >= 0 &&
        (c->in[2]->rank != 1 || ig_dim_differ(c->in[2]->dims[0], x->dims[0])))
        return ig_infer_fail(c, "write_indices must hold one position for each of the batch");
    return ig_infer_same(c);
}

static ingot_status run(ig_run *r)
{
    const scatter_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0], *update = r->in[1];
    const ig_tensor *start = r->n_in > 2 ? r->in[2] : NULL;
    const int axis = (int)(a->axis < 0 ? a->axis + x->rank : a->axis);
    const size_t outer = ig_span(x->dims, 0, axis), elem = ig_elem(x->dtype);
    const size_t row = ig_span(x->dims, axis + 1, x->rank) * elem;
    const int64_t limit = x->dims[axis], steps = update->dims[axis];
    const size_t bytes = outer * (size_t)limit * row;
    char *y = r->out[0]->data;
    if (y != x->data && bytes) memcpy(y, x->data, bytes);
    if (bytes == 0 || steps == 0) return INGOT_OK;
    for (size_t o = 0; o < outer; o++) {
        const size_t batch = o / (outer / (size_t)x->dims[0]);
        const int64_t first = start ? ig_index_at(start, batch) : 0;
        if (first < 0 || (a->mode == LINEAR && first > limit - steps))
            return ig_run_fail(r, "position %lld plus %lld steps is outside a cache of %lld",
                               (long long)first, (long long)steps, (long long)limit);
        for (int64_t s = 0; s < steps; s++) {
            const size_t to = (size_t)((first % limit + s) % limit);
            memcpy(y + (o * (size_t)limit + to) * row,
                   (const char *)update->data + (o * (size_t)steps + (size_t)s) * row, row);
        }
    }
    return INGOT_OK;
}

const ig_op ig_op_tensor_scatter = {
    .name = "tensor_scatter",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_INPLACE,
    .attrs = fields,
    .attrs_bytes = sizeof(scatter_attrs),
    .infer = infer,
    .run = run,
};
