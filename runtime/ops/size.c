/* size.c - the number of elements, as an i64 scalar. */
#include "runtime/graph/op.h"

static ingot_status infer(ig_infer *c)
{
    c->out[0] = (ig_type){.dtype = INGOT_I64, .rank = 0};
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    *(int64_t *)r->out[0]->data = (int64_t)ig_tensor_elements(r->in[0]);
    return INGOT_OK;
}

const ig_op ig_op_size = {
    .name = "size",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_TYPE_ONLY,
    .infer = infer,
    .run = run,
};
