/* group_norm.c - group_norm(x [N, C, ...], scale, bias): the channels of a sample fall in
 * num_groups groups, each is brought to mean 0 and deviation 1, then each channel is scaled and
 * shifted. num_groups = 0: each channel is a group (instance normalisation). per_group: scale and
 * bias are [num_groups] (ONNX opset 18), else [C]. Computes in f32, f64 for f64. */
#include "kernels/unary/unary.h"
#include "runtime/ops/norm_rows.h"
#include "runtime/ops/wide.h"
#include "runtime/base/checked.h"

typedef struct {
    int64_t num_groups, per_group, stash_type;
    double epsilon;
} group_norm_attrs;

static const ig_attr attrs[] = {
    IG_INT(group_norm_attrs, num_groups, 0),
    IG_FLOAT(group_norm_attrs, epsilon, 1e-5),
    IG_INT(group_norm_attrs, per_group, 0),
    IG_INT(group_norm_attrs, stash_type, 1), /* the precision is f32 or better whatever it says */
    {0},
};

enum { X, SCALE, BIAS, N_IN };

static ingot_status infer(ig_infer *c)
{
    const group_norm_attrs *a = c->attrs;
    const ig_type *x = c->in[X];
    c->out[0] = *x;
    if (x->dtype != INGOT_NONE && ig_dtype(x->dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "x is %s, not a float", ig_dtype(x->dtype)->name);
    if (a->num_groups < 0) return ig_infer_fail(c, "num_groups is %lld", (long long)a->num_groups);
    if (x->rank >= 0 && x->rank < 2)
        return ig_infer_fail(c, "x has rank %d, it must have 2 or more", x->rank);
    const int64_t channels = x->rank < 0 ? IG_DIM_UNKNOWN : x->dims[1];
    if (channels >= 0 && a->num_groups && channels % a->num_groups)
        return ig_infer_fail(c, "%lld channels do not fall in %lld groups", (long long)channels,
                             (long long)a->num_groups);
    const int64_t want = a->per_group && a->num_groups ? a->num_groups : channels;
    for (uint32_t i = SCALE; i < N_IN; i++) {
        const ig_type *t = c->in[i];
        if (t->dtype != INGOT_NONE && ig_dtype(t->dtype)->class_ != IG_CLASS_FLOAT)
            return ig_infer_fail(c, "%s is no float", i == SCALE ? "scale" : "bias");
        if (t->rank >= 0 && (t->rank != 1 || ig_dim_differ(t->dims[0], want)))
            return ig_infer_fail(c, "%s must have rank 1 and %lld elements",
                                 i == SCALE ? "scale" : "bias", (long long)want);
    }
    return INGOT_OK;
}

typedef struct {
    ig_calc calc;
    size_t rows, groups, channels, inner; /* channels: of a group */
    ig_wide x, scale, bias;
    unary_f32_fn *affine;
} group_norm_state;

static ingot_status bind(ig_bind *b)
{
    const group_norm_attrs *a = b->attrs;
    const ig_type *x = b->in[X];
    group_norm_state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    s->calc = ig_calc_float(x->dtype);
    s->groups = (size_t)(a->num_groups ? a->num_groups : x->dims[1]);
    s->channels = s->groups ? (size_t)x->dims[1] / s->groups : 0;
    s->inner = ig_dims_product(x->dims, 2, x->rank);
    if (!ig_mul_ok((size_t)x->dims[0], s->groups, &s->rows))
        return ig_bind_fail(b, "there are too many groups");
    s->affine = ig_affine_f32();
    b->kernel = "rows";
    IG_TRY(ig_wide_bind(&s->x, b, x, s->calc));
    IG_TRY(ig_wide_bind(&s->scale, b, b->in[SCALE], s->calc));
    return ig_wide_bind(&s->bias, b, b->in[BIAS], s->calc);
}

typedef struct {
    const group_norm_state *s;
    ig_norm_rows rows;
    const void *scale, *bias;
    bool per_group;
} job;

static void affine_row(const job *j, size_t at, size_t parameter)
{
    const size_t n = j->s->inner;
    if (j->s->calc == IG_CALC_F32) {
        float *y = (float *)j->rows.y + at;
        j->s->affine(y, y, n, ((const float *)j->scale)[parameter],
                     ((const float *)j->bias)[parameter]);
        return;
    }
    double *y = (double *)j->rows.y + at;
    const double scale = ((const double *)j->scale)[parameter],
                 bias = ((const double *)j->bias)[parameter];
    for (size_t i = 0; i < n; i++) y[i] = y[i] * scale + bias;
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    const group_norm_state *s = j->s;
    for (size_t r = begin; r < end; r++) {
        ig_norm_rows_part(&j->rows, r, r + 1);
        const size_t group = r % s->groups;
        for (size_t c = 0; c < s->channels; c++)
            affine_row(j, (r * s->channels + c) * s->inner,
                       j->per_group ? group : group * s->channels + c);
    }
}

static ingot_status run(ig_run *r)
{
    const group_norm_attrs *a = r->attrs;
    const group_norm_state *s = r->state;
    if (ig_tensor_elements(r->in[X]) == 0) return INGOT_OK;
    job j = {
        .s = s,
        .rows = {.y = ig_wide_room(&s->x, r, r->out[0]),
                 .x = ig_wide_in(&s->x, r, r->in[X]),
                 .cols = s->channels * s->inner,
                 .eps = a->epsilon,
                 .calc = s->calc},
        .scale = ig_wide_in(&s->scale, r, r->in[SCALE]),
        .bias = ig_wide_in(&s->bias, r, r->in[BIAS]),
        .per_group = a->per_group && a->num_groups,
    };
    ig_parallel(r->pool, s->rows, IG_GRAIN / (j.rows.cols + 1) + 1, 0, work, &j);
    ig_wide_store(&s->x, r, r->out[0]);
    return INGOT_OK;
}

static void cost(ig_cost *out, const ig_bind *b)
{
    size_t n = 0;
    if (!ig_type_elements(b->out[0], &n)) n = 0;
    out->flops = 8 * (double)n;
    out->bytes = 2 * (double)n * (double)ig_dtype(b->out[0]->dtype)->bytes;
}

const ig_op ig_op_group_norm = {
    .name = "group_norm",
    .min_in = N_IN,
    .max_in = N_IN,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(group_norm_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
