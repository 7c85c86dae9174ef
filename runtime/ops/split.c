/* split.c - pieces along an axis, one an output: of the sizes in input 1, or equal ones of which
 * the last may be shorter. */
#include "runtime/ops/move.h"

typedef struct {
    int64_t axis;
} split_attrs;

static const ig_attr fields[] = {IG_INT(split_attrs, axis, 0), {0}};

/* Size of part i of n: from `told`, or equal ones. */
static int64_t part_size(const ig_tensor *told, int64_t size, uint32_t n, uint32_t i)
{
    if (told) return ig_to_int(told->data, told->dtype, i);
    const int64_t part = size / n + (size % n != 0);
    const int64_t before = (int64_t)i <= size / IG_MAX(part, (int64_t)1) ? part * (int64_t)i : size;
    return IG_MIN(part, size - IG_MIN(before, size));
}

static ingot_status check_told(ig_infer *c, int64_t size)
{
    const ig_tensor *t = c->known[1];
    if (!ig_is_ints(t->dtype) || ig_tensor_elements(t) != c->n_out)
        return ig_infer_fail(c, "split must hold %u integers, one an output", c->n_out);
    int64_t sum = 0;
    for (uint32_t i = 0; i < c->n_out; i++) {
        const int64_t part = ig_to_int(t->data, t->dtype, i);
        if (part < 0) return ig_infer_fail(c, "split holds %lld", (long long)part);
        IG_TRY(ig_dim_sum(c, sum, part, &sum));
    }
    if (size >= 0 && sum != size)
        return ig_infer_fail(c, "split sums to %lld, the dimension is %lld", (long long)sum,
                             (long long)size);
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const split_attrs *a = c->attrs;
    const ig_type *in = c->in[0];
    IG_TRY(ig_infer_ints(c, 1));
    int axis = 0;
    if (in->rank >= 0) IG_TRY(ig_infer_axis(c, a->axis, in->rank, &axis));
    for (uint32_t i = 0; i < c->n_out; i++) c->out[i] = *in;
    if (in->rank < 0) return INGOT_OK;
    const int64_t size = in->dims[axis];
    const ig_tensor *told = ig_has(c, 1) ? c->known[1] : NULL;
    const bool open = ig_has(c, 1) ? !told : size < 0;
    if (told) IG_TRY(check_told(c, size));
    for (uint32_t i = 0; i < c->n_out; i++)
        c->out[i].dims[axis] = open ? IG_DIM_UNKNOWN : part_size(told, size, c->n_out, i);
    return INGOT_OK;
}

typedef struct {
    size_t bytes; /* offset in the input */
    ig_copy copy;
} split_part;

static ingot_status bind(ig_bind *b)
{
    const split_attrs *a = b->attrs;
    const ig_type *in = b->in[0];
    const int axis = (int)(a->axis < 0 ? a->axis + in->rank : a->axis);
    split_part *parts = ig_bind_state(b, b->n_out * sizeof *parts);
    if (!parts) return INGOT_E_NOMEM;
    ptrdiff_t to[IG_MAX_RANK], from[IG_MAX_RANK];
    ig_strides(from, in->rank, in->dims);
    const ig_tensor *told = b->n_in > 1 && b->in[1] ? b->known[1] : NULL;
    if (b->n_in > 1 && b->in[1] && !told) return ig_bind_fail(b, "the sizes are not known");
    int64_t dims[IG_MAX_RANK];
    memcpy(dims, in->dims, sizeof dims);
    size_t at = 0;
    for (uint32_t i = 0; i < b->n_out; i++) { /* an output may be omitted: it counts all the same */
        dims[axis] = part_size(told, in->dims[axis], b->n_out, i);
        ig_strides(to, in->rank, dims);
        ig_move_plan(&parts[i].copy, in->dtype, in->rank, dims, to, from);
        parts[i].bytes = at * (size_t)from[axis] * ig_elem(in->dtype);
        at += (size_t)dims[axis];
    }
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const split_part *parts = r->state;
    for (uint32_t i = 0; i < r->n_out; i++)
        if (r->out[i])
            ig_move(r->pool, &parts[i].copy, r->out[i]->data,
                    (const char *)r->in[0]->data + parts[i].bytes);
    return INGOT_OK;
}

const ig_op ig_op_split = {
    .name = "split",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = IG_MANY,
    .attrs = fields,
    .attrs_bytes = sizeof(split_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
