/* transpose.c - permute the dims: out.dims[i] = in.dims[perm[i]]. No perm: reverse them. */
#include "runtime/ops/move.h"

typedef struct {
    ig_ints perm;
} transpose_attrs;

static const ig_attr fields[] = {IG_INTS(transpose_attrs, perm), {0}};

static int source(const transpose_attrs *a, int rank, int d)
{
    return a->perm.n ? (int)a->perm.v[d] : rank - 1 - d;
}

static ingot_status infer(ig_infer *c)
{
    const transpose_attrs *a = c->attrs;
    ig_type *out = ig_infer_like(c);
    if (a->perm.n > IG_MAX_RANK)
        return ig_infer_fail(c, "perm has %zu entries (at most %d)", a->perm.n, IG_MAX_RANK);
    const int rank = c->in[0]->rank;
    const int n = a->perm.n ? (int)a->perm.n : rank;
    if (rank >= 0 && rank != n)
        return ig_infer_fail(c, "perm has %d entries for an input of rank %d", n, rank);
    if (n < 0) return INGOT_OK;
    bool seen[IG_MAX_RANK] = {false};
    for (int d = 0; d < n; d++) {
        const int64_t from = a->perm.n ? a->perm.v[d] : n - 1 - d;
        if (from < 0 || from >= n || seen[from])
            return ig_infer_fail(c, "perm is not a permutation: entry %d is %lld", d,
                                 (long long)from);
        seen[from] = true;
        out->dims[d] = rank < 0 ? IG_DIM_UNKNOWN : c->in[0]->dims[from];
    }
    out->rank = n;
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    const ig_type *in = b->in[0], *out = b->out[0];
    ig_copy *copy = IG_BIND_STATE(b, ig_copy);
    if (!copy) return INGOT_E_NOMEM;
    ptrdiff_t to[IG_MAX_RANK], own[IG_MAX_RANK], from[IG_MAX_RANK];
    ig_strides(to, out->rank, out->dims);
    ig_strides(own, in->rank, in->dims);
    for (int d = 0; d < out->rank; d++) from[d] = own[source(b->attrs, in->rank, d)];
    ig_move_plan(copy, in->dtype, out->rank, out->dims, to, from);
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    ig_move(r->pool, r->state, r->out[0]->data, r->in[0]->data);
    return INGOT_OK;
}

const ig_op ig_op_transpose = {
    .name = "transpose",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(transpose_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
