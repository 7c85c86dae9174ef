/* compress.c - the slices along an axis (or, without one, the elements) for which a condition
 * holds. The condition may be shorter than the axis: the rest is left out. */
#include "runtime/ops/index.h"

typedef struct {
    int64_t axis; /* IG_NO_AXIS: of the flattened input */
} compress_attrs;

static const ig_attr fields[] = {IG_INT(compress_attrs, axis, IG_NO_AXIS), {0}};

static ingot_status infer(ig_infer *c)
{
    const compress_attrs *a = c->attrs;
    const ig_type *x = c->in[0], *condition = c->in[1];
    ig_type *out = ig_infer_like(c);
    if (condition->dtype && condition->dtype != INGOT_BOOL)
        return ig_infer_fail(c, "the condition is %s, not bool", ig_dtype(condition->dtype)->name);
    if (condition->rank >= 0 && condition->rank != 1)
        return ig_infer_fail(c, "the condition has rank %d, not 1", condition->rank);
    int axis = 0;
    if (a->axis == IG_NO_AXIS) {
        out->rank = 1;
    } else if (x->rank >= 0) {
        IG_TRY(ig_infer_axis(c, a->axis, x->rank, &axis));
        *out = *x;
    }
    if (out->rank > 0) out->dims[axis] = IG_DIM_UNKNOWN;
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    size_t n;
    if (!ig_type_elements(b->in[1], &n) || !ig_mul_ok(n, sizeof(int64_t), &b->scratch_bytes))
        return ig_bind_fail(b, "the condition is too long");
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const compress_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0];
    const uint8_t *condition = r->in[1]->data;
    const size_t n = ig_tensor_elements(r->in[1]), elem = ig_elem(x->dtype);
    int axis = 0, rank = 1;
    int64_t dims[IG_MAX_RANK] = {0};
    size_t size = ig_tensor_elements(x), outer = 1, row = elem, kept = 0;
    if (a->axis != IG_NO_AXIS) {
        axis = (int)(a->axis < 0 ? a->axis + x->rank : a->axis);
        rank = x->rank;
        memcpy(dims, x->dims, sizeof dims);
        size = (size_t)x->dims[axis];
        outer = ig_span(x->dims, 0, axis);
        row = ig_span(x->dims, axis + 1, rank) * elem;
    }
    int64_t *index = r->scratch;
    for (size_t i = 0; i < n; i++) {
        if (!condition[i]) continue;
        if (i >= size) return ig_run_fail(r, "the condition selects element %zu of %zu", i, size);
        index[kept++] = (int64_t)i;
    }
    dims[axis] = (int64_t)kept;
    IG_TRY(ig_run_output(r, 0, x->dtype, rank, dims));
    if (!r->out[0]) return INGOT_OK;
    for (size_t o = 0; o < outer; o++)
        ig_rows_gather(r->pool, (char *)r->out[0]->data + o * kept * row,
                       (const char *)x->data + o * size * row, index, row, kept);
    return INGOT_OK;
}

const ig_op ig_op_compress = {
    .name = "compress",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_ALLOCATES,
    .attrs = fields,
    .attrs_bytes = sizeof(compress_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
