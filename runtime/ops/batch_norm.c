/* batch_norm.c - batch_norm(x [N, C, ...], scale, b, mean, var): each channel scaled and shifted so
 * that its mean and variance become b and scale^2.
 *
 * training_mode: mean and variance are those of x; outputs 1 and 2 are the running ones (momentum
 * of the given, 1 - momentum of x's), outputs 3 and 4 (ONNX before opset 14) x's own. spatial = 0
 * (before opset 9): the parameters are [C, ...], one for each element of a sample. x of rank 1 has
 * one channel. Statistics and parameters are computed in double and rounded once. */
#include "kernels/binary/binary.h"
#include "kernels/unary/unary.h"
#include "runtime/ops/wide.h"
#include "runtime/base/checked.h"

#include <math.h>

typedef struct {
    double epsilon, momentum;
    int64_t training_mode, spatial;
} batch_norm_attrs;

static const ig_attr attrs[] = {
    IG_FLOAT(batch_norm_attrs, epsilon, 1e-5),
    IG_FLOAT(batch_norm_attrs, momentum, 0.9),
    IG_INT(batch_norm_attrs, training_mode, 0),
    IG_INT(batch_norm_attrs, spatial, 1),
    {0},
};

enum { X, SCALE, SHIFT, MEAN, VAR, N_IN };
enum { Y, RUNNING_MEAN, RUNNING_VAR, SAVED_MEAN, SAVED_VAR, N_OUT };

static const char *const names[] = {"x", "scale", "b", "mean", "var"};

static ingot_status check_parameter(ig_infer *c, uint32_t i)
{
    const batch_norm_attrs *a = c->attrs;
    const ig_type *x = c->in[X], *t = c->in[i];
    if (t->dtype != INGOT_NONE && ig_dtype(t->dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "%s is %s, not a float", names[i], ig_dtype(t->dtype)->name);
    if (t->rank < 0 || x->rank < 0) return INGOT_OK;
    const int rank = a->spatial || x->rank < 2 ? 1 : x->rank - 1;
    if (t->rank != rank) return ig_infer_fail(c, "%s has rank %d, not %d", names[i], t->rank, rank);
    for (int d = 0; d < rank; d++) {
        const int64_t want = x->rank < 2 ? 1 : x->dims[d + 1];
        if (ig_dim_differ(t->dims[d], want))
            return ig_infer_fail(c, "%s has %lld elements for %lld channels", names[i],
                                 (long long)t->dims[d], (long long)want);
    }
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const batch_norm_attrs *a = c->attrs;
    const ig_type *x = c->in[X];
    c->out[Y] = *x;
    if (x->dtype != INGOT_NONE && ig_dtype(x->dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "x is %s, not a float", ig_dtype(x->dtype)->name);
    if (x->rank == 0) return ig_infer_fail(c, "x has rank 0");
    for (uint32_t i = SCALE; i < N_IN; i++) IG_TRY(check_parameter(c, i));
    for (uint32_t o = 1; o < c->n_out; o++) {
        if (!a->training_mode && c->node->out[o] != IG_NO_VALUE)
            return ig_infer_fail(c, "output %u is there in training mode only", (unsigned)o);
        c->out[o] = *c->in[o == RUNNING_VAR || o == SAVED_VAR ? VAR : MEAN];
    }
    return INGOT_OK;
}

typedef struct {
    ig_calc calc;
    size_t samples, channels, inner;
    size_t scale, shift, mean, var; /* [channels]: calc, calc, f64, f64 in scratch */
    ig_wide x;
    unary_f32_fn *affine;
    scale_shift_f32_fn *columns;
} batch_norm_state;

static ingot_status bind(ig_bind *b)
{
    const batch_norm_attrs *a = b->attrs;
    const ig_type *x = b->in[X];
    batch_norm_state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    const int last = !a->spatial ? x->rank : IG_MIN(2, x->rank); /* of the channels' dims */
    s->calc = ig_calc_float(x->dtype);
    s->samples = (size_t)x->dims[0];
    s->channels = ig_dims_product(x->dims, 1, last);
    s->inner = ig_dims_product(x->dims, last, x->rank);
    s->affine = ig_affine_f32();
    s->columns = ig_scale_shift_f32();
    b->kernel = s->inner == 1 ? "columns" : "rows";
    const size_t each = ig_calc_bytes(s->calc);
    IG_TRY(ig_wide_bind(&s->x, b, x, s->calc));
    IG_TRY(ig_scratch_add(b, s->channels, each, &s->scale));
    IG_TRY(ig_scratch_add(b, s->channels, each, &s->shift));
    IG_TRY(ig_scratch_add(b, s->channels, sizeof(double), &s->mean));
    return ig_scratch_add(b, s->channels, sizeof(double), &s->var);
}

typedef struct {
    const batch_norm_state *s;
    const void *x;
    void *y;
    const void *scale, *shift;
    double *mean, *var;
} job;

/* ---- the result ---- */

static void rows_f64(double *y, const double *x, const double *scale, const double *shift,
                     size_t rows, size_t cols)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) y[r * cols + c] = x[r * cols + c] * scale[c] + shift[c];
}

/* Samples, of which each has one element a channel. */
static void work_columns(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    const size_t n = j->s->channels, at = begin * n;
    if (j->s->calc == IG_CALC_F32)
        j->s->columns((float *)j->y + at, (const float *)j->x + at, j->scale, j->shift, end - begin,
                      n);
    else
        rows_f64((double *)j->y + at, (const double *)j->x + at, j->scale, j->shift, end - begin,
                 n);
}

/* Channels of samples. */
static void work_rows(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    const size_t n = j->s->inner;
    for (size_t r = begin; r < end; r++) {
        const size_t c = r % j->s->channels;
        if (j->s->calc == IG_CALC_F32) {
            j->s->affine((float *)j->y + r * n, (const float *)j->x + r * n, n,
                         ((const float *)j->scale)[c], ((const float *)j->shift)[c]);
            continue;
        }
        const double scale = ((const double *)j->scale)[c], shift = ((const double *)j->shift)[c];
        const double *x = (const double *)j->x + r * n;
        double *y = (double *)j->y + r * n;
        for (size_t i = 0; i < n; i++) y[i] = x[i] * scale + shift;
    }
}

/* ---- statistics ---- */

static double sum_channel(const job *j, size_t c, double mean, bool squares)
{
    const batch_norm_state *s = j->s;
    double sum = 0;
    for (size_t n = 0; n < s->samples; n++) {
        const size_t at = (n * s->channels + c) * s->inner;
        double part = 0;
        for (size_t i = at; i < at + s->inner; i++) {
            const double v = s->calc == IG_CALC_F32 ? (double)((const float *)j->x)[i]
                                                    : ((const double *)j->x)[i];
            part += squares ? (v - mean) * (v - mean) : v;
        }
        sum += part;
    }
    return sum / ((double)s->samples * (double)s->inner);
}

static void measure(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    for (size_t c = begin; c < end; c++) {
        j->mean[c] = sum_channel(j, c, 0, false);
        j->var[c] = sum_channel(j, c, j->mean[c], true);
    }
}

static void write_statistics(ig_run *r, const job *j)
{
    const batch_norm_attrs *a = r->attrs;
    for (uint32_t o = 1; o < r->n_out; o++) {
        if (!r->out[o]) continue;
        const bool var = o == RUNNING_VAR || o == SAVED_VAR, running = o < SAVED_MEAN;
        const ig_tensor *before = r->in[var ? VAR : MEAN];
        const double *own = var ? j->var : j->mean, keep = running ? a->momentum : 0;
        for (size_t c = 0; c < j->s->channels; c++) {
            const double old = running ? ig_load_f64(before->data, before->dtype, c) * keep : 0;
            const double v = old + own[c] * (1 - keep);
            ig_store(r->out[o]->data, r->out[o]->dtype, c, &v, IG_CALC_F64, 1);
        }
    }
}

static void fill_parameters(const ig_run *r, const job *j, bool training)
{
    const batch_norm_attrs *a = r->attrs;
    const ig_tensor *scale = r->in[SCALE], *shift = r->in[SHIFT], *mean = r->in[MEAN],
                    *var = r->in[VAR];
    void *to_scale = ig_piece(r, j->s->scale), *to_shift = ig_piece(r, j->s->shift);
    for (size_t c = 0; c < j->s->channels; c++) {
        const double m = training ? j->mean[c] : ig_load_f64(mean->data, mean->dtype, c);
        const double v = training ? j->var[c] : ig_load_f64(var->data, var->dtype, c);
        const double by = ig_load_f64(scale->data, scale->dtype, c) / sqrt(v + a->epsilon);
        const double to = ig_load_f64(shift->data, shift->dtype, c) - m * by;
        ig_store(to_scale, ig_calc_dtype(j->s->calc), c, &by, IG_CALC_F64, 1);
        ig_store(to_shift, ig_calc_dtype(j->s->calc), c, &to, IG_CALC_F64, 1);
    }
}

static ingot_status run(ig_run *r)
{
    const batch_norm_attrs *a = r->attrs;
    const batch_norm_state *s = r->state;
    job j = {
        .s = s,
        .x = ig_wide_in(&s->x, r, r->in[X]),
        .y = ig_wide_room(&s->x, r, r->out[Y]),
        .scale = ig_piece(r, s->scale),
        .shift = ig_piece(r, s->shift),
        .mean = ig_piece(r, s->mean),
        .var = ig_piece(r, s->var),
    };
    const size_t each = s->samples * s->inner; /* elements of a channel */
    if (a->training_mode) {
        ig_parallel(r->pool, s->channels, IG_GRAIN / (each + 1) + 1, 0, measure, &j);
        write_statistics(r, &j);
    }
    if (ig_tensor_elements(r->in[X]) == 0) return INGOT_OK;
    fill_parameters(r, &j, a->training_mode != 0);
    if (s->inner == 1)
        ig_parallel(r->pool, s->samples, IG_GRAIN / s->channels + 1, 0, work_columns, &j);
    else
        ig_parallel(r->pool, s->samples * s->channels, IG_GRAIN / s->inner + 1, 0, work_rows, &j);
    ig_wide_store(&s->x, r, r->out[Y]);
    return INGOT_OK;
}

const ig_op ig_op_batch_norm = {
    .name = "batch_norm",
    .min_in = N_IN,
    .max_in = N_IN,
    .min_out = 1,
    .max_out = N_OUT,
    .attrs = attrs,
    .attrs_bytes = sizeof(batch_norm_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
