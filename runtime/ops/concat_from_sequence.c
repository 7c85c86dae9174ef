/* concat_from_sequence.c - a sequence's items along an axis, or with new_axis stacked on a new one.
 */
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef struct {
    int64_t axis, new_axis;
} concat_attrs;

static const ig_attr attrs[] = {
    IG_INT(concat_attrs, axis, 0), IG_INT(concat_attrs, new_axis, 0), {0}};

static ingot_status infer(ig_infer *c)
{
    c->out[0].dtype = c->in[0]->dtype;
    return INGOT_OK;
}

/* Items agree in all dims except, when they are joined, along the axis. */
static bool agree(const ig_tensor *a, const ig_tensor *b, int axis, bool stack)
{
    if (a->dtype != b->dtype || a->rank != b->rank) return false;
    for (int d = 0; d < a->rank; d++)
        if ((stack || d != axis) && a->dims[d] != b->dims[d]) return false;
    return true;
}

static ingot_status shape(ig_run *r, int64_t *dims, int *rank, int *axis)
{
    const concat_attrs *a = r->attrs;
    const ig_tensor *in = r->in[0], *items = in->data;
    const size_t n = ig_tensor_elements(in);
    if (in->absent || in->kind != IG_SEQUENCE || !n)
        return ig_run_fail(r, "input 0 is not a sequence with items");
    const bool stack = a->new_axis != 0;
    *rank = items[0].rank + (stack ? 1 : 0);
    if (*rank > IG_MAX_RANK || a->axis < -(int64_t)*rank || a->axis >= *rank)
        return ig_run_fail(r, "axis %lld is outside rank %d", (long long)a->axis, *rank);
    *axis = (int)(a->axis < 0 ? a->axis + *rank : a->axis);
    int64_t length = stack ? (int64_t)n : 0;
    for (size_t i = 0; i < n; i++) {
        if (!agree(&items[0], &items[i], *axis, stack))
            return ig_run_fail(r, "item %zu has another type or shape than item 0", i);
        if (!stack && !ig_add_ok(length, items[i].dims[*axis], &length))
            return ig_run_fail(r, "the items are too long together");
    }
    for (int d = 0; d < *rank; d++) {
        const int from = stack && d > *axis ? d - 1 : d;
        dims[d] = d == *axis ? length : items[0].dims[from];
    }
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    int64_t dims[IG_MAX_RANK] = {0};
    int rank = 0, axis = 0;
    IG_TRY(shape(r, dims, &rank, &axis));
    const ig_tensor *items = r->in[0]->data;
    const size_t n = ig_tensor_elements(r->in[0]);
    IG_TRY(ig_run_output(r, 0, items[0].dtype, rank, dims));
    if (!r->out[0]) return INGOT_OK;
    size_t outer = 1;
    for (int d = 0; d < axis; d++) outer *= (size_t)dims[d];
    char *to = r->out[0]->data;
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < n; i++) {
            const size_t bytes =
                ig_tensor_elements(&items[i]) / outer * ig_dtype(items[i].dtype)->bytes;
            if (bytes) memcpy(to, (const char *)items[i].data + o * bytes, bytes);
            to += bytes;
        }
    return INGOT_OK;
}

const ig_op ig_op_concat_from_sequence = {
    .name = "concat_from_sequence",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_ALLOCATES | IG_OP_KINDS,
    .attrs = attrs,
    .attrs_bytes = sizeof(concat_attrs),
    .infer = infer,
    .run = run,
};
