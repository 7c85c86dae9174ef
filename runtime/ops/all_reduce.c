/* all_reduce.c - what ranks that share a graph do together (runtime/graph/comm.h; the nodes are put
 * in by runtime/graph/shard.c, no importer makes them).
 *
 *   all_reduce(x f32) -> y      the sum of x over all ranks
 *   all_gather(x f32 [.., n]) -> y [.., columns]    the ranks' columns side by side; attribute
 *       `first` [ranks + 1]: rank r has columns [first[r], first[r + 1]) */
#include "runtime/base/checked.h"
#include "runtime/graph/comm.h"
#include "runtime/graph/op.h"

#include <string.h>

static ingot_status check_f32(ig_infer *c)
{
    const ig_type *x = c->in[0];
    if (x->kind != IG_TENSOR || (x->dtype != INGOT_NONE && x->dtype != INGOT_F32))
        return ig_infer_fail(c, "ranks exchange f32 alone");
    return INGOT_OK;
}

static ingot_status no_ranks(ig_run *r)
{
    return ig_node_fail(r->err, INGOT_E_ARG, r->node,
                        "this graph is one rank's share, and it runs without the other ranks");
}

/* ---- sum ---- */

static ingot_status infer_sum(ig_infer *c)
{
    IG_TRY(check_f32(c));
    return ig_infer_same(c);
}

static ingot_status run_sum(ig_run *r)
{
    if (!r->comm) return no_ranks(r);
    const size_t n = ig_tensor_elements(r->in[0]);
    if (n && r->out[0]->data != r->in[0]->data)
        memcpy(r->out[0]->data, r->in[0]->data, n * sizeof(float));
    return r->comm->sum(r->comm, r->out[0]->data, n, r->err);
}

const ig_op ig_op_all_reduce = {
    .name = "all_reduce",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_INPLACE | IG_OP_RANDOM,
    .infer = infer_sum,
    .run = run_sum,
};

/* ---- gather ---- */

typedef struct {
    ig_ints first;
} gather_attrs;

static const ig_attr attrs[] = {IG_INTS(gather_attrs, first), {0}};

static ingot_status infer_gather(ig_infer *c)
{
    const gather_attrs *a = c->attrs;
    const ig_type *x = c->in[0];
    IG_TRY(check_f32(c));
    bool ok = a->first.n >= 2 && a->first.n <= IG_COMM_RANKS + 1 && a->first.v[0] == 0;
    for (size_t i = 1; ok && i < a->first.n; i++) ok = a->first.v[i] >= a->first.v[i - 1];
    if (!ok || x->rank == 0) return ig_infer_fail(c, "`first` does not divide columns among ranks");
    c->out[0] = *x;
    if (x->rank > 0) c->out[0].dims[x->rank - 1] = a->first.v[a->first.n - 1];
    return INGOT_OK;
}

static ingot_status run_gather(ig_run *r)
{
    const gather_attrs *a = r->attrs;
    if (!r->comm) return no_ranks(r);
    const ig_tensor *x = r->in[0];
    const int64_t *first = a->first.v + r->comm->rank;
    if (a->first.n != r->comm->n_ranks + 1 || x->dims[x->rank - 1] != first[1] - first[0])
        return ig_node_fail(r->err, INGOT_E_ARG, r->node,
                            "it was made for another rank, or another number of them");
    size_t rows = 1;
    for (int d = 0; d + 1 < x->rank; d++) rows *= (size_t)x->dims[d];
    return r->comm->gather(r->comm, r->out[0]->data, x->data, rows, a->first.v, r->err);
}

const ig_op ig_op_all_gather = {
    .name = "all_gather",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_RANDOM,
    .attrs = attrs,
    .attrs_bytes = sizeof(gather_attrs),
    .infer = infer_gather,
    .run = run_gather,
};
