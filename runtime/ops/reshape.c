/* reshape.c - the same elements in the same order under other dims.
 *
 * The target may hold one -1 (what remains) and, without allowzero, zeros (the input's dimension).
 * Symbols are followed: [batch, 3, 4] to [0, -1] is [batch, 12]. */
#include "runtime/ops/move.h"

typedef struct {
    int64_t allowzero;
} reshape_attrs;

static const ig_attr fields[] = {IG_INT(reshape_attrs, allowzero, 0), {0}};

/* Dims as a product of sizes and of symbols. */
typedef struct {
    bool known; /* no dimension without a name */
    size_t size;
    int64_t symbols[IG_MAX_RANK];
    int n_symbols;
} product;

static bool multiply(product *p, int64_t dim)
{
    if (dim >= 0) return ig_mul_ok(p->size, (size_t)dim, &p->size);
    if (dim == IG_DIM_UNKNOWN)
        p->known = false;
    else
        p->symbols[p->n_symbols++] = dim;
    return true;
}

/* Cancel the symbols of `by` from `of`; false: one is not there. */
static bool cancel(product *of, const product *by)
{
    for (int i = 0; i < by->n_symbols; i++) {
        int at = 0;
        while (at < of->n_symbols && of->symbols[at] != by->symbols[i]) at++;
        if (at == of->n_symbols) return false;
        of->symbols[at] = of->symbols[--of->n_symbols];
    }
    return true;
}

static ingot_status remaining(ig_infer *c, ig_type *out, int hole)
{
    product in = {.known = true, .size = 1}, rest = {.known = true, .size = 1};
    bool fits = true;
    for (int d = 0; d < c->in[0]->rank; d++) fits &= multiply(&in, c->in[0]->dims[d]);
    for (int d = 0; d < out->rank; d++)
        if (d != hole) fits &= multiply(&rest, out->dims[d]);
    if (!fits) return ig_infer_fail(c, "the shape has more elements than memory can hold");
    if (!in.known || !rest.known || !cancel(&in, &rest)) return INGOT_OK;
    const bool exact = rest.size ? in.size % rest.size == 0 : in.size == 0;
    if (hole < 0) {
        if (in.n_symbols == 0 && in.size != rest.size)
            return ig_infer_fail(c, "%zu elements do not fill a shape of %zu", in.size, rest.size);
        return INGOT_OK;
    }
    if (in.n_symbols == 0 && (!exact || !rest.size))
        return ig_infer_fail(c, "%zu elements cannot be divided by the shape's %zu", in.size,
                             rest.size);
    if (in.n_symbols == 0)
        out->dims[hole] = (int64_t)(in.size / rest.size);
    else if (in.n_symbols == 1 && in.size == rest.size && in.size)
        out->dims[hole] = in.symbols[0];
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const reshape_attrs *a = c->attrs;
    ig_type *out = ig_infer_like(c);
    IG_TRY(ig_infer_ints(c, 1));
    if (!c->known[1]) {
        const int64_t n = ig_vector_length(c, 1);
        if (n > IG_MAX_RANK)
            return ig_infer_fail(c, "rank %lld is above %d", (long long)n, IG_MAX_RANK);
        if (n >= 0) out->rank = (int)n;
        for (int d = 0; d < out->rank; d++) out->dims[d] = IG_DIM_UNKNOWN;
        return INGOT_OK;
    }
    int64_t target[IG_MAX_RANK];
    const int n = ig_known_ints(c, 1, target, IG_MAX_RANK);
    if (n < 0) return ig_infer_fail(c, "the shape must be at most %d integers", IG_MAX_RANK);
    const bool ranked = c->in[0]->rank >= 0;
    int hole = -1;
    for (int d = 0; d < n; d++) {
        out->dims[d] = target[d];
        if (target[d] == -1 && hole >= 0) return ig_infer_fail(c, "the shape has -1 twice");
        if (target[d] == -1) hole = d;
        if (target[d] < -1) return ig_infer_fail(c, "the shape holds %lld", (long long)target[d]);
        if (target[d] || a->allowzero) continue;
        if (ranked && d >= c->in[0]->rank)
            return ig_infer_fail(c, "the shape copies dimension %d of a rank %d input", d,
                                 c->in[0]->rank);
        out->dims[d] = ranked ? c->in[0]->dims[d] : IG_DIM_UNKNOWN;
    }
    out->rank = n;
    if (hole >= 0) out->dims[hole] = IG_DIM_UNKNOWN;
    return ranked ? remaining(c, out, hole) : INGOT_OK;
}

const ig_op ig_op_reshape = {
    .name = "reshape",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_VIEW,
    .attrs = fields,
    .attrs_bytes = sizeof(reshape_attrs),
    .infer = infer,
};
