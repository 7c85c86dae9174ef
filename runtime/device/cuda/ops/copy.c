/* copy.c - ops that leave the bytes as they are. */
#include "runtime/device/cuda/op.h"

typedef struct {
    size_t bytes;
} copy_state;

static ingot_status keep_bytes(ig_device_bind *b)
{
    copy_state *s = ig_new(b->arena, copy_state);
    if (!s) return ig_fail(b->err, INGOT_E_NOMEM, "planning: no memory");
    if (!ig_type_bytes(b->out[0], &s->bytes)) return IG_CU_DECLINE(b, "its size is not known");
    b->state = s;
    b->kernel = "copy";
    return INGOT_OK;
}

static ingot_status launch(ig_device_stream *s, const ig_device_run *r)
{
    const copy_state *state = r->state;
    return ig_cu_done(s, r, ig_cu_copy(s, r->out[0], r->in[0], state->bytes));
}

/* Narrow integers take a byte each and are re-signed: that is no copy. */
static ingot_status bind_bitcast(ig_device *d, ig_device_bind *b)
{
    (void)d;
    if (ig_dtype(b->out[0]->dtype)->bits < 8 && b->out[0]->dtype != INGOT_BOOL)
        return IG_CU_DECLINE(b, "elements narrower than a byte");
    return keep_bytes(b);
}

const ig_cu_op ig_cu_op_bitcast = {.name = "bitcast", .bind = bind_bitcast, .launch = launch};
