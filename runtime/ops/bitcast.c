/* bitcast.c - the same bytes as another dtype of the same width. 4-bit and 2-bit elements, which
 * take a byte each in memory, are re-signed. */
#include "runtime/graph/op.h"

#include <string.h>

typedef struct {
    int64_t to;
} bitcast_attrs;

static const ig_attr attrs[] = {
    IG_INT(bitcast_attrs, to, 0),
    {0},
};

static ingot_status infer(ig_infer *c)
{
    const bitcast_attrs *a = c->attrs;
    if (a->to <= 0 || a->to > INT8_MAX || !ig_dtype_valid((int)a->to))
        return ig_infer_fail(c, "to=%lld is no element type", (long long)a->to);
    const ingot_dtype from = c->in[0]->dtype, to = (ingot_dtype)a->to;
    const ig_dtype_info *f = ig_dtype(from), *t = ig_dtype(to);
    /* bool is a byte for this purpose */
    const unsigned from_bits = from == INGOT_BOOL ? 8 : f->bits;
    const unsigned to_bits = to == INGOT_BOOL ? 8 : t->bits;
    if (from == INGOT_STR || to == INGOT_STR || (from != INGOT_NONE && from_bits != to_bits))
        return ig_infer_fail(c, "%s cannot be read as %s", f->name, t->name);
    c->out[0] = *c->in[0];
    c->out[0].dtype = to;
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const ingot_dtype to = r->out[0]->dtype;
    const size_t n = ig_tensor_elements(r->in[0]);
    const uint8_t *x = r->in[0]->data;
    uint8_t *y = r->out[0]->data;
    const unsigned bits = to == INGOT_BOOL ? 8 : ig_dtype(to)->bits;
    if (bits >= 8) {
        if (n) memmove(y, x, n * ig_dtype(to)->bytes);
        return INGOT_OK;
    }
    const unsigned mask = (1u << bits) - 1u, top = 1u << (bits - 1);
    const bool is_signed = ig_dtype(to)->class_ == IG_CLASS_INT;
    for (size_t i = 0; i < n; i++) {
        const unsigned low = x[i] & mask;
        y[i] = (uint8_t)(is_signed && (low & top) ? low | ~mask : low);
    }
    return INGOT_OK;
}

const ig_op ig_op_bitcast = {
    .name = "bitcast",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_INPLACE,
    .attrs = attrs,
    .attrs_bytes = sizeof(bitcast_attrs),
    .infer = infer,
    .run = run,
};
