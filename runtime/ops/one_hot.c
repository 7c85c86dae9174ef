/* one_hot.c - a new dimension of `depth` where one element is "on". Inputs: indices, depth, values
 * [off, on]. Indices count from the end when negative; those outside give only "off". */
#include "runtime/ops/index.h"

typedef struct {
    int64_t axis;
} one_hot_attrs;

static const ig_attr fields[] = {IG_INT(one_hot_attrs, axis, -1), {0}};

/* false: not a size. */
static bool read_depth(const ig_tensor *t, int64_t *depth)
{
    if (ig_tensor_elements(t) != 1) return false;
    const double v = ig_to_double(t->data, t->dtype, 0);
    *depth = ig_is_ints(t->dtype) ? ig_to_int(t->data, t->dtype, 0) : (int64_t)-1;
    if (!ig_is_ints(t->dtype) && v >= 0 && v < 9e15) *depth = (int64_t)v;
    return *depth >= 0;
}

static ingot_status infer(ig_infer *c)
{
    const one_hot_attrs *a = c->attrs;
    const ig_type *index = c->in[0];
    const ig_dtype_class class_ = ig_dtype(index->dtype)->class_;
    c->out[0] = (ig_type){.dtype = c->in[2]->dtype, .rank = IG_RANK_UNKNOWN};
    if (class_ == IG_CLASS_STR || class_ == IG_CLASS_COMPLEX)
        return ig_infer_fail(c, "indices cannot be %s", ig_dtype(index->dtype)->name);
    if (c->in[2]->rank >= 0 && (c->in[2]->rank != 1 || ig_dim_differ(c->in[2]->dims[0], 2)))
        return ig_infer_fail(c, "values must be [off, on]");
    int64_t depth = IG_DIM_UNKNOWN;
    if (c->known[1] && !read_depth(c->known[1], &depth))
        return ig_infer_fail(c, "the depth must be one number, 0 or more");
    if (index->rank < 0) return INGOT_OK;
    if (index->rank + 1 > IG_MAX_RANK)
        return ig_infer_fail(c, "the rank would be above %d", IG_MAX_RANK);
    int axis;
    IG_TRY(ig_infer_axis(c, a->axis, index->rank + 1, &axis));
    c->out[0].rank = index->rank + 1;
    for (int d = 0, from = 0; d < c->out[0].rank; d++)
        c->out[0].dims[d] = d == axis ? depth : index->dims[from++];
    return INGOT_OK;
}

/* The index as a place in [0, depth), or -1. */
static int64_t place(const ig_tensor *t, size_t i, int64_t depth)
{
    int64_t v;
    if (ig_dtype(t->dtype)->class_ == IG_CLASS_FLOAT) {
        const double x = ig_to_double(t->data, t->dtype, i);
        if (!(x > -9e15 && x < 9e15) || x != (double)(int64_t)x) return -1;
        v = (int64_t)x;
    } else {
        v = ig_index_at(t, i);
    }
    return ig_index_ok(&v, depth) ? v : -1;
}

static ingot_status run(ig_run *r)
{
    const one_hot_attrs *a = r->attrs;
    const ig_tensor *index = r->in[0], *values = r->in[2];
    ig_tensor *y = r->out[0];
    const int axis = (int)(a->axis < 0 ? a->axis + y->rank : a->axis);
    const size_t elem = ig_elem(y->dtype), n = ig_tensor_elements(index);
    const size_t inner = ig_span(y->dims, axis + 1, y->rank), all = ig_tensor_elements(y);
    const size_t depth = (size_t)y->dims[axis];
    const char *on = (const char *)values->data + elem;
    if (all == 0) return INGOT_OK;
    ig_copy_fill(y->data, values->data, elem, all);
    for (size_t i = 0; i < n; i++) {
        const int64_t at = place(index, i, y->dims[axis]);
        if (at < 0) continue;
        const size_t to = (i / inner * depth + (size_t)at) * inner + i % inner;
        memcpy((char *)y->data + to * elem, on, elem);
    }
    return INGOT_OK;
}

const ig_op ig_op_one_hot = {
    .name = "one_hot",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(one_hot_attrs),
    .infer = infer,
    .run = run,
};
