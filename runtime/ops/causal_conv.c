/* causal_conv.c - causal_conv(x, w, bias?, past?) -> y, present: a depthwise convolution along the
 * last axis that looks only back, with the k - 1 elements before x as its state.
 *
 *     y[b, c, i] = act(bias[c] + sum over t < k of w[c, 0, t] p[b, c, i + t]),  p = past x
 *
 * x and y [B, C, L], w [C, 1, k], past and present [B, C, k - 1]; no past: zeros. */
#include "runtime/ops/wide.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

typedef struct {
    int act;
} causal_attrs;

static const char *const act_names[] = {"none", "silu", NULL};
static const ig_attr attrs[] = {IG_ENUM(causal_attrs, act, 0, act_names), {0}};

enum { X, W, BIAS, PAST, INPUTS };

static ingot_status check_shape(ig_infer *c, uint32_t i, int rank, const int64_t *want)
{
    if (!ig_has(c, i) || c->in[i]->rank < 0) return INGOT_OK;
    const ig_type *t = c->in[i];
    if (t->rank != rank) return ig_infer_fail(c, "input %u has rank %d, not %d", i, t->rank, rank);
    for (int d = 0; d < rank; d++)
        if (ig_dim_differ(t->dims[d], want[d]))
            return ig_infer_fail(c, "dimension %d of input %u is %lld, expected %lld", d, i,
                                 (long long)t->dims[d], (long long)want[d]);
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const ig_type *x = c->in[X], *w = c->in[W];
    const int64_t any = IG_DIM_UNKNOWN;
    for (uint32_t i = 0; i < c->n_in; i++) {
        const ingot_dtype d = c->in[i] ? c->in[i]->dtype : INGOT_NONE;
        if (d != INGOT_NONE && d != INGOT_F32 && d != INGOT_F16 && d != INGOT_BF16)
            return ig_infer_fail(c, "input %u cannot be %s", i, ig_dtype(d)->name);
    }
    c->out[0] = *x;
    c->out[1] = (ig_type){.dtype = x->dtype, .rank = IG_RANK_UNKNOWN};
    IG_TRY(check_shape(c, X, 3, (const int64_t[]){any, any, any}));
    const int64_t batch = x->rank == 3 ? x->dims[0] : any,
                  channels = x->rank == 3 ? x->dims[1] : any;
    IG_TRY(check_shape(c, W, 3, (const int64_t[]){channels, 1, any}));
    IG_TRY(check_shape(c, BIAS, 1, (const int64_t[]){channels}));
    const int64_t k = w->rank == 3 ? w->dims[2] : any;
    if (k == 0) return ig_infer_fail(c, "the kernel is empty");
    const int64_t kept[3] = {batch, channels, k > 0 ? k - 1 : any};
    IG_TRY(check_shape(c, PAST, 3, kept));
    c->out[1] = ig_type_tensor(x->dtype, 3, kept);
    return INGOT_OK;
}

typedef struct {
    ig_wide in[INPUTS], y, kept;
    size_t rows, channels, n, k;
    size_t at_row, row_bytes; /* p of one channel, for each worker */
    bool silu;
} state;

static ingot_status bind(ig_bind *b)
{
    const causal_attrs *a = b->attrs;
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    const ig_type *x = b->in[X];
    s->channels = (size_t)x->dims[1];
    s->rows = (size_t)x->dims[0] * s->channels;
    s->n = (size_t)x->dims[2];
    s->k = (size_t)b->in[W]->dims[2];
    s->silu = a->act != 0;
    if (!ig_add_ok(s->n, s->k, &s->row_bytes) ||
        !ig_mul_ok(s->row_bytes, sizeof(float), &s->row_bytes) ||
        !ig_align_ok(s->row_bytes, (size_t)IG_ALIGN, &s->row_bytes))
        return ig_bind_fail(b, "a row is too large");
    for (uint32_t i = 0; i < b->n_in; i++)
        if (b->in[i]) IG_TRY(ig_wide_bind(&s->in[i], b, b->in[i], IG_CALC_F32));
    IG_TRY(ig_wide_bind(&s->y, b, b->out[0], IG_CALC_F32));
    IG_TRY(ig_wide_bind(&s->kept, b, b->out[1], IG_CALC_F32));
    return ig_scratch_add(b, IG_MAX(b->n_threads, (size_t)1), s->row_bytes, &s->at_row);
}

typedef struct {
    const state *s;
    const float *in[INPUTS];
    float *y, *kept;
    char *rows;
} job;

static void channel(const job *j, size_t i, float *p)
{
    const state *s = j->s;
    const size_t past = s->k - 1, c = i % s->channels;
    const float *w = j->in[W] + c * s->k;
    float *y = j->y + i * s->n;
    if (j->in[PAST])
        memcpy(p, j->in[PAST] + i * past, past * sizeof *p);
    else
        memset(p, 0, past * sizeof *p);
    memcpy(p + past, j->in[X] + i * s->n, s->n * sizeof *p);
    memcpy(j->kept + i * past, p + s->n, past * sizeof *p);
    for (size_t e = 0; e < s->n; e++) y[e] = 0;
    for (size_t t = 0; t < s->k; t++)
        for (size_t e = 0; e < s->n; e++) y[e] += w[t] * p[e + t];
    for (size_t e = 0; e < s->n && j->in[BIAS]; e++) y[e] += j->in[BIAS][c];
    for (size_t e = 0; e < s->n && s->silu; e++) y[e] /= 1 + expf(-y[e]);
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    float *p = (float *)(j->rows + worker * j->s->row_bytes);
    for (size_t i = begin; i < end; i++) channel(j, i, p);
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    job j = {.s = s, .rows = ig_piece(r, s->at_row)};
    for (uint32_t i = 0; i < r->n_in; i++) j.in[i] = ig_wide_in(&s->in[i], r, r->in[i]);
    j.y = ig_wide_room(&s->y, r, r->out[0]);
    j.kept = ig_wide_room(&s->kept, r, r->out[1]);
    ig_parallel(r->pool, s->rows, IG_GRAIN / (s->n * s->k + 1) + 1, 0, work, &j);
    ig_wide_store(&s->y, r, r->out[0]);
    ig_wide_store(&s->kept, r, r->out[1]);
    return INGOT_OK;
}

const ig_op ig_op_causal_conv = {
    .name = "causal_conv",
    .min_in = 2,
    .max_in = INPUTS,
    .min_out = 2,
    .max_out = 2,
    .attrs = attrs,
    .attrs_bytes = sizeof(causal_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
