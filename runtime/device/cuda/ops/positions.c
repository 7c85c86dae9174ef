/* positions.c - positions of the tokens of texts on the device: token_positions. */
#include "kernels/select/select_cuda.h"
#include "runtime/device/cuda/ops/common.h"

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *ids = b->in[0];
    if (ig_cu_elements(ids) > CU_MOST) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    cu_positions_args *a = IG_CU_STATE(b, cu_positions_args);
    if (!a) return INGOT_E_NOMEM;
    *a = (cu_positions_args){.rows = ig_cu_count(ids->dims, 0, ids->rank - 1),
                             .tokens = ids->dims[ids->rank - 1],
                             .pad = ig_cu_int(b, "pad"),
                             .type = ig_cu_number(ids->dtype)};
    b->kernel = "positions";
    return INGOT_OK;
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    cu_positions_args a = *(const cu_positions_args *)r->state;
    a.ids = r->in[0], a.y = r->out[0];
    return ig_cu_done(stream, r, cu_positions(&a, ig_cu_stream(stream)));
}

const ig_cu_op ig_cu_op_token_positions = {
    .name = "token_positions", .bind = bind, .launch = launch};
