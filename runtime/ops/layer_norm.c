/* layer_norm.c - layer_norm(x, gamma, beta?, residual?) and rms_norm of the same inputs, over all
 * dimensions from `axis` on.
 *
 * The outputs mean and inv_std (layer_norm) keep the rank of x, with 1 for each normalised
 * dimension, in the dtype that stash_type (a number of ONNX's TensorProto.DataType) names. gamma
 * and beta broadcast to x; those that are no plain vector of the normalised elements are spread out
 * first. Computes in f32, f64 for f64, whatever stash_type says. */
#include "runtime/ops/broadcast.h"
#include "runtime/ops/norm_rows.h"
#include "runtime/ops/wide.h"
#include "runtime/base/checked.h"

typedef struct {
    int64_t axis, stash_type;
    double epsilon;
} layer_norm_attrs;

static const ig_attr attrs[] = {
    IG_INT(layer_norm_attrs, axis, -1),
    IG_FLOAT(layer_norm_attrs, epsilon, 1e-5),
    IG_INT(layer_norm_attrs, stash_type, 1),
    {0},
};

enum { X, GAMMA, BETA, RESIDUAL, N_IN };

static ingot_dtype stash_dtype(int64_t stash_type)
{
    switch (stash_type) {
    case 1:
        return INGOT_F32;
    case 10:
        return INGOT_F16;
    case 11:
        return INGOT_F64;
    case 16:
        return INGOT_BF16;
    default:
        return INGOT_NONE;
    }
}

static ingot_status check_parameter(ig_infer *c, uint32_t i)
{
    static const char *const what[] = {"x", "gamma", "beta", "the residual"};
    if (!ig_has(c, i)) return INGOT_OK;
    const ig_type *t = c->in[i], *x = c->in[X];
    if (t->dtype != INGOT_NONE && ig_dtype(t->dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "%s is %s, not a float", what[i], ig_dtype(t->dtype)->name);
    if (t->rank < 0 || x->rank < 0) return INGOT_OK;
    if (t->rank > x->rank || (i == RESIDUAL && t->rank != x->rank))
        return ig_infer_fail(c, "%s has rank %d, x has %d", what[i], t->rank, x->rank);
    for (int d = 0; d < t->rank; d++) {
        const int64_t have = t->dims[d], want = x->dims[x->rank - t->rank + d];
        if (ig_dim_differ(have, want) && (have != 1 || i == RESIDUAL))
            return ig_infer_fail(c, "dimension %d of %s is %lld, of x %lld", d, what[i],
                                 (long long)have, (long long)want);
    }
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const layer_norm_attrs *a = c->attrs;
    const ig_type *x = c->in[X];
    const ingot_dtype stash = stash_dtype(a->stash_type);
    int axis = 0;
    c->out[0] = *x;
    if (x->dtype != INGOT_NONE && ig_dtype(x->dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "x is %s, not a float", ig_dtype(x->dtype)->name);
    if (stash == INGOT_NONE)
        return ig_infer_fail(c, "stash_type %lld is not a float type", (long long)a->stash_type);
    for (uint32_t i = GAMMA; i < N_IN; i++) IG_TRY(check_parameter(c, i));
    if (x->rank >= 0) IG_TRY(ig_infer_axis(c, a->axis, x->rank, &axis));
    for (uint32_t o = 1; o < c->n_out; o++) {
        c->out[o] = *x;
        c->out[o].dtype = stash;
        for (int d = axis; d < x->rank; d++) c->out[o].dims[d] = 1;
    }
    return INGOT_OK;
}

/* A parameter: of its own memory, widened, or spread out over [rows or 1, cols]. */
typedef struct {
    ig_wide wide;
    ig_broadcast spread;
    bool spreads;
    size_t at, row; /* scratch of what is spread out; from one row to the next */
} parameter;

typedef struct {
    ig_calc calc;
    size_t rows, cols;
    ig_wide x, y, residual, mean, inv_std;
    parameter gamma, beta;
} layer_norm_state;

/* Does t have just the dims of x from axis on, perhaps behind ones? */
static bool is_plain(const ig_type *t, const ig_type *x, int axis)
{
    for (int d = 0; d < x->rank; d++) {
        const int own = d - (x->rank - t->rank);
        if ((own < 0 ? 1 : t->dims[own]) != (d < axis ? 1 : x->dims[d])) return false;
    }
    return true;
}

static ingot_status bind_parameter(parameter *p, ig_bind *b, uint32_t i, int axis, ig_calc calc)
{
    const ig_type *t = i < b->n_in ? b->in[i] : NULL, *x = b->in[X];
    if (!t) return INGOT_OK;
    p->spreads = !is_plain(t, x, axis);
    if (!p->spreads) return ig_wide_bind(&p->wide, b, t, calc);
    ig_type all = *x;
    size_t n;
    all.dtype = ig_calc_dtype(calc);
    bool by_row = false;
    for (int d = 0; d < axis; d++) {
        const int own = d - (x->rank - t->rank);
        by_row = by_row || (own >= 0 && t->dims[own] != 1);
    }
    for (int d = 0; d < axis && !by_row; d++) all.dims[d] = 1;
    if (!ig_type_elements(&all, &n) || !ig_broadcast_make(&p->spread, &all, &t, 1))
        return ig_bind_fail(b, "gamma or beta does not fit x");
    p->row = by_row ? ig_dims_product(x->dims, axis, x->rank) : 0;
    return ig_scratch_add(b, n, ig_calc_bytes(calc), &p->at);
}

static ingot_status bind(ig_bind *b)
{
    const layer_norm_attrs *a = b->attrs;
    const ig_type *x = b->in[X];
    layer_norm_state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    const int axis = (int)(a->axis < 0 ? a->axis + x->rank : a->axis);
    s->calc = ig_calc_float(x->dtype);
    s->rows = ig_dims_product(x->dims, 0, axis);
    s->cols = ig_dims_product(x->dims, axis, x->rank);
    IG_TRY(ig_wide_bind(&s->x, b, x, s->calc));
    s->y = s->x; /* where the widened x was */
    IG_TRY(ig_wide_bind(&s->residual, b, b->n_in > RESIDUAL ? b->in[RESIDUAL] : NULL, s->calc));
    IG_TRY(bind_parameter(&s->gamma, b, GAMMA, axis, s->calc));
    IG_TRY(bind_parameter(&s->beta, b, BETA, axis, s->calc));
    IG_TRY(ig_wide_bind(&s->mean, b, b->n_out > 1 ? b->out[1] : NULL, s->calc));
    IG_TRY(ig_wide_bind(&s->inv_std, b, b->n_out > 2 ? b->out[2] : NULL, s->calc));
    b->kernel = "rows";
    return INGOT_OK;
}

typedef struct {
    const ig_tensor *from;
    char *to;
    ig_calc calc;
} spread_job;

static void spread_part(void *arg, const ig_broadcast_part *part)
{
    const spread_job *j = arg;
    const size_t each = ig_calc_bytes(j->calc);
    ig_block block;
    const size_t n = part->step[0] ? part->n : 1;
    const char *v = ig_view(&block, j->calc, j->from->data, j->from->dtype, part->in[0], n);
    for (size_t i = 0; i < part->n; i++) {
        char *to = j->to + (part->at + i) * each;
        if (j->calc == IG_CALC_F32)
            *(float *)to = ((const float *)v)[i * part->step[0]];
        else
            *(double *)to = ((const double *)v)[i * part->step[0]];
    }
}

static const void *take_parameter(const parameter *p, const ig_run *r, uint32_t i, ig_calc calc)
{
    const ig_tensor *t = i < r->n_in ? r->in[i] : NULL;
    if (!t || !p->spreads) return ig_wide_in(&p->wide, r, t);
    spread_job job = {t, ig_piece(r, p->at), calc};
    ig_broadcast_run(&p->spread, r->pool, IG_BLOCK, spread_part, &job);
    return job.to;
}

static ingot_status run_norm(ig_run *r, bool rms)
{
    const layer_norm_attrs *a = r->attrs;
    const layer_norm_state *s = r->state;
    ig_tensor *mean = r->n_out > 1 ? r->out[1] : NULL, *inv_std = r->n_out > 2 ? r->out[2] : NULL;
    const ig_norm_rows rows = {
        .y = ig_wide_room(&s->y, r, r->out[0]),
        .mean = ig_wide_room(&s->mean, r, mean),
        .inv_std = ig_wide_room(&s->inv_std, r, inv_std),
        .x = ig_wide_in(&s->x, r, r->in[X]),
        .residual = ig_wide_in(&s->residual, r, r->n_in > RESIDUAL ? r->in[RESIDUAL] : NULL),
        .gamma = take_parameter(&s->gamma, r, GAMMA, s->calc),
        .beta = take_parameter(&s->beta, r, BETA, s->calc),
        .gamma_row = s->gamma.row,
        .beta_row = s->beta.row,
        .cols = s->cols,
        .eps = a->epsilon,
        .rms = rms,
        .calc = s->calc,
    };
    ig_norm_rows_run(&rows, r->pool, s->rows);
    ig_wide_store(&s->y, r, r->out[0]);
    ig_wide_store(&s->mean, r, mean);
    ig_wide_store(&s->inv_std, r, inv_std);
    return INGOT_OK;
}

static ingot_status run_layer_norm(ig_run *r) { return run_norm(r, false); }
static ingot_status run_rms_norm(ig_run *r) { return run_norm(r, true); }

static void cost(ig_cost *out, const ig_bind *b)
{
    size_t n = 0;
    if (!ig_type_elements(b->out[0], &n)) n = 0;
    out->flops = 8 * (double)n;
    out->bytes = 2 * (double)n * (double)ig_dtype(b->out[0]->dtype)->bytes;
}

const ig_op ig_op_layer_norm = {
    .name = "layer_norm",
    .min_in = 2,
    .max_in = N_IN,
    .min_out = 1,
    .max_out = 3,
    .attrs = attrs,
    .attrs_bytes = sizeof(layer_norm_attrs),
    .infer = infer,
    .bind = bind,
    .run = run_layer_norm,
    .cost = cost,
};

const ig_op ig_op_rms_norm = {
    .name = "rms_norm",
    .min_in = 2,
    .max_in = N_IN,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(layer_norm_attrs),
    .infer = infer,
    .bind = bind,
    .run = run_rms_norm,
    .cost = cost,
};
