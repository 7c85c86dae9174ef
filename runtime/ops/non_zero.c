/* non_zero.c - the indices of all elements other than zero, i64 [rank, n], in row-major order. */
#include "runtime/ops/move.h"

static ingot_status infer(ig_infer *c)
{
    c->out[0] = (ig_type){.dtype = INGOT_I64, .rank = 2};
    c->out[0].dims[0] = c->in[0]->rank >= 0 ? c->in[0]->rank : IG_DIM_UNKNOWN;
    c->out[0].dims[1] = IG_DIM_UNKNOWN;
    return INGOT_OK;
}

static bool is_set(const ig_tensor *t, size_t i)
{
    switch (t->dtype) {
    case INGOT_F32:
        return ((const float *)t->data)[i] != 0;
    case INGOT_BOOL:
        return ((const uint8_t *)t->data)[i] != 0;
    case INGOT_STR:
        return ((const ingot_str *)t->data)[i].n != 0;
    case INGOT_C64:
        return ((const float *)t->data)[2 * i] != 0 || ((float *)t->data)[2 * i + 1];
    case INGOT_C128:
        return ((const double *)t->data)[2 * i] != 0 || ((double *)t->data)[2 * i + 1];
    default:
        return ig_to_double(t->data, t->dtype, i) != 0;
    }
}

static ingot_status run(ig_run *r)
{
    const ig_tensor *x = r->in[0];
    const size_t all = ig_tensor_elements(x);
    size_t n = 0, at = 0;
    for (size_t i = 0; i < all; i++) n += is_set(x, i);
    IG_TRY(ig_run_output(r, 0, INGOT_I64, 2, (int64_t[]){x->rank, (int64_t)n}));
    int64_t *y = r->out[0] ? r->out[0]->data : NULL;
    for (size_t i = 0; i < all && y; i++) {
        if (!is_set(x, i)) continue;
        size_t rest = i;
        for (int d = x->rank - 1; d >= 0; d--) {
            y[(size_t)d * n + at] = (int64_t)(rest % (size_t)x->dims[d]);
            rest /= (size_t)x->dims[d];
        }
        at++;
    }
    return INGOT_OK;
}

const ig_op ig_op_non_zero = {
    .name = "non_zero",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_ALLOCATES,
    .infer = infer,
    .run = run,
};
