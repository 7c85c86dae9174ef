/* lrn.c - local response normalisation across channels (Krizhevsky et al. 2012), x [N, C, ...]:
 *
 *     y = x / (bias + alpha / size * sum of x^2 over `size` channels around)^beta
 *
 * The window begins (size - 1) / 2 channels before, rounded down. Blocks of neighbouring positions
 * go through all channels; each window is summed anew, so that no error creeps from channel to
 * channel. The usual beta of 3/4 needs two square roots instead of pow. */
#include "runtime/ops/wide.h"
#include "runtime/base/checked.h"

#include <math.h>

typedef struct {
    double alpha, beta, bias;
    int64_t size;
} lrn_attrs;

static const ig_attr attrs[] = {
    IG_FLOAT(lrn_attrs, alpha, 1e-4),
    IG_FLOAT(lrn_attrs, beta, 0.75),
    IG_FLOAT(lrn_attrs, bias, 1),
    IG_INT(lrn_attrs, size, 0),
    {0},
};

static ingot_status infer(ig_infer *c)
{
    const lrn_attrs *a = c->attrs;
    const ig_type *x = c->in[0];
    c->out[0] = *x;
    if (x->dtype != INGOT_NONE && ig_dtype(x->dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "x is %s, not a float", ig_dtype(x->dtype)->name);
    if (a->size < 1)
        return ig_infer_fail(c, "size is %lld, it must be 1 or more", (long long)a->size);
    if (x->rank >= 0 && x->rank < 2)
        return ig_infer_fail(c, "x has rank %d, it must have 2 or more", x->rank);
    return INGOT_OK;
}

typedef struct {
    ig_wide x, y;                   /* apart: windows overlap */
    size_t channels, inner, blocks; /* blocks of positions in a sample */
} lrn_state;

static ingot_status bind(ig_bind *b)
{
    const ig_type *x = b->in[0];
    lrn_state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    s->channels = (size_t)x->dims[1];
    s->inner = ig_dims_product(x->dims, 2, x->rank);
    s->blocks = s->inner / IG_BLOCK + (s->inner % IG_BLOCK != 0);
    b->kernel = "blocks";
    IG_TRY(ig_wide_bind(&s->x, b, x, ig_calc_float(x->dtype)));
    return ig_wide_bind(&s->y, b, b->out[0], s->x.calc);
}

typedef struct {
    const lrn_state *s;
    const void *x;
    void *y;
    double scale, beta, bias;
    size_t before, after; /* the window around a channel */
} job;

/* n positions from `at` on, channels j->s->inner apart. */
#define LRN(name, real, root, power)                                                       \
    static void name(const job *j, size_t at, size_t n)                                    \
    {                                                                                      \
        const real scale = (real)j->scale, bias = (real)j->bias, beta = (real)j->beta;     \
        const size_t row = j->s->inner, channels = j->s->channels;                         \
        const real *x = (const real *)j->x + at;                                           \
        real *y = (real *)j->y + at, sum[IG_BLOCK];                                        \
        for (size_t c = 0; c < channels; c++) {                                            \
            const size_t from = c < j->before ? 0 : c - j->before;                         \
            const size_t to = channels - c <= j->after ? channels : c + j->after + 1;      \
            for (size_t i = 0; i < n; i++) sum[i] = 0;                                     \
            for (size_t k = from; k < to; k++)                                             \
                for (size_t i = 0; i < n; i++) sum[i] += x[k * row + i] * x[k * row + i];  \
            for (size_t i = 0; i < n; i++) sum[i] = bias + scale * sum[i];                 \
            if (j->beta == 0.75)                                                           \
                for (size_t i = 0; i < n; i++) sum[i] = root(sum[i]) * root(root(sum[i])); \
            else                                                                           \
                for (size_t i = 0; i < n; i++) sum[i] = power(sum[i], beta);               \
            for (size_t i = 0; i < n; i++) y[c * row + i] = x[c * row + i] / sum[i];       \
        }                                                                                  \
    }

LRN(block_f32, float, sqrtf, powf)
LRN(block_f64, double, sqrt, pow)

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    const lrn_state *s = j->s;
    for (size_t i = begin; i < end; i++) {
        const size_t p = i % s->blocks * IG_BLOCK, n = IG_MIN(s->inner - p, (size_t)IG_BLOCK);
        const size_t at = i / s->blocks * s->channels * s->inner + p;
        if (s->x.calc == IG_CALC_F32)
            block_f32(j, at, n);
        else
            block_f64(j, at, n);
    }
}

static ingot_status run(ig_run *r)
{
    const lrn_attrs *a = r->attrs;
    const lrn_state *s = r->state;
    const ig_tensor *x = r->in[0];
    if (ig_tensor_elements(x) == 0) return INGOT_OK;
    job j = {
        .s = s,
        .x = ig_wide_in(&s->x, r, x),
        .y = ig_wide_room(&s->y, r, r->out[0]),
        .scale = a->alpha / (double)a->size,
        .beta = a->beta,
        .bias = a->bias,
        .before = (size_t)(a->size - 1) / 2,
        .after = (size_t)a->size / 2,
    };
    ig_parallel(r->pool, (size_t)x->dims[0] * s->blocks, IG_GRAIN / (s->channels * IG_BLOCK) + 1, 0,
                work, &j);
    ig_wide_store(&s->y, r, r->out[0]);
    return INGOT_OK;
}

static void cost(ig_cost *out, const ig_bind *b)
{
    const lrn_attrs *a = b->attrs;
    size_t n = 0;
    if (!ig_type_elements(b->out[0], &n)) n = 0;
    out->flops = (double)n * (2 * (double)a->size + 5);
    out->bytes = 2 * (double)n * (double)ig_dtype(b->out[0]->dtype)->bytes;
}

const ig_op ig_op_lrn = {
    .name = "lrn",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(lrn_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
