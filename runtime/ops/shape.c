/* shape.c - the input's dims [start, end) as i64. */
#include "runtime/ops/move.h"

typedef struct {
    int64_t start, end;
} shape_attrs;

static const ig_attr fields[] = {
    IG_INT(shape_attrs, start, 0), IG_INT(shape_attrs, end, INT64_MAX), {0}};

/* Counted from the end when negative, then clipped to the rank. */
static int clipped(int64_t at, int rank)
{
    if (at < 0) at = at < -rank ? 0 : at + rank;
    return at > rank ? rank : (int)at;
}

static ingot_status infer(ig_infer *c)
{
    const shape_attrs *a = c->attrs;
    c->out[0] = (ig_type){.dtype = INGOT_I64, .rank = 1, .dims = {IG_DIM_UNKNOWN}};
    if (c->in[0]->rank < 0) return INGOT_OK;
    const int begin = clipped(a->start, c->in[0]->rank), end = clipped(a->end, c->in[0]->rank);
    c->out[0].dims[0] = IG_MAX(end - begin, 0);
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const shape_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0];
    int64_t *y = r->out[0]->data;
    const int begin = clipped(a->start, x->rank), end = clipped(a->end, x->rank);
    for (int d = begin; d < end; d++) *y++ = x->dims[d];
    return INGOT_OK;
}

const ig_op ig_op_shape = {
    .name = "shape",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_TYPE_ONLY,
    .attrs = fields,
    .attrs_bytes = sizeof(shape_attrs),
    .infer = infer,
    .run = run,
};
