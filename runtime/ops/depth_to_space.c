/* depth_to_space.c - both ways between channels and blocks of pixels, [N, C, H, W].
 *
 *   DCR  channels are [block row, block column, C']      CRD  [C', block row, block column]
 *
 * Either way is one copy of six loops. */
#include "runtime/ops/move.h"

enum { DCR, CRD };
static const char *const modes[] = {"DCR", "CRD", NULL};

typedef struct {
    int64_t blocksize;
    int mode;
} block_attrs;

static const ig_attr fields[] = {
    IG_INT(block_attrs, blocksize, 1), IG_ENUM(block_attrs, mode, DCR, modes), {0}};

static ingot_status divide(ig_infer *c, int64_t dim, int64_t by, const char *what, int64_t *out)
{
    *out = by == 1 ? dim : IG_DIM_UNKNOWN;
    if (dim < 0 || by == 1) return INGOT_OK;
    if (dim % by)
        return ig_infer_fail(c, "%s of %lld is not a multiple of %lld", what, (long long)dim,
                             (long long)by);
    *out = dim / by;
    return INGOT_OK;
}

static ingot_status start(ig_infer *c, int64_t *block, int64_t *area)
{
    const block_attrs *a = c->attrs;
    ig_type *out = ig_infer_like(c);
    *block = a->blocksize;
    if (*block < 1 || !ig_mul_ok(*block, *block, area))
        return ig_infer_fail(c, "blocksize is %lld", (long long)*block);
    if (c->in[0]->rank >= 0 && c->in[0]->rank != 4)
        return ig_infer_fail(c, "the input has rank %d, not 4", c->in[0]->rank);
    out->rank = 4;
    for (int d = 0; d < 4; d++) out->dims[d] = IG_DIM_UNKNOWN;
    if (c->in[0]->rank == 4) out->dims[0] = c->in[0]->dims[0];
    return INGOT_OK;
}

static ingot_status infer_to_space(ig_infer *c)
{
    int64_t b, area = 1;
    IG_TRY(start(c, &b, &area));
    const int64_t *in = c->in[0]->dims;
    int64_t *out = c->out[0].dims;
    if (c->in[0]->rank < 0) return INGOT_OK;
    IG_TRY(divide(c, in[1], area, "a depth", &out[1]));
    IG_TRY(ig_dim_scaled(c, in[2], b, &out[2]));
    return ig_dim_scaled(c, in[3], b, &out[3]);
}

static ingot_status infer_to_depth(ig_infer *c)
{
    int64_t b, area = 1;
    IG_TRY(start(c, &b, &area));
    const int64_t *in = c->in[0]->dims;
    int64_t *out = c->out[0].dims;
    if (c->in[0]->rank < 0) return INGOT_OK;
    IG_TRY(ig_dim_scaled(c, in[1], area, &out[1]));
    IG_TRY(divide(c, in[2], b, "a height", &out[2]));
    return divide(c, in[3], b, "a width", &out[3]);
}

/* The six loops as places in the spatial tensor: [N, C', h, i, w, j] for pixel (h*b+i, w*b+j). */
static void bind_loops(ig_bind *b, const ig_type *space, const ig_type *depth, bool to_space,
                       ig_copy *copy)
{
    const block_attrs *a = b->attrs;
    const int mode = a->mode;
    const ptrdiff_t k = (ptrdiff_t)a->blocksize, channels = (ptrdiff_t)space->dims[1];
    const ptrdiff_t h = (ptrdiff_t)depth->dims[2], w = (ptrdiff_t)depth->dims[3];
    const int64_t n[6] = {space->dims[0], channels, h, k, w, k};
    const ptrdiff_t in_space[6] = {channels * h * k * w * k, h * k * w * k, k * w * k, w * k, k, 1};
    const ptrdiff_t plane = h * w, c_step = mode == DCR ? plane : plane * k * k;
    const ptrdiff_t j_step = mode == DCR ? plane * channels : plane;
    const ptrdiff_t in_depth[6] = {channels * k * k * plane, c_step, w, j_step * k, 1, j_step};
    if (to_space) {
        ig_move_plan(copy, space->dtype, 6, n, in_space, in_depth);
        return;
    }
    /* as the output lies: [N, i, j, C', h, w] or [N, C', i, j, h, w] */
    static const int dcr[6] = {0, 3, 5, 1, 2, 4}, crd[6] = {0, 1, 3, 5, 2, 4};
    const int *order = mode == DCR ? dcr : crd;
    int64_t count[6];
    ptrdiff_t to[6], from[6];
    for (int d = 0; d < 6; d++) {
        count[d] = n[order[d]];
        to[d] = in_depth[order[d]];
        from[d] = in_space[order[d]];
    }
    ig_move_plan(copy, space->dtype, 6, count, to, from);
}

static ingot_status bind_to_space(ig_bind *b)
{
    ig_copy *copy = IG_BIND_STATE(b, ig_copy);
    if (!copy) return INGOT_E_NOMEM;
    bind_loops(b, b->out[0], b->in[0], true, copy);
    return INGOT_OK;
}

static ingot_status bind_to_depth(ig_bind *b)
{
    ig_copy *copy = IG_BIND_STATE(b, ig_copy);
    if (!copy) return INGOT_E_NOMEM;
    bind_loops(b, b->in[0], b->out[0], false, copy);
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    ig_move(r->pool, r->state, r->out[0]->data, r->in[0]->data);
    return INGOT_OK;
}

const ig_op ig_op_depth_to_space = {
    .name = "depth_to_space",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(block_attrs),
    .infer = infer_to_space,
    .bind = bind_to_space,
    .run = run,
};

const ig_op ig_op_space_to_depth = {
    .name = "space_to_depth",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(block_attrs),
    .infer = infer_to_depth,
    .bind = bind_to_depth,
    .run = run,
};
