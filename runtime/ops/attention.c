/* attention.c - attention(q, k, v, mask?, past_k?, past_v?, kv_len?) -> y, present_k?, present_v?,
 * scores?: ONNX's Attention.
 *
 *   q          [B, Hq, Tq, D], or [B, Tq, Hq * D] with q_heads and kv_heads; k, v and y likewise
 *   mask       bool (true: look) or numbers to add, broadcast to [B, Hq, Tq, T]; a shorter last
 *              dimension hides the keys beyond it
 *   past       [B, Hkv, P, D], before k and v; present is both together
 *   tokens_first  bits for q, k, v and y: of rank 4, it is [B, T, heads, size]
 *   hidden_nan    a query all of whose keys the mask hides with -infinity gives NaN, as softmax
 *              does; else zeros
 *   kv_len     [B] i64: so many keys are there; with causal the last query stands at the last of
 *              them
 *
 * Query head h reads key head h / (Hq / Hkv). A task is a key head and a block of queries: heads
 * are read and written where they lie, with strides. f16 and bf16 are widened as a whole. */
#include "runtime/ops/attention.h"
#include "runtime/ops/attention_rows.h"
#include "runtime/ops/wide.h"
#include "kernels/attention/attention.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

static const char *const score_names[] = {"raw", "capped", "masked", "softmax", NULL};

static const ig_attr attrs[] = {
    IG_INT(attention_attrs, q_heads, 0),
    IG_INT(attention_attrs, kv_heads, 0),
    IG_INT(attention_attrs, causal, 0),
    IG_INT(attention_attrs, left_window, -1),
    IG_INT(attention_attrs, right_window, -1),
    IG_INT(attention_attrs, softmax_precision, 0),
    IG_INT(attention_attrs, tokens_first, 0),
    IG_INT(attention_attrs, hidden_nan, 0),
    IG_FLOAT(attention_attrs, scale, 0), /* 0: 1 / sqrt(D) */
    IG_FLOAT(attention_attrs, softcap, 0),
    IG_ENUM(attention_attrs, scores, 0, score_names),
    {0},
};

/* ---- bind ---- */

/* Where the heads of a tensor lie, in elements. */
typedef struct {
    size_t batch, head, row;
} layout;

typedef struct {
    attention_f32_fn *kernel;
    ig_attention_rows_fn *rows;
    ig_calc calc;
    size_t batch, q_heads, kv_heads, shared, tq, tk, past, d,
        dv;            /* shared: query heads a key head */
    layout q, k, v, y; /* k and v: of what is read, past included */
    bool joined;       /* past and new keys are copied together */
    ig_wide wide_q, wide_k, wide_v, wide_y;
    size_t at_k, at_v; /* joined, when nobody wants them as an output */
    bool has_mask, mask_copied;
    size_t mask_batch, mask_head, mask_row; /* 0: repeated */
    size_t mask_rows, mask_len, at_mask;
    bool plain;                                             /* nothing that the kernel cannot do */
    size_t heads, q_block, blocks, at_worker, worker_bytes; /* heads: of the tasks */
    double scale;
} state;

static layout layout_of(const ig_type *t, bool first, size_t count, size_t tokens, size_t size)
{
    if (t->rank == 4 && !first) return (layout){count * tokens * size, tokens * size, size};
    return (layout){count * tokens * size, size, count * size};
}

static const ig_type *input(const ig_bind *b, uint32_t i) { return i < b->n_in ? b->in[i] : NULL; }
static const ig_type *output(const ig_bind *b, uint32_t i)
{
    return i < b->n_out ? b->out[i] : NULL;
}

static void measure(state *s, const ig_bind *b)
{
    const attention_attrs *a = b->attrs;
    const ig_type *q = b->in[Q], *k = b->in[K], *v = b->in[V], *past = input(b, PAST_K);
    const bool four = q->rank == 4;
    s->batch = (size_t)q->dims[0];
    const bool q_first = a->tokens_first & Q_FIRST, k_first = a->tokens_first & K_FIRST;
    const bool v_first = a->tokens_first & V_FIRST, y_first = a->tokens_first & Y_FIRST;
    s->q_heads = (size_t)(four ? q->dims[q_first ? 2 : 1] : a->q_heads);
    s->kv_heads = (size_t)(four ? k->dims[k_first ? 2 : 1] : a->kv_heads);
    s->tq = (size_t)q->dims[four && !q_first ? 2 : 1];
    s->d = four ? (size_t)q->dims[3] : (size_t)q->dims[2] / s->q_heads;
    s->dv = four ? (size_t)v->dims[3] : (size_t)v->dims[2] / s->kv_heads;
    s->shared = s->kv_heads ? s->q_heads / s->kv_heads : 0;
    const size_t fresh = (size_t)k->dims[four && !k_first ? 2 : 1];
    s->past = past ? (size_t)past->dims[2] : 0;
    s->tk = fresh + s->past;
    s->joined = past || output(b, PRESENT_K) || output(b, PRESENT_V);
    const ig_type joined = {.rank = 4};
    s->q = layout_of(q, q_first, s->q_heads, s->tq, s->d);
    s->y = layout_of(q, y_first, s->q_heads, s->tq, s->dv);
    s->k = layout_of(s->joined ? &joined : k, k_first && !s->joined, s->kv_heads, s->tk, s->d);
    s->v = layout_of(s->joined ? &joined : v, v_first && !s->joined, s->kv_heads, s->tk, s->dv);
    s->scale = a->scale != 0 ? a->scale : s->d ? 1 / sqrt((double)s->d) : 1;
}

static ingot_status bind_mask(state *s, ig_bind *b)
{
    const ig_type *t = input(b, MASK);
    size_t dims[4] = {1, 1, 1, 1};
    if (!t) return INGOT_OK;
    for (int d = 0; d < t->rank; d++) dims[4 - t->rank + d] = (size_t)t->dims[d];
    s->has_mask = true;
    s->mask_len = dims[3];
    s->mask_rows = dims[0] * dims[1] * dims[2];
    s->mask_row = dims[2] > 1 ? s->tk : 0;
    s->mask_head = dims[1] > 1 ? dims[2] * s->tk : 0;
    s->mask_batch = dims[0] > 1 ? dims[1] * dims[2] * s->tk : 0;
    s->mask_copied = t->dtype != ig_calc_dtype(s->calc) || s->mask_len != s->tk;
    size_t n;
    if (!ig_mul_ok(s->mask_rows, s->tk, &n)) return ig_bind_fail(b, "the mask is too large");
    return s->mask_copied ? ig_scratch_add(b, n, ig_calc_bytes(s->calc), &s->at_mask) : INGOT_OK;
}

static ingot_status bind_heads(state *s, ig_bind *b)
{
    size_t n_k, n_v;
    if (!ig_mul_ok(s->batch * s->kv_heads, s->tk, &n_k) || !ig_mul_ok(n_k, s->dv, &n_v) ||
        !ig_mul_ok(n_k, s->d, &n_k))
        return ig_bind_fail(b, "the keys are too large");
    IG_TRY(ig_wide_bind(&s->wide_q, b, b->in[Q], s->calc));
    IG_TRY(ig_wide_bind_n(&s->wide_k, b, b->in[K], s->calc, n_k));
    IG_TRY(ig_wide_bind_n(&s->wide_v, b, b->in[V], s->calc, n_v));
    IG_TRY(ig_wide_bind(&s->wide_y, b, b->out[Y], s->calc));
    if (s->joined && !output(b, PRESENT_K))
        IG_TRY(ig_scratch_add(b, n_k, ig_dtype(b->in[K]->dtype)->bytes, &s->at_k));
    if (s->joined && !output(b, PRESENT_V))
        IG_TRY(ig_scratch_add(b, n_v, ig_dtype(b->in[V]->dtype)->bytes, &s->at_v));
    return INGOT_OK;
}

/* Tasks: for the kernel a key head with all query heads that share it, else a query head; whole
 * when there are enough of them, since each packs its keys; else also blocks of queries. */
static ingot_status bind_tasks(state *s, ig_bind *b)
{
    enum { FEWEST = 64 }; /* rows of a task, so that packing is a small part of it */
    const size_t threads = IG_MAX(b->n_threads, (size_t)1);
    const size_t rows = s->plain ? IG_MAX(s->shared, (size_t)1) : 1;
    size_t floats = 0, row;
    s->heads = s->batch * (s->plain ? s->kv_heads : s->q_heads);
    s->q_block = IG_MAX(s->tq, (size_t)1);
    while (threads > 1 && s->heads * ((s->tq + s->q_block - 1) / s->q_block) < 4 * threads &&
           s->q_block * rows >= 2 * FEWEST)
        s->q_block = (s->q_block + 1) / 2;
    s->blocks = (s->tq + s->q_block - 1) / s->q_block;
    const attention_args shape = {.heads = rows, .tk = s->tk, .d = s->d, .dv = s->dv};
    if ((s->plain && !ig_attention_scratch(&shape, s->q_block, &floats)) ||
        !ig_mul_ok(floats, sizeof(float), &floats) || !ig_mul_ok(s->tk, sizeof(double), &row) ||
        !ig_align_ok(s->plain ? floats : row, (size_t)IG_ALIGN, &s->worker_bytes))
        return ig_bind_fail(b, "the heads are too large");
    return ig_scratch_add(b, threads, s->worker_bytes, &s->at_worker);
}

static ingot_status bind(ig_bind *b)
{
    const attention_attrs *a = b->attrs;
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    s->kernel = ig_attention_f32();
    s->calc = ig_calc_float(b->in[Q]->dtype);
    if (b->in[V]->dtype == INGOT_F64 || a->softmax_precision == INGOT_F64) s->calc = IG_CALC_F64;
    s->rows = s->calc == IG_CALC_F64 ? ig_attention_rows_f64 : ig_attention_rows_f32;
    measure(s, b);
    s->plain = s->calc == IG_CALC_F32 && !output(b, SCORES);
    b->kernel = s->plain ? "attention_f32" : "rows";
    IG_TRY(bind_heads(s, b));
    IG_TRY(bind_mask(s, b));
    return bind_tasks(s, b);
}

/* ---- run ---- */

typedef struct {
    const state *s;
    const ig_run *r;
    const char *q, *k, *v, *mask;
    char *y;
} job;

/* Past and new rows of one head side by side. */
typedef struct {
    char *to;
    const char *past, *fresh;
    layout from;
    size_t heads, tk, n_past, bytes; /* bytes: of a row */
    size_t element;
} join_job;

static void join(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const join_job *j = arg;
    const size_t n_fresh = j->tk - j->n_past;
    for (size_t i = begin; i < end; i++) {
        char *to = j->to + i * j->tk * j->bytes;
        if (j->past) memcpy(to, j->past + i * j->n_past * j->bytes, j->n_past * j->bytes);
        to += j->n_past * j->bytes;
        const char *from =
            j->fresh + (i / j->heads * j->from.batch + i % j->heads * j->from.head) * j->element;
        for (size_t t = 0; t < n_fresh; t++)
            memcpy(to + t * j->bytes, from + t * j->from.row * j->element, j->bytes);
    }
}

static const ig_tensor *given(const ig_run *r, uint32_t i) { return i < r->n_in ? r->in[i] : NULL; }
static ig_tensor *wanted(const ig_run *r, uint32_t i) { return i < r->n_out ? r->out[i] : NULL; }

/* Keys or values as they are read: in place, or joined. which: 0 keys, 1 values. */
static ig_tensor whole(const ig_run *r, uint32_t which)
{
    const state *s = r->state;
    const ig_tensor *fresh = r->in[K + which], *past = given(r, PAST_K + which);
    ig_tensor out = *fresh;
    if (!s->joined) return out;
    ig_tensor *present = wanted(r, PRESENT_K + which);
    const size_t size = which ? s->dv : s->d, element = ig_dtype(fresh->dtype)->bytes;
    out.data = present ? present->data : ig_piece(r, which ? s->at_v : s->at_k);
    const attention_attrs *a = r->attrs;
    const ig_type t = {.rank = fresh->rank};
    const bool first = a->tokens_first & (which ? V_FIRST : K_FIRST);
    join_job j = {.to = out.data,
                  .past = past ? past->data : NULL,
                  .fresh = fresh->data,
                  .from = layout_of(&t, first, s->kv_heads, s->tk - s->past, size),
                  .heads = s->kv_heads,
                  .tk = s->tk,
                  .n_past = s->past,
                  .bytes = size * element,
                  .element = element};
    ig_parallel(r->pool, s->batch * s->kv_heads, 65536 / (s->tk * j.bytes + 1) + 1, 0, join, &j);
    return out;
}

/* The mask in the computing type: false is -infinity, and so is what lies beyond its end. */
static void prepare_mask(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    const state *s = j->s;
    const ig_tensor *m = j->r->in[MASK];
    char *to = (char *)ig_piece(j->r, s->at_mask);
    for (size_t r = begin; r < end; r++) {
        ig_block block;
        for (size_t i = 0, n; i < s->tk; i += n) {
            n = IG_MIN(s->tk - i, (size_t)IG_BLOCK);
            const size_t have = i < s->mask_len ? IG_MIN(s->mask_len - i, n) : 0;
            if (have) ig_load(&block, IG_CALC_F64, m->data, m->dtype, r * s->mask_len + i, have);
            for (size_t k = 0; k < n; k++)
                if (k >= have || m->dtype == INGOT_BOOL)
                    block.f64[k] = k < have && block.f64[k] != 0 ? 0 : -INFINITY;
            ig_store(to, ig_calc_dtype(s->calc), r * s->tk + i, &block, IG_CALC_F64, n);
        }
    }
}

/* The keys of a batch: how many, and where query 0 stands. */
typedef struct {
    size_t keys;
    int64_t offset;
} extent;

static extent extent_of(const job *j, size_t batch)
{
    const ig_tensor *len = given(j->r, KV_LEN);
    if (!len) return (extent){j->s->tk, (int64_t)j->s->past};
    const int64_t keys = ((const int64_t *)len->data)[batch];
    return (extent){(size_t)keys, keys - (int64_t)j->s->tq};
}

/* A key head and the query heads that share it, by the kernel. */
static void by_kernel(const job *j, size_t batch, size_t kv, size_t q0, size_t q1, float *scratch)
{
    const state *s = j->s;
    const attention_attrs *a = j->r->attrs;
    const size_t head = kv * s->shared;
    const extent e = extent_of(j, batch);
    attention_args p = {
        .y = (float *)(void *)j->y + batch * s->y.batch + head * s->y.head,
        .q = (const float *)(const void *)j->q + batch * s->q.batch + head * s->q.head,
        .k = (const float *)(const void *)j->k + batch * s->k.batch + kv * s->k.head,
        .v = (const float *)(const void *)j->v + batch * s->v.batch + kv * s->v.head,
        .y_row = s->y.row,
        .y_head = s->y.head,
        .q_row = s->q.row,
        .q_head = s->q.head,
        .k_row = s->k.row,
        .v_row = s->v.row,
        .tq = s->tq,
        .heads = s->shared,
        .tk = e.keys,
        .d = s->d,
        .dv = s->dv,
        .rule = {.scale = (float)s->scale,
                 .softcap = (float)a->softcap,
                 .causal = a->causal != 0,
                 .offset = e.offset,
                 .left = a->left_window,
                 .right = a->right_window}};
    if (j->mask) {
        p.mask = (const float *)(const void *)j->mask + batch * s->mask_batch + head * s->mask_head;
        p.mask_row = s->mask_row;
        p.mask_head = s->mask_head;
        if (a->hidden_nan && p.tk) p.rule.hidden = NAN;
    }
    s->kernel(&p, q0, q1, scratch);
}

static ig_attention_rows head_at(const job *j, size_t batch, size_t head)
{
    const state *s = j->s;
    const attention_attrs *a = j->r->attrs;
    const size_t each = ig_calc_bytes(s->calc), kv = head / s->shared;
    const extent e = extent_of(j, batch);
    ig_attention_rows p = {.y = j->y + (batch * s->y.batch + head * s->y.head) * each,
                           .q = j->q + (batch * s->q.batch + head * s->q.head) * each,
                           .k = j->k + (batch * s->k.batch + kv * s->k.head) * each,
                           .v = j->v + (batch * s->v.batch + kv * s->v.head) * each,
                           .tk = s->tk,
                           .keys = e.keys,
                           .d = s->d,
                           .dv = s->dv,
                           .y_row = s->y.row,
                           .q_row = s->q.row,
                           .k_row = s->k.row,
                           .v_row = s->v.row,
                           .mask_row = s->mask_row,
                           .scale = s->scale,
                           .softcap = a->softcap,
                           .causal = a->causal != 0,
                           .offset = e.offset,
                           .left = a->left_window,
                           .right = a->right_window,
                           .scores = wanted(j->r, SCORES),
                           .scores_at = (batch * s->q_heads + head) * s->tq * s->tk,
                           .mode = (ig_scores)a->scores,
                           .hidden_nan = a->hidden_nan != 0};
    if (j->mask) p.mask = j->mask + (batch * s->mask_batch + head * s->mask_head) * each;
    return p;
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    const state *s = j->s;
    void *scratch = (char *)ig_piece(j->r, s->at_worker) + worker * s->worker_bytes;
    for (size_t i = begin; i < end; i++) {
        const size_t heads = s->plain ? s->kv_heads : s->q_heads;
        const size_t batch = i / s->blocks / heads, head = i / s->blocks % heads;
        const size_t q0 = (s->blocks - 1 - i % s->blocks) * s->q_block; /* causal: longest first */
        const size_t q1 = IG_MIN(q0 + s->q_block, s->tq);
        if (s->plain) {
            by_kernel(j, batch, head, q0, q1, scratch);
        } else {
            const ig_attention_rows p = head_at(j, batch, head);
            s->rows(&p, q0, q1, scratch);
        }
    }
}

static ingot_status check_counts(const ig_run *r)
{
    const state *s = r->state;
    const ig_tensor *len = given(r, KV_LEN);
    for (size_t i = 0; len && i < s->batch; i++) {
        const int64_t n = ((const int64_t *)len->data)[i];
        if (n < 0 || (uint64_t)n > s->tk)
            return ig_run_fail(r, "batch %zu has %lld keys of %zu", i, (long long)n, s->tk);
    }
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    IG_TRY(check_counts(r));
    const ig_tensor k = whole(r, 0), v = whole(r, 1);
    job j = {.s = s, .r = r};
    j.q = ig_wide_in(&s->wide_q, r, r->in[Q]);
    j.k = ig_wide_in(&s->wide_k, r, &k);
    j.v = ig_wide_in(&s->wide_v, r, &v);
    j.y = ig_wide_room(&s->wide_y, r, r->out[Y]);
    if (s->has_mask) {
        j.mask = s->mask_copied ? ig_piece(r, s->at_mask) : r->in[MASK]->data;
        if (s->mask_copied)
            ig_parallel(r->pool, s->mask_rows, IG_GRAIN / (s->tk + 1) + 1, 0, prepare_mask, &j);
    }
    const double each =
        (double)(s->q_block * s->shared) * (double)s->tk * (double)(s->d + s->dv + 1);
    ig_parallel(r->pool, s->heads * s->blocks, (size_t)(65536 / (each + 1)) + 1, 0, work, &j);
    ig_wide_store(&s->wide_y, r, r->out[Y]);
    return INGOT_OK;
}

static void cost(ig_cost *cost, const ig_bind *b)
{
    const state *s = b->state;
    if (s)
        cost->flops =
            2.0 * (double)(s->batch * s->q_heads * s->tq) * (double)s->tk * (double)(s->d + s->dv);
}

const ig_op ig_op_attention = {
    .name = "attention",
    .min_in = 3,
    .max_in = INPUTS,
    .min_out = 1,
    .max_out = 4,
    .attrs = attrs,
    .attrs_bytes = sizeof(attention_attrs),
    .infer = ig_attention_infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
