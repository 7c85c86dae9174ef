/* token_positions.c - token_positions(ids) -> the position of each token of a text, for learned
 * positions.
 *
 *   ids  i32 or i64 [.., T]
 *   y    i64 [.., T]
 *
 * pad -1: 0, 1, 2 .. T - 1. Else as RoBERTa counts: a token that is `pad` has position pad, others
 * pad + 1, pad + 2 .. in their order, wherever the padding is. */
#include "runtime/ops/index.h"

typedef struct {
    int64_t pad;
} positions_attrs;

static const ig_attr attrs[] = {IG_INT(positions_attrs, pad, -1), {0}};

static ingot_status infer(ig_infer *c)
{
    const positions_attrs *a = c->attrs;
    IG_TRY(ig_infer_ints(c, 0));
    if (a->pad < -1 || a->pad > INT32_MAX)
        return ig_infer_fail(c, "pad=%lld is no token", (long long)a->pad);
    if (c->in[0]->rank == 0) return ig_infer_fail(c, "ids of rank 0");
    c->out[0] = *c->in[0];
    c->out[0].dtype = INGOT_I64;
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const positions_attrs *a = r->attrs;
    const ig_tensor *ids = r->in[0];
    const size_t n = ig_tensor_elements(ids), tokens = (size_t)ids->dims[ids->rank - 1];
    int64_t *y = r->out[0]->data;
    int64_t next = 0;
    for (size_t i = 0; i < n; i++) {
        if (i % tokens == 0) next = a->pad + 1;
        const bool counts = a->pad < 0 || ig_index_at(ids, i) != a->pad;
        y[i] = counts ? next++ : a->pad;
    }
    return INGOT_OK;
}

const ig_op ig_op_token_positions = {
    .name = "token_positions",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(positions_attrs),
    .infer = infer,
    .run = run,
};
