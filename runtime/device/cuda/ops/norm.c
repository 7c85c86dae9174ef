/* norm.c - normalisations on the device: of rows (layer_norm, rms_norm, group_norm), by statistics
 * that are given (batch_norm), across channels (lrn), and row_normalize. */
#include "kernels/norm/norm_cuda.h"
#include "kernels/binary/binary_cuda.h"
#include "kernels/convert/convert_cuda.h"
#include "runtime/device/cuda/ops/walk.h"

#include <string.h>

#define FLOATS_OF_A_BYTE "floats of a byte"

/* A parameter, or a small result, in the type that the kernel computes in: its own memory where the
 * dtypes agree, else a piece of scratch that it is converted to or from. */
typedef struct {
    int64_t n;
    size_t room;
    ingot_dtype dtype, wide;
} converted;

static bool bind_converted(converted *c, ig_device_bind *b, const ig_type *t, ingot_dtype wide)
{
    *c = (converted){.wide = wide};
    if (!t) return true;
    c->dtype = t->dtype;
    return ig_el_count(t, &c->n) &&
           (c->dtype == wide || ig_el_piece(b, c->n, ig_dtype(wide)->bytes, &c->room));
}

static void *room_of(const converted *c, const ig_device_run *r, const void *own)
{
    if (!own || c->dtype == c->wide) return (void *)(uintptr_t)own;
    return (char *)r->scratch + c->room;
}

static int widen(const converted *c, const ig_device_run *r, const void *own, cu_stream s)
{
    if (!own || c->dtype == c->wide) return 0;
    return cu_cast(&(cu_cast_args){.x = own,
                                   .y = room_of(c, r, own),
                                   .n = c->n,
                                   .from = (int)c->dtype,
                                   .to = (int)c->wide},
                   s);
}

static int narrow(const converted *c, const ig_device_run *r, void *own, cu_stream s)
{
    if (!own || c->dtype == c->wide) return 0;
    return cu_cast(&(cu_cast_args){.x = room_of(c, r, own),
                                   .y = own,
                                   .n = c->n,
                                   .from = (int)c->wide,
                                   .to = (int)c->dtype,
                                   .saturate = true},
                   s);
}

static ingot_dtype wide_of(ingot_dtype dtype) { return dtype == INGOT_F64 ? INGOT_F64 : INGOT_F32; }

/* ---- rows ---- */

enum { X, GAMMA, BETA, RESIDUAL };

typedef struct {
    cu_norm_args args;
    converted gamma, beta, mean, inv_std;
} norm_state;

/* Parameters t have the dims of x from axis on, and perhaps some right before: after how many rows
 * they come again. 0: they are shaped otherwise. */
static int64_t period_of(const ig_type *t, const ig_type *x, int axis)
{
    int64_t period = 1;
    bool ended = false;
    for (int d = x->rank - 1; t && d >= 0; d--) {
        const int own = d - (x->rank - t->rank);
        const int64_t n = own < 0 ? 1 : t->dims[own];
        ended = ended || (d < axis && n != x->dims[d]);
        if (n != (ended ? 1 : x->dims[d])) return 0;
        if (d < axis) period *= n;
    }
    return period;
}

static const ig_type *type_in(const ig_device_bind *b, uint32_t i)
{
    return i < b->node->n_in ? b->in[i] : NULL;
}
static const ig_type *type_out(const ig_device_bind *b, uint32_t o)
{
    return o < b->node->n_out ? b->out[o] : NULL;
}

static ingot_status bind_norm(ig_device_bind *b, bool rms)
{
    const ig_type *x = b->in[X], *residual = type_in(b, RESIDUAL);
    int64_t n, axis = ig_cu_int(b, "axis");
    norm_state *s = ig_el_state(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    if (ig_dtype(x->dtype)->bytes == 1) return IG_CU_DECLINE(b, FLOATS_OF_A_BYTE);
    if (residual && residual->dtype != x->dtype)
        return IG_CU_DECLINE(b, "a residual of another type than x");
    if (!ig_el_count(x, &n)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    if (axis < 0) axis += x->rank;
    const ig_type *beta = type_in(b, BETA);
    const int64_t period = period_of(b->in[GAMMA], x, (int)axis);
    if (n && (!period || (beta && period_of(beta, x, (int)axis) != period)))
        return IG_CU_DECLINE(b, "gamma or beta is not shaped like what is normalised");
    s->args = (cu_norm_args){.rows = 1,
                             .cols = 1,
                             .period = period ? period : 1,
                             .inner = 1,
                             .eps = ig_cu_float(b, "epsilon"),
                             .dtype = (int)x->dtype,
                             .rms = rms};
    for (int d = 0; d < x->rank && n; d++)
        *(d < axis ? &s->args.rows : &s->args.cols) *= x->dims[d];
    s->args.row = s->args.cols;
    if (!n) s->args.rows = 0;
    const ingot_dtype wide = wide_of(x->dtype);
    if (!bind_converted(&s->gamma, b, b->in[GAMMA], wide) ||
        !bind_converted(&s->beta, b, beta, wide) ||
        !bind_converted(&s->mean, b, type_out(b, 1), wide) ||
        !bind_converted(&s->inv_std, b, type_out(b, 2), wide))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    b->kernel = rms ? "rms_norm rows" : "layer_norm rows";
    return INGOT_OK;
}

static ingot_status bind_layer_norm(ig_device *d, ig_device_bind *b)
{
    (void)d;
    return bind_norm(b, false);
}

static ingot_status bind_rms_norm(ig_device *d, ig_device_bind *b)
{
    (void)d;
    return bind_norm(b, true);
}

static ingot_status launch_norm(ig_device_stream *s, const ig_device_run *r)
{
    const norm_state *n = r->state;
    const uint32_t n_in = r->node->n_in, n_out = r->node->n_out;
    const void *gamma = r->in[GAMMA], *beta = n_in > BETA ? r->in[BETA] : NULL;
    void *mean = n_out > 1 ? r->out[1] : NULL, *inv_std = n_out > 2 ? r->out[2] : NULL;
    cu_stream stream = ig_cu_stream(s);
    cu_norm_args a = n->args;
    a.x = r->in[X];
    a.residual = n_in > RESIDUAL ? r->in[RESIDUAL] : NULL;
    a.y = r->out[0];
    a.gamma = room_of(&n->gamma, r, gamma);
    a.beta = room_of(&n->beta, r, beta);
    a.mean = room_of(&n->mean, r, mean);
    a.inv_std = room_of(&n->inv_std, r, inv_std);
    int status = widen(&n->gamma, r, gamma, stream);
    if (!status) status = widen(&n->beta, r, beta, stream);
    if (!status) status = cu_norm(&a, stream);
    if (!status) status = narrow(&n->mean, r, mean, stream);
    if (!status) status = narrow(&n->inv_std, r, inv_std, stream);
    return ig_cu_done(s, r, status);
}

const ig_cu_op ig_cu_op_layer_norm = {
    .name = "layer_norm", .bind = bind_layer_norm, .launch = launch_norm};
const ig_cu_op ig_cu_op_rms_norm = {
    .name = "rms_norm", .bind = bind_rms_norm, .launch = launch_norm};

/* ---- groups of channels: rows of channels * inner elements ---- */

static ingot_status bind_group_norm(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[X];
    int64_t n;
    norm_state *s = ig_el_state(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    if (ig_dtype(x->dtype)->bytes == 1) return IG_CU_DECLINE(b, FLOATS_OF_A_BYTE);
    if (!ig_el_count(x, &n)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    const int64_t given = ig_cu_int(b, "num_groups"), groups = given ? given : x->dims[1];
    const bool per_group = given && ig_cu_int(b, "per_group");
    if (n) {
        const int64_t channels = x->dims[1] / groups, rows = x->dims[0] * groups, cols = n / rows;
        s->args = (cu_norm_args){.rows = rows,
                                 .cols = cols,
                                 .period = groups,
                                 .row = per_group ? 1 : channels,
                                 .inner = per_group ? cols : cols / channels,
                                 .eps = ig_cu_float(b, "epsilon"),
                                 .dtype = (int)x->dtype};
    }
    const ingot_dtype wide = wide_of(x->dtype);
    if (!bind_converted(&s->gamma, b, b->in[GAMMA], wide) ||
        !bind_converted(&s->beta, b, b->in[BETA], wide))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    b->kernel = "group_norm rows";
    return INGOT_OK;
}

const ig_cu_op ig_cu_op_group_norm = {
    .name = "group_norm", .bind = bind_group_norm, .launch = launch_norm};

/* ---- batch_norm: one scale and shift a channel ---- */

enum { MEAN = 3, VAR = 4 };

typedef struct {
    cu_fold_args fold;
    cu_scale_shift_args apply;
    size_t scale, shift;
} batch_norm_state;

static ingot_status bind_batch_norm(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[X];
    int64_t n;
    if (ig_cu_int(b, "training_mode")) return IG_CU_DECLINE(b, "training");
    batch_norm_state *s = ig_el_state(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    const bool wide = x->dtype == INGOT_F64;
    const int first = 1, last = !ig_cu_int(b, "spatial") ? x->rank : x->rank < 2 ? x->rank : 2;
    ig_type each = {.dtype = wide ? INGOT_F64 : INGOT_F32, .rank = x->rank};
    for (int i = 0; i < x->rank; i++) each.dims[i] = i >= first && i < last ? x->dims[i] : 1;
    const ig_type *types[3] = {x, &each, &each};
    if (!ig_el_count(&each, &n) || !ig_el_walk(&s->apply.walk, x, types, 3))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    s->apply.dtype = (int)x->dtype;
    s->fold = (cu_fold_args){.n = n,
                             .eps = ig_cu_float(b, "epsilon"),
                             .gamma_dtype = (int)b->in[GAMMA]->dtype,
                             .beta_dtype = (int)b->in[BETA]->dtype,
                             .mean_dtype = (int)b->in[MEAN]->dtype,
                             .var_dtype = (int)b->in[VAR]->dtype,
                             .wide = wide};
    if (!ig_el_piece(b, n, wide ? sizeof(double) : sizeof(float), &s->scale) ||
        !ig_el_piece(b, n, wide ? sizeof(double) : sizeof(float), &s->shift))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    b->kernel = "scale and shift";
    return INGOT_OK;
}

static ingot_status launch_batch_norm(ig_device_stream *s, const ig_device_run *r)
{
    const batch_norm_state *state = r->state;
    cu_fold_args fold = state->fold;
    cu_scale_shift_args apply = state->apply;
    fold.gamma = r->in[GAMMA], fold.beta = r->in[BETA];
    fold.mean = r->in[MEAN], fold.var = r->in[VAR];
    fold.scale = (char *)r->scratch + state->scale;
    fold.shift = (char *)r->scratch + state->shift;
    apply.x = r->in[X], apply.y = r->out[0];
    apply.scale = fold.scale, apply.shift = fold.shift;
    if (!apply.walk.total) return INGOT_OK;
    int status = cu_fold(&fold, ig_cu_stream(s));
    if (!status) status = cu_scale_shift(&apply, ig_cu_stream(s));
    return ig_cu_done(s, r, status);
}

const ig_cu_op ig_cu_op_batch_norm = {
    .name = "batch_norm", .bind = bind_batch_norm, .launch = launch_batch_norm};

/* ---- across channels, and rows of classical models ---- */

static ingot_status bind_lrn(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0];
    ig_el_lines l;
    const int64_t size = ig_cu_int(b, "size");
    cu_lrn_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    if (!ig_el_split(&l, x, 1) || size > INT32_MAX) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    *a = (cu_lrn_args){.samples = l.outer,
                       .channels = l.n,
                       .inner = l.inner,
                       .before = (size - 1) / 2,
                       .after = size / 2,
                       .scale = ig_cu_float(b, "alpha") / (double)size,
                       .beta = ig_cu_float(b, "beta"),
                       .bias = ig_cu_float(b, "bias"),
                       .dtype = (int)x->dtype};
    b->kernel = "lrn";
    return INGOT_OK;
}

static ingot_status launch_lrn(ig_device_stream *s, const ig_device_run *r)
{
    cu_lrn_args a = *(const cu_lrn_args *)r->state;
    a.x = r->in[0], a.y = r->out[0];
    return ig_cu_done(s, r, cu_lrn(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_lrn = {.name = "lrn", .bind = bind_lrn, .launch = launch_lrn};

static ingot_status bind_row_normalize(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0];
    int64_t n;
    if (!ig_el_number(x->dtype)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    if (!ig_el_count(x, &n)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    cu_row_normalize_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    const int64_t cols = x->dims[x->rank - 1];
    *a = (cu_row_normalize_args){.rows = n ? n / cols : 0,
                                 .cols = cols,
                                 .dtype = (int)x->dtype,
                                 .kind = (int)ig_cu_int(b, "norm")}; /* MAX, L1, L2 */
    b->kernel = "row_normalize";
    return INGOT_OK;
}

static ingot_status launch_row_normalize(ig_device_stream *s, const ig_device_run *r)
{
    cu_row_normalize_args a = *(const cu_row_normalize_args *)r->state;
    a.x = r->in[0], a.y = r->out[0];
    return ig_cu_done(s, r, cu_row_normalize(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_row_normalize = {
    .name = "row_normalize", .bind = bind_row_normalize, .launch = launch_row_normalize};
