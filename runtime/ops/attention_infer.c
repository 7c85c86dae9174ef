/* attention_infer.c - attention: do the shapes fit, and what comes out. */
#include "runtime/ops/attention.h"
#include "runtime/ops/block.h"
#include "runtime/base/checked.h"

#include <math.h>

/* A tensor of heads as [batch, heads, tokens, size]; -1: not known. */
typedef struct {
    int64_t batch, heads, tokens, size;
} heads;

static ingot_status heads_of(ig_infer *c, heads *h, size_t i, int64_t count)
{
    const ig_type *t = c->in[i];
    *h = (heads){-1, -1, -1, -1};
    if (t->dtype != INGOT_NONE && !is_float(t->dtype))
        return ig_infer_fail(c, "input %zu cannot be %s", i, ig_dtype(t->dtype)->name);
    if (t->rank < 0) return INGOT_OK;
    if (t->rank == 4) {
        const attention_attrs *a = c->attrs;
        const bool first = a->tokens_first >> i & 1;
        *h = (heads){t->dims[0], t->dims[first ? 2 : 1], t->dims[first ? 1 : 2], t->dims[3]};
        if (count && h->heads >= 0 && h->heads != count)
            return ig_infer_fail(c, "input %zu has %lld heads, the attribute says %lld", i,
                                 (long long)h->heads, (long long)count);
        return INGOT_OK;
    }
    if (t->rank != 3) return ig_infer_fail(c, "input %zu has rank %d, not 3 or 4", i, t->rank);
    if (count < 1)
        return ig_infer_fail(c, "input %zu has rank 3, so q_heads and kv_heads are needed", i);
    *h = (heads){t->dims[0], count, t->dims[1], -1};
    if (t->dims[2] < 0) return INGOT_OK;
    if (t->dims[2] % count)
        return ig_infer_fail(c, "%lld columns of input %zu do not make %lld heads",
                             (long long)t->dims[2], i, (long long)count);
    h->size = t->dims[2] / count;
    return INGOT_OK;
}

static ingot_status agree(ig_infer *c, int64_t a, int64_t b, const char *what)
{
    if (!ig_dim_differ(a, b)) return INGOT_OK;
    return ig_infer_fail(c, "%s differ: %lld and %lld", what, (long long)a, (long long)b);
}

/* past: what lies before `now`; *total: tokens of both. */
static ingot_status check_past(ig_infer *c, size_t i, const heads *now, int64_t *total)
{
    *total = now->tokens;
    if (!ig_has(c, i)) return INGOT_OK;
    const ig_type *t = c->in[i], *n = c->in[i - PAST_K + K];
    *total = IG_DIM_UNKNOWN;
    if (t->dtype != INGOT_NONE && n->dtype != INGOT_NONE && t->dtype != n->dtype)
        return ig_infer_fail(c, "the past is %s, the present %s", ig_dtype(t->dtype)->name,
                             ig_dtype(n->dtype)->name);
    if (t->rank < 0) return INGOT_OK;
    if (t->rank != 4) return ig_infer_fail(c, "input %zu has rank %d, not 4", i, t->rank);
    IG_TRY(agree(c, t->dims[0], now->batch, "batches of past and present"));
    IG_TRY(agree(c, t->dims[1], now->heads, "heads of past and present"));
    IG_TRY(agree(c, t->dims[3], now->size, "head sizes of past and present"));
    if (t->dims[2] < 0 || now->tokens < 0) return INGOT_OK;
    if (!ig_add_ok(t->dims[2], now->tokens, total)) return ig_infer_fail(c, "too many tokens");
    return INGOT_OK;
}

static ingot_status check_mask(ig_infer *c, const heads *q, int64_t total)
{
    if (!ig_has(c, MASK)) return INGOT_OK;
    const ig_type *t = c->in[MASK];
    const int64_t want[4] = {q->batch, q->heads, q->tokens, total};
    if (t->dtype != INGOT_NONE && ig_calc_of(t->dtype) == IG_CALC_NONE)
        return ig_infer_fail(c, "the mask cannot be %s", ig_dtype(t->dtype)->name);
    if (t->rank < 0) return INGOT_OK;
    if (t->rank < 1 || t->rank > 4) return ig_infer_fail(c, "the mask has rank %d", t->rank);
    for (int d = 0; d < t->rank; d++) {
        const int64_t have = t->dims[d], w = want[4 - t->rank + d];
        const bool last = d == t->rank - 1;
        if (have < 0 || w < 0 || have == w || (!last && have == 1) || (last && have < w)) continue;
        return ig_infer_fail(c, "dimension %d of the mask is %lld, expected %lld", d,
                             (long long)have, (long long)w);
    }
    return INGOT_OK;
}

static ingot_status check_len(ig_infer *c, const heads *q)
{
    if (!ig_has(c, KV_LEN)) return INGOT_OK;
    const ig_type *t = c->in[KV_LEN];
    if (ig_has(c, PAST_K)) return ig_infer_fail(c, "it has both a past and a count of keys");
    if (t->dtype != INGOT_NONE && t->dtype != INGOT_I64)
        return ig_infer_fail(c, "the count of keys is %s, not i64", ig_dtype(t->dtype)->name);
    if (t->rank < 0) return INGOT_OK;
    if (t->rank != 1) return ig_infer_fail(c, "the count of keys has rank %d, not 1", t->rank);
    return agree(c, t->dims[0], q->batch, "counts of keys and batches");
}

static ingot_status check_attrs(ig_infer *c, const attention_attrs *a, const heads *q,
                                const heads *k)
{
    if (q->heads >= 0 && k->heads >= 0 && (k->heads == 0 || q->heads % k->heads))
        return ig_infer_fail(c, "%lld query heads share %lld key heads", (long long)q->heads,
                             (long long)k->heads);
    if (a->tokens_first < 0 || a->tokens_first >= 2 * Y_FIRST ||
        (a->tokens_first && c->in[Q]->rank == 3))
        return ig_infer_fail(c, "tokens_first %lld with heads side by side",
                             (long long)a->tokens_first);
    if (a->left_window < -1 || a->right_window < -1)
        return ig_infer_fail(c, "windows of %lld and %lld", (long long)a->left_window,
                             (long long)a->right_window);
    if (!isfinite(a->scale) || !(a->softcap >= 0))
        return ig_infer_fail(c, "scale %g, softcap %g", a->scale, a->softcap);
    if (a->softmax_precision && (a->softmax_precision > INT8_MAX || a->softmax_precision < 0 ||
                                 !is_float((ingot_dtype)a->softmax_precision)))
        return ig_infer_fail(c, "softmax_precision %lld", (long long)a->softmax_precision);
    if (ig_has(c, PAST_K) != ig_has(c, PAST_V))
        return ig_infer_fail(c, "past keys and past values come together");
    return INGOT_OK;
}

static void set_types(ig_infer *c, const heads *q, const heads *k, const heads *v, int64_t total)
{
    const int64_t present_k[4] = {k->batch, k->heads, total, k->size};
    const int64_t present_v[4] = {v->batch, v->heads, total, v->size};
    const int64_t scores[4] = {q->batch, q->heads, q->tokens, total};
    const attention_attrs *a = c->attrs;
    const bool first = a->tokens_first & Y_FIRST;
    const int64_t y4[4] = {q->batch, first ? q->tokens : q->heads, first ? q->heads : q->tokens,
                           v->size};
    const bool known = q->heads >= 0 && v->size >= 0; /* both were divisors of a checked size */
    const int64_t y3[3] = {q->batch, q->tokens, known ? q->heads * v->size : IG_DIM_UNKNOWN};
    c->out[Y] = (ig_type){.dtype = c->in[Q]->dtype, .rank = IG_RANK_UNKNOWN};
    if (c->in[Q]->rank == 4) c->out[Y] = ig_type_tensor(c->in[Q]->dtype, 4, y4);
    if (c->in[Q]->rank == 3) c->out[Y] = ig_type_tensor(c->in[Q]->dtype, 3, y3);
    if (c->n_out > PRESENT_K) c->out[PRESENT_K] = ig_type_tensor(c->in[K]->dtype, 4, present_k);
    if (c->n_out > PRESENT_V) c->out[PRESENT_V] = ig_type_tensor(c->in[V]->dtype, 4, present_v);
    if (c->n_out > SCORES) c->out[SCORES] = ig_type_tensor(c->in[Q]->dtype, 4, scores);
}

ingot_status ig_attention_infer(ig_infer *c)
{
    const attention_attrs *a = c->attrs;
    heads q, k, v;
    int64_t total, total_v, wide;
    if (a->q_heads < 0 || a->kv_heads < 0)
        return ig_infer_fail(c, "%lld and %lld heads", (long long)a->q_heads,
                             (long long)a->kv_heads);
    IG_TRY(heads_of(c, &q, Q, a->q_heads));
    IG_TRY(heads_of(c, &k, K, a->kv_heads));
    IG_TRY(heads_of(c, &v, V, a->kv_heads));
    for (size_t i = K; i <= V; i++)
        if (c->in[Q]->rank >= 0 && c->in[i]->rank >= 0 && c->in[Q]->rank != c->in[i]->rank)
            return ig_infer_fail(c, "q has rank %d, input %zu rank %d", c->in[Q]->rank, i,
                                 c->in[i]->rank);
    IG_TRY(check_attrs(c, a, &q, &k));
    IG_TRY(agree(c, q.batch, k.batch, "batches of q and k"));
    IG_TRY(agree(c, k.batch, v.batch, "batches of k and v"));
    IG_TRY(agree(c, k.heads, v.heads, "heads of k and v"));
    IG_TRY(agree(c, k.tokens, v.tokens, "tokens of k and v"));
    IG_TRY(agree(c, q.size, k.size, "head sizes of q and k"));
    IG_TRY(check_past(c, PAST_K, &k, &total));
    IG_TRY(check_past(c, PAST_V, &v, &total_v));
    IG_TRY(agree(c, total, total_v, "tokens of past keys and values"));
    IG_TRY(check_mask(c, &q, total));
    IG_TRY(check_len(c, &q));
    if (q.heads > 0 && v.size > 0 && !ig_mul_ok(q.heads, v.size, &wide))
        return ig_infer_fail(c, "the heads are too wide");
    set_types(c, &q, &k, &v, total);
    return INGOT_OK;
}
