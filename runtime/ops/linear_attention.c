/* linear_attention.c - linear_attention(q, k, v, past?, decay?, beta?) -> y, state: attention
 * without softmax as a recurrence over tokens, with a state S [d, dv] a key head:
 *
 *     decay:  S *= exp(g)          (a factor a row, or one a head)
 *     beta:   v  = beta (v - S^T k)
 *             S += k v^T,  y = scale S^T q
 *
 * All are packed: q [B, T, Hq * d], k [B, T, H * d], v [B, T, H * dv], decay [B, T, H or H * d],
 * beta [B, T, H or 1]; the state is [B, H, d, dv]. Computed in f32. A task is a key head. */
#include "runtime/ops/wide.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

typedef struct {
    int64_t q_heads, kv_heads;
    double scale; /* 0: 1 / sqrt(d) */
} linear_attrs;

static const ig_attr attrs[] = {
    IG_INT(linear_attrs, q_heads, 1),
    IG_INT(linear_attrs, kv_heads, 1),
    IG_FLOAT(linear_attrs, scale, 0),
    {0},
};

enum { Q, K, V, PAST, DECAY, BETA, INPUTS };

static ingot_status check_packed(ig_infer *c, uint32_t i, int64_t heads, int64_t *size)
{
    const ig_type *t = c->in[i];
    *size = IG_DIM_UNKNOWN;
    if (t->rank < 0) return INGOT_OK;
    if (t->rank != 3) return ig_infer_fail(c, "input %u has rank %d, not 3", i, t->rank);
    for (int d = 0; d < 2 && c->in[Q]->rank == 3; d++)
        if (ig_dim_differ(t->dims[d], c->in[Q]->dims[d]))
            return ig_infer_fail(c, "input %u has %lld in dimension %d, q %lld", i,
                                 (long long)t->dims[d], d, (long long)c->in[Q]->dims[d]);
    if (t->dims[2] < 0) return INGOT_OK;
    if (t->dims[2] % heads)
        return ig_infer_fail(c, "%lld columns of input %u do not make %lld heads",
                             (long long)t->dims[2], i, (long long)heads);
    *size = t->dims[2] / heads;
    return INGOT_OK;
}

static ingot_status check_gates(ig_infer *c, int64_t heads, int64_t d)
{
    int64_t size;
    if (ig_has(c, DECAY)) {
        IG_TRY(check_packed(c, DECAY, heads, &size));
        if (size >= 0 && d >= 0 && size != 1 && size != d)
            return ig_infer_fail(c, "a decay of %lld a head, expected 1 or %lld", (long long)size,
                                 (long long)d);
    }
    if (!ig_has(c, BETA)) return INGOT_OK;
    IG_TRY(check_packed(c, BETA, 1, &size));
    if (size >= 0 && size != 1 && size != heads)
        return ig_infer_fail(c, "beta has %lld columns for %lld heads", (long long)size,
                             (long long)heads);
    return INGOT_OK;
}

static ingot_status check_past(ig_infer *c, const int64_t want[4])
{
    if (!ig_has(c, PAST) || c->in[PAST]->rank < 0) return INGOT_OK;
    const ig_type *t = c->in[PAST];
    if (t->rank != 4) return ig_infer_fail(c, "the past state has rank %d, not 4", t->rank);
    for (int i = 0; i < 4; i++)
        if (ig_dim_differ(t->dims[i], want[i]))
            return ig_infer_fail(c, "dimension %d of the past state is %lld, expected %lld", i,
                                 (long long)t->dims[i], (long long)want[i]);
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const linear_attrs *a = c->attrs;
    int64_t dq, dk, dv, wide;
    if (a->q_heads < 1 || a->kv_heads < 1 || a->q_heads % a->kv_heads)
        return ig_infer_fail(c, "%lld query heads share %lld key heads", (long long)a->q_heads,
                             (long long)a->kv_heads);
    for (uint32_t i = 0; i < c->n_in; i++) {
        const ingot_dtype d = c->in[i] ? c->in[i]->dtype : INGOT_NONE;
        if (d != INGOT_NONE && d != INGOT_F32 && d != INGOT_F16 && d != INGOT_BF16)
            return ig_infer_fail(c, "input %u cannot be %s", i, ig_dtype(d)->name);
    }
    IG_TRY(check_packed(c, Q, a->q_heads, &dq));
    IG_TRY(check_packed(c, K, a->kv_heads, &dk));
    IG_TRY(check_packed(c, V, a->kv_heads, &dv));
    if (ig_dim_differ(dq, dk))
        return ig_infer_fail(c, "heads of q have %lld elements, those of k %lld", (long long)dq,
                             (long long)dk);
    IG_TRY(check_gates(c, a->kv_heads, dk));
    const ig_type *q = c->in[Q];
    const int64_t batch = q->rank == 3 ? q->dims[0] : IG_DIM_UNKNOWN;
    const int64_t tokens = q->rank == 3 ? q->dims[1] : IG_DIM_UNKNOWN;
    const int64_t kept[4] = {batch, a->kv_heads, dk, dv};
    IG_TRY(check_past(c, kept));
    if (dv >= 0 && !ig_mul_ok(dv, a->q_heads, &wide))
        return ig_infer_fail(c, "the heads are too wide");
    const int64_t y[3] = {batch, tokens, dv >= 0 ? dv * a->q_heads : IG_DIM_UNKNOWN};
    c->out[0] = ig_type_tensor(q->dtype, 3, y);
    c->out[1] = ig_type_tensor(ig_has(c, PAST) ? c->in[PAST]->dtype : q->dtype, 4, kept);
    return INGOT_OK;
}

typedef struct {
    ig_wide in[INPUTS], y, kept;
    size_t batch, tokens, heads, group, d, dv, n_decay, n_beta; /* a head; columns */
    size_t at_v, v_bytes; /* a corrected value for each worker */
    float scale;
} state;

static ingot_status bind(ig_bind *b)
{
    const linear_attrs *a = b->attrs;
    const ig_type *q = b->in[Q];
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    s->batch = (size_t)q->dims[0], s->tokens = (size_t)q->dims[1];
    s->heads = (size_t)a->kv_heads, s->group = (size_t)(a->q_heads / a->kv_heads);
    s->d = (size_t)(q->dims[2] / a->q_heads), s->dv = (size_t)(b->in[V]->dims[2] / a->kv_heads);
    if (b->n_in > DECAY && b->in[DECAY]) s->n_decay = (size_t)b->in[DECAY]->dims[2] / s->heads;
    if (b->n_in > BETA && b->in[BETA]) s->n_beta = (size_t)b->in[BETA]->dims[2];
    s->scale = a->scale != 0 ? (float)a->scale : 1 / sqrtf((float)s->d);
    for (uint32_t i = 0; i < b->n_in; i++)
        if (b->in[i]) IG_TRY(ig_wide_bind(&s->in[i], b, b->in[i], IG_CALC_F32));
    IG_TRY(ig_wide_bind(&s->y, b, b->out[0], IG_CALC_F32));
    IG_TRY(ig_wide_bind(&s->kept, b, b->out[1], IG_CALC_F32));
    s->v_bytes = (s->dv * sizeof(float) + IG_ALIGN - 1) / IG_ALIGN * IG_ALIGN;
    return ig_scratch_add(b, IG_MAX(b->n_threads, (size_t)1), s->v_bytes, &s->at_v);
}

typedef struct {
    const state *s;
    const float *in[INPUTS];
    float *y, *kept;
    char *v;
} job;

static void decay_state(const job *j, float *S, const float *g)
{
    const state *s = j->s;
    for (size_t i = 0; i < s->d; i++) {
        const float by = expf(g[s->n_decay > 1 ? i : 0]);
        for (size_t m = 0; m < s->dv; m++) S[i * s->dv + m] *= by;
    }
}

/* v = beta (v - S^T k) */
static void correct(const job *j, float *v, const float *S, const float *k, float beta)
{
    const state *s = j->s;
    for (size_t i = 0; i < s->d; i++)
        for (size_t m = 0; m < s->dv; m++) v[m] -= S[i * s->dv + m] * k[i];
    for (size_t m = 0; m < s->dv; m++) v[m] *= beta;
}

static void read_state(const job *j, float *y, const float *S, const float *q)
{
    const state *s = j->s;
    memset(y, 0, s->dv * sizeof *y);
    for (size_t i = 0; i < s->d; i++)
        for (size_t m = 0; m < s->dv; m++) y[m] += q[i] * S[i * s->dv + m];
    for (size_t m = 0; m < s->dv; m++) y[m] *= s->scale;
}

static void token(const job *j, float *S, float *v, size_t row, size_t h)
{
    const state *s = j->s;
    const float *k = j->in[K] + (row * s->heads + h) * s->d;
    memcpy(v, j->in[V] + (row * s->heads + h) * s->dv, s->dv * sizeof *v);
    if (s->n_decay) decay_state(j, S, j->in[DECAY] + (row * s->heads + h) * s->n_decay);
    if (s->n_beta) correct(j, v, S, k, j->in[BETA][row * s->n_beta + (s->n_beta > 1 ? h : 0)]);
    for (size_t i = 0; i < s->d; i++)
        for (size_t m = 0; m < s->dv; m++) S[i * s->dv + m] += k[i] * v[m];
    for (size_t g = h * s->group; g < (h + 1) * s->group; g++) {
        const size_t at = row * s->heads * s->group + g;
        read_state(j, j->y + at * s->dv, S, j->in[Q] + at * s->d);
    }
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    const state *s = j->s;
    float *v = (float *)(j->v + worker * s->v_bytes);
    for (size_t i = begin; i < end; i++) {
        float *S = j->kept + i * s->d * s->dv;
        const size_t bytes = s->d * s->dv * sizeof *S;
        if (j->in[PAST])
            memcpy(S, j->in[PAST] + i * s->d * s->dv, bytes);
        else
            memset(S, 0, bytes);
        for (size_t t = 0; t < s->tokens; t++)
            token(j, S, v, i / s->heads * s->tokens + t, i % s->heads);
    }
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    job j = {.s = s, .v = ig_piece(r, s->at_v)};
    for (uint32_t i = 0; i < r->n_in; i++) j.in[i] = ig_wide_in(&s->in[i], r, r->in[i]);
    j.y = ig_wide_room(&s->y, r, r->out[0]);
    j.kept = ig_wide_room(&s->kept, r, r->out[1]);
    ig_parallel(r->pool, s->batch * s->heads, 1, 0, work, &j);
    ig_wide_store(&s->y, r, r->out[0]);
    ig_wide_store(&s->kept, r, r->out[1]);
    return INGOT_OK;
}

const ig_op ig_op_linear_attention = {
    .name = "linear_attention",
    .min_in = 3,
    .max_in = INPUTS,
    .min_out = 2,
    .max_out = 2,
    .attrs = attrs,
    .attrs_bytes = sizeof(linear_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
