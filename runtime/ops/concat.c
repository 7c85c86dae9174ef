/* concat.c - the inputs one after another along an axis. */
#include "runtime/ops/move.h"

typedef struct {
    int64_t axis;
} concat_attrs;

static const ig_attr fields[] = {IG_INT(concat_attrs, axis, 0), {0}};

/* Merge what another input tells of the dims other than the axis. */
static ingot_status agree(ig_infer *c, ig_type *out, const ig_type *in, uint32_t i, int axis)
{
    if (in->rank != out->rank)
        return ig_infer_fail(c, "input %u has rank %d, the others %d", i, in->rank, out->rank);
    for (int d = 0; d < out->rank; d++) {
        if (d == axis) continue;
        if (ig_dim_differ(out->dims[d], in->dims[d]))
            return ig_infer_fail(c, "input %u has size %lld in dimension %d, the others %lld", i,
                                 (long long)in->dims[d], d, (long long)out->dims[d]);
        if (out->dims[d] < 0 && (in->dims[d] >= 0 || out->dims[d] == IG_DIM_UNKNOWN))
            out->dims[d] = in->dims[d];
    }
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const concat_attrs *a = c->attrs;
    ig_type *out = ig_infer_like(c);
    const ig_type *first = NULL;
    for (uint32_t i = 0; i < c->n_in; i++) {
        if (!c->in[i]) return ig_infer_fail(c, "input %u is missing", i);
        if (c->in[i]->dtype != INGOT_NONE && out->dtype == INGOT_NONE) out->dtype = c->in[i]->dtype;
        if (c->in[i]->dtype != INGOT_NONE && c->in[i]->dtype != out->dtype)
            return ig_infer_fail(c, "input %u is %s, the others %s", i,
                                 ig_dtype(c->in[i]->dtype)->name, ig_dtype(out->dtype)->name);
        if (!first && c->in[i]->rank >= 0) first = c->in[i];
    }
    if (!first) return INGOT_OK;
    int axis;
    IG_TRY(ig_infer_axis(c, a->axis, first->rank, &axis));
    *out = ig_type_tensor(out->dtype, first->rank, first->dims);
    int64_t sum = 0;
    for (uint32_t i = 0; i < c->n_in; i++) {
        if (c->in[i]->rank >= 0) IG_TRY(agree(c, out, c->in[i], i, axis));
        const int64_t size = c->in[i]->rank >= 0 ? c->in[i]->dims[axis] : IG_DIM_UNKNOWN;
        if (c->n_in == 1)
            sum = size;
        else if (size < 0 || sum < 0)
            sum = IG_DIM_UNKNOWN;
        else
            IG_TRY(ig_dim_sum(c, sum, size, &sum));
    }
    out->dims[axis] = sum;
    return INGOT_OK;
}

typedef struct {
    size_t bytes; /* offset in the output */
    ig_copy copy;
} concat_part;

static ingot_status bind(ig_bind *b)
{
    const concat_attrs *a = b->attrs;
    const ig_type *out = b->out[0];
    const int axis = (int)(a->axis < 0 ? a->axis + out->rank : a->axis);
    concat_part *parts = ig_bind_state(b, b->n_in * sizeof *parts);
    if (!parts) return INGOT_E_NOMEM;
    ptrdiff_t to[IG_MAX_RANK], from[IG_MAX_RANK];
    ig_strides(to, out->rank, out->dims);
    size_t at = 0;
    for (uint32_t i = 0; i < b->n_in; i++) {
        ig_strides(from, out->rank, b->in[i]->dims);
        ig_move_plan(&parts[i].copy, out->dtype, out->rank, b->in[i]->dims, to, from);
        parts[i].bytes = at * (size_t)to[axis] * ig_elem(out->dtype);
        at += (size_t)b->in[i]->dims[axis];
    }
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const concat_part *parts = r->state;
    for (uint32_t i = 0; i < r->n_in; i++)
        ig_move(r->pool, &parts[i].copy, (char *)r->out[0]->data + parts[i].bytes, r->in[i]->data);
    return INGOT_OK;
}

const ig_op ig_op_concat = {
    .name = "concat",
    .min_in = 1,
    .max_in = IG_MANY,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(concat_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
