/* quant_grid.c - see quant_grid.h. */
#include "runtime/ops/quant_grid.h"
#include "runtime/ops/axis.h"
#include "runtime/base/checked.h"

static ingot_status check_zero(ig_infer *c)
{
    size_t n_scale, n_zero;
    if (!ig_has(c, IG_QUANT_ZERO)) return INGOT_OK;
    if (ig_type_elements(c->in[IG_QUANT_SCALE], &n_scale) &&
        ig_type_elements(c->in[IG_QUANT_ZERO], &n_zero) && n_scale != n_zero)
        return ig_infer_fail(c, "%zu zero points for %zu scales", n_zero, n_scale);
    return INGOT_OK;
}

static ingot_status check_blocks(ig_infer *c, int axis, int64_t block)
{
    const ig_type *x = c->in[IG_QUANT_X], *scale = c->in[IG_QUANT_SCALE];
    if (scale->rank != x->rank)
        return ig_infer_fail(c, "the scale of blocks has rank %d, x has %d", scale->rank, x->rank);
    for (int d = 0; d < x->rank; d++) {
        const int64_t n = x->dims[d];
        const int64_t want = d == axis && n >= 0 ? n / block + (n % block != 0) : n;
        if (d == axis && n < 0) continue;
        if (ig_dim_differ(scale->dims[d], want))
            return ig_infer_fail(c, "dimension %d of the scale is %lld, expected %lld", d,
                                 (long long)scale->dims[d], (long long)want);
    }
    return INGOT_OK;
}

ingot_status ig_quant_infer(ig_infer *c, int64_t axis, int64_t block)
{
    const ig_type *x = c->in[IG_QUANT_X], *scale = c->in[IG_QUANT_SCALE];
    size_t n;
    int a;
    if (block < 0) return ig_infer_fail(c, "block_size %lld is negative", (long long)block);
    IG_TRY(check_zero(c));
    if (x->rank < 0 || scale->rank < 0) return INGOT_OK;
    if (ig_type_elements(scale, &n) && n == 1) return INGOT_OK;
    for (int d = 0; d < scale->rank; d++) /* it may turn out to be one */
        if (scale->dims[d] < 0) return INGOT_OK;
    IG_TRY(ig_infer_axis(c, axis, x->rank, &a));
    if (block) return check_blocks(c, a, block);
    if (scale->rank != 1)
        return ig_infer_fail(c, "the scale has rank %d, expected a scalar or a vector",
                             scale->rank);
    if (ig_dim_differ(scale->dims[0], x->dims[a]))
        return ig_infer_fail(c, "%lld scales for %lld elements along axis %d",
                             (long long)scale->dims[0], (long long)x->dims[a], a);
    return INGOT_OK;
}

ig_quant_grid ig_quant_grid_of(const ig_type *x, const ig_type *scale, int64_t axis, int64_t block)
{
    ig_quant_grid g = {.n = 1, .inner = 1, .block = 1, .blocks = 1, .whole = true};
    size_t n;
    int a;
    if ((ig_type_elements(scale, &n) && n == 1) || !ig_axis_wrap(axis, x->rank, &a)) return g;
    const ig_axis_view v = ig_axis_split(x->rank, x->dims, a);
    g.whole = false;
    g.n = v.n;
    g.inner = v.inner;
    g.blocked = block > 0;
    if (!g.blocked) return g;
    g.block = (size_t)block;
    g.blocks = v.n / g.block + (v.n % g.block != 0);
    return g;
}

ig_quant_piece ig_quant_piece_at(const ig_quant_grid *g, size_t at, size_t end)
{
    if (g->whole) return (ig_quant_piece){end - at, 0, 0};
    const size_t left = end - at;
    if (g->inner > 1) {
        const size_t row = at / g->inner, i = at % g->inner, n = IG_MIN(g->inner - i, left);
        const size_t block = row / g->n * g->blocks + row % g->n / g->block;
        if (g->blocked) return (ig_quant_piece){n, block * g->inner + i, 1};
        return (ig_quant_piece){n, row % g->n, 0};
    }
    const size_t i = at % g->n, n = IG_MIN(g->n - i, left);
    if (!g->blocked) return (ig_quant_piece){n, i, 1};
    return (ig_quant_piece){IG_MIN(g->block - i % g->block, n),
                            at / g->n * g->blocks + i / g->block, 0};
}
