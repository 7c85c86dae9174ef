/* moe.c - moe(x, logits, w_glu, w_down, bias_glu?, bias_down?) -> y: a mixture of experts, each a
 * gated product (as glu) and a product down, of which a token meets the top_k best.
 *
 *   x          f32 [T, k]
 *   logits     f32 [T, E], of the router (an ordinary matmul)
 *   w_glu      E weights as glu has them, one after the other:
 *                floats  [E, k, N] of f32, f16 or bf16 in IG_P16, N = 16 ceil(n / 8)
 *                low     format set: u8 [E, N / 16, bytes of a panel], from W [N, k] of each expert
 *   w_down     E weights as matmul and matmul_q have them:
 *                floats  [E, n, k] of f32, f16 or bf16 in IG_P16
 *                low     down_format set: u8 [E, ceil(k / 16), bytes of a panel], from W [k, n]
 *   bias_glu   f32 [E, N] in glu's order        bias_down  f32 [E, k]
 *   y          f32 [T, k]: the sum of weight * expert(x) over the token's experts, best first
 *
 * attributes: n (inner columns), k; top_k; scores: softmax (over all experts, before the choice),
 * top_softmax (over the chosen ones' logits: Mixtral) or sigmoid; renormalise (0; 1: the chosen
 * weights are divided by their sum); scale (1: multiplies the weights); format, down_format, acts
 * (f32, a8 for weights of quants, f8 for those of e4m3), act, act_a (1), act_b as glu's.
 *
 * Of equal scores the expert with the lower index wins. A token's result does not depend on the
 * tokens beside it. An expert that all tokens meet is expressed by ordinary nodes beside this one.
 */
#include "runtime/ops/weights.h"
#include "kernels/softmax/softmax.h"
#include "kernels/unary/unary.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

typedef struct {
    int64_t n, k, top_k, renormalise;
    const char *format, *down_format;
    int scores, acts, act;
    double scale, act_a, act_b;
} moe_attrs;

enum { SOFTMAX, TOP_SOFTMAX, SIGMOID };
static const char *const scores_names[] = {"softmax", "top_softmax", "sigmoid", NULL};

static const ig_attr attrs[] = {
    IG_INT(moe_attrs, n, 0),
    IG_INT(moe_attrs, k, 0),
    IG_INT(moe_attrs, top_k, 0),
    IG_ENUM(moe_attrs, scores, SOFTMAX, scores_names),
    IG_INT(moe_attrs, renormalise, 0),
    IG_FLOAT(moe_attrs, scale, 1),
    IG_TEXT(moe_attrs, format, NULL),
    IG_TEXT(moe_attrs, down_format, NULL),
    IG_ENUM(moe_attrs, acts, IG_ACTS_F32, ig_acts_names),
    IG_ENUM(moe_attrs, act, 0, ig_act_names),
    IG_FLOAT(moe_attrs, act_a, 1),
    IG_FLOAT(moe_attrs, act_b, 0),
    {0},
};

enum { X, LOGITS, W_GLU, W_DOWN, BIAS_GLU, BIAS_DOWN };
enum { EXPERTS_MOST = 1 << 16 };

/* ---- infer ---- */

/* Only weights of few bits meet rounded activations, and only of their own kind. */
static int acts_of(const moe_attrs *a, const char *format)
{
    const ig_q_format *f = format ? ig_q_format_named(format) : NULL;
    return ig_acts_fit(a->acts, f) ? a->acts : IG_ACTS_F32;
}

static ig_weights_spec glu_spec(const moe_attrs *a)
{
    return (ig_weights_spec){.n = a->n,
                             .k = a->k,
                             .format = a->format,
                             .gated = true,
                             .acts = acts_of(a, a->format),
                             .act = a->act,
                             .act_a = a->act_a,
                             .act_b = a->act_b};
}

static ig_weights_spec down_spec(const moe_attrs *a)
{
    return (ig_weights_spec){
        .n = a->k, .k = a->n, .format = a->down_format, .acts = acts_of(a, a->down_format)};
}

static ingot_status check_rows(ig_infer *c, uint32_t i, int64_t columns, const char *what)
{
    const ig_type *t = c->in[i];
    if (t->dtype != INGOT_NONE && t->dtype != INGOT_F32)
        return ig_infer_fail(c, "%s: %s, not f32", what, ig_dtype(t->dtype)->name);
    if (t->rank < 0) return INGOT_OK;
    if (t->rank != 2 || (columns >= 0 && ig_dim_differ(t->dims[1], columns)))
        return ig_infer_fail(c, "%s: not [tokens, %lld]", what, (long long)columns);
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const moe_attrs *a = c->attrs;
    const ig_type *x = c->in[X], *logits = c->in[LOGITS];
    const ig_weights_spec glu = glu_spec(a), down = down_spec(a);
    IG_TRY(check_rows(c, X, a->k, "x"));
    IG_TRY(check_rows(c, LOGITS, IG_DIM_UNKNOWN, "logits"));
    c->out[0] = *x;
    c->out[0].dtype = INGOT_F32;
    if (!isfinite(a->scale)) return ig_infer_fail(c, "scale %g", a->scale);
    if (a->top_k < 1 || a->top_k > EXPERTS_MOST)
        return ig_infer_fail(c, "a token meets %lld experts", (long long)a->top_k);
    if (logits->rank < 0 || logits->dims[1] < 0) return INGOT_OK;
    const int64_t experts = logits->dims[1];
    if (experts < a->top_k || experts > EXPERTS_MOST)
        return ig_infer_fail(c, "a token meets %lld of %lld experts", (long long)a->top_k,
                             (long long)experts);
    if (x->rank == 2 && ig_dim_differ(x->dims[0], logits->dims[0]))
        return ig_infer_fail(c, "x and logits have different numbers of tokens");
    IG_TRY(ig_weights_infer(c, &glu, c->in[W_GLU], ig_has(c, BIAS_GLU) ? c->in[BIAS_GLU] : NULL,
                            experts, "the experts' gated weights"));
    return ig_weights_infer(c, &down, c->in[W_DOWN], ig_has(c, BIAS_DOWN) ? c->in[BIAS_DOWN] : NULL,
                            experts, "the experts' weights down");
}

/* ---- bind ---- */

typedef struct {
    ig_weights glu, down;
    softmax_f32_fn *softmax;
    ig_map_f32_fn *sigmoid;
    size_t tokens, experts, top, rows; /* rows: tokens * top, one for each pair that meets */
    size_t at_weights, at_chosen;      /* f32, i32 [tokens][top]: best first */
    size_t at_slots, at_order;         /* i32 [rows]: where a pair's row lies; its token */
    size_t at_counts;                  /* size_t [experts + 1] */
    size_t at_first, at_which, at_starts, at_experts;
    size_t at_inner, at_outer; /* f32 [rows][n], [rows][k] */
    size_t at_scores;          /* f32 [threads][experts] */
} state;

static ingot_status bind_tables(state *s, ig_bind *b)
{
    const size_t used = IG_MIN(s->experts, s->rows) + 1;
    IG_TRY(ig_scratch_add(b, s->rows, sizeof(float), &s->at_weights));
    IG_TRY(ig_scratch_add(b, s->rows, sizeof(int32_t), &s->at_chosen));
    IG_TRY(ig_scratch_add(b, s->rows, sizeof(int32_t), &s->at_slots));
    IG_TRY(ig_scratch_add(b, s->rows, sizeof(int32_t), &s->at_order));
    IG_TRY(ig_scratch_add(b, s->experts + 1, sizeof(size_t), &s->at_counts));
    IG_TRY(ig_scratch_add(b, used, sizeof(size_t), &s->at_first));
    IG_TRY(ig_scratch_add(b, used, sizeof(size_t), &s->at_which));
    IG_TRY(ig_scratch_add(b, used, sizeof(size_t), &s->at_starts));
    IG_TRY(ig_scratch_add(b, used, sizeof(ig_q_expert), &s->at_experts));
    return ig_scratch_add(b, IG_MAX(b->n_threads, (size_t)1) * s->experts, sizeof(float),
                          &s->at_scores);
}

static ingot_status bind(ig_bind *b)
{
    const moe_attrs *a = b->attrs;
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    const ig_weights_spec glu = glu_spec(a), down = down_spec(a);
    s->softmax = ig_softmax_f32();
    s->sigmoid = ig_sigmoid_f32();
    s->tokens = (size_t)b->in[X]->dims[0];
    s->experts = (size_t)b->in[LOGITS]->dims[1];
    s->top = (size_t)a->top_k;
    size_t inner, outer;
    if (!ig_mul_ok(s->tokens, s->top, &s->rows) || s->rows > INT32_MAX ||
        !ig_mul_ok(s->rows, (size_t)a->n, &inner) || !ig_mul_ok(s->rows, (size_t)a->k, &outer))
        return ig_bind_fail(b, "too many tokens");
    IG_TRY(bind_tables(s, b));
    IG_TRY(ig_scratch_add(b, inner, sizeof(float), &s->at_inner));
    IG_TRY(ig_scratch_add(b, outer, sizeof(float), &s->at_outer));
    IG_TRY(ig_weights_bind(&s->glu, b, &glu, b->in[W_GLU], b->in_layout[W_GLU], s->rows, true));
    b->kernel = "grouped";
    return ig_weights_bind(&s->down, b, &down, b->in[W_DOWN], b->in_layout[W_DOWN], s->rows, false);
}

/* ---- run: who meets whom ---- */

/* The `top` largest of `logits`, best first; of equal ones the first. NaN is below everything. */
static void choose(int32_t *chosen, const float *logits, size_t experts, size_t top)
{
    for (size_t r = 0; r < top; r++) {
        size_t best = SIZE_MAX;
        for (size_t e = 0; e < experts; e++) {
            bool taken = false;
            for (size_t i = 0; i < r; i++) taken = taken || chosen[i] == (int32_t)e;
            if (taken) continue;
            if (best == SIZE_MAX || logits[e] > logits[best] ||
                (isnan(logits[best]) && !isnan(logits[e])))
                best = e;
        }
        chosen[r] = (int32_t)best;
    }
}

static void weigh(const state *s, const moe_attrs *a, float *weight, const int32_t *chosen,
                  const float *logits, float *scores)
{
    if (a->scores == SOFTMAX) s->softmax(scores, logits, NULL, 0, 1, s->experts, 1, false);
    if (a->scores == SIGMOID) s->sigmoid(scores, logits, s->experts, 1, 0);
    for (size_t r = 0; r < s->top; r++)
        weight[r] = (a->scores == TOP_SOFTMAX ? logits : scores)[chosen[r]];
    if (a->scores == TOP_SOFTMAX) s->softmax(weight, weight, NULL, 0, 1, s->top, 1, false);
    float sum = 0;
    for (size_t r = 0; r < s->top; r++) sum += weight[r];
    for (size_t r = 0; r < s->top; r++) {
        if (a->renormalise) weight[r] /= sum;
        if (a->scale != 1) weight[r] *= (float)a->scale;
    }
}

static void route(void *arg, size_t begin, size_t end, size_t worker)
{
    const ig_run *r = arg;
    const state *s = r->state;
    float *weights = ig_piece(r, s->at_weights);
    float *scores = (float *)ig_piece(r, s->at_scores) + worker * s->experts;
    int32_t *chosen = ig_piece(r, s->at_chosen);
    const float *logits = r->in[LOGITS]->data;
    for (size_t t = begin; t < end; t++) {
        choose(chosen + t * s->top, logits + t * s->experts, s->experts, s->top);
        weigh(s, r->attrs, weights + t * s->top, chosen + t * s->top, logits + t * s->experts,
              scores);
    }
}

/* Rows sorted by expert, tokens in order; returns how many experts have any. */
static size_t sort_rows(const ig_run *r)
{
    const state *s = r->state;
    const int32_t *chosen = ig_piece(r, s->at_chosen);
    int32_t *slots = ig_piece(r, s->at_slots), *order = ig_piece(r, s->at_order);
    size_t *next = ig_piece(r, s->at_counts), *first = ig_piece(r, s->at_first);
    size_t *which = ig_piece(r, s->at_which), used = 0;
    memset(next, 0, (s->experts + 1) * sizeof *next);
    for (size_t i = 0; i < s->rows; i++) next[chosen[i] + 1]++;
    for (size_t e = 0; e < s->experts; e++) {
        if (next[e + 1]) {
            first[used] = next[e];
            which[used++] = e;
        }
        next[e + 1] += next[e];
    }
    first[used] = s->rows;
    for (size_t i = 0; i < s->rows; i++) {
        slots[i] = (int32_t)next[chosen[i]]++;
        order[slots[i]] = (int32_t)(i / s->top);
    }
    return used;
}

/* ---- run: products and their sum ---- */

static void gather(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const ig_run *r = arg;
    const state *s = r->state;
    const size_t k = s->down.n;
    const float *weights = ig_piece(r, s->at_weights), *outer = ig_piece(r, s->at_outer);
    const int32_t *slots = ig_piece(r, s->at_slots);
    float *y = (float *)r->out[0]->data + begin * k;
    for (size_t t = begin; t < end; t++, y += k)
        for (size_t i = 0; i < s->top; i++) {
            const float *from = outer + (size_t)slots[t * s->top + i] * k;
            const float by = weights[t * s->top + i];
            for (size_t c = 0; c < k; c++) y[c] = i ? y[c] + by * from[c] : by * from[c];
        }
}

static const float *bias_at(const ig_run *r, uint32_t i)
{
    return i < r->n_in && r->in[i] ? r->in[i]->data : NULL;
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    ig_parallel(r->pool, s->tokens, ig_grain_ns((double)(s->experts * s->top)), 0, route, r);
    ig_weights_args args = {.y = ig_piece(r, s->at_inner),
                            .x = r->in[X]->data,
                            .order = ig_piece(r, s->at_order),
                            .w = r->in[W_GLU]->data,
                            .bias = bias_at(r, BIAS_GLU),
                            .first = ig_piece(r, s->at_first),
                            .which = ig_piece(r, s->at_which),
                            .n_used = sort_rows(r),
                            .starts = ig_piece(r, s->at_starts),
                            .experts = ig_piece(r, s->at_experts)};
    ig_weights_run(&s->glu, r, &args);
    if (ig_run_cancelled(r)) return INGOT_OK;
    args.x = args.y;
    args.y = ig_piece(r, s->at_outer);
    args.order = NULL;
    args.w = r->in[W_DOWN]->data;
    args.bias = bias_at(r, BIAS_DOWN);
    ig_weights_run(&s->down, r, &args);
    ig_parallel(r->pool, s->tokens, ig_grain_ns(IG_NS_MOVE * (double)(s->top * s->down.n)), 0,
                gather, r);
    return INGOT_OK;
}

static void cost(ig_cost *cost, const ig_bind *b)
{
    const moe_attrs *a = b->attrs;
    size_t n = 0;
    ig_type_elements(b->out[0], &n);
    cost->flops = 6.0 * (double)n * (double)a->n * (double)a->top_k;
}

const ig_op ig_op_moe = {
    .name = "moe",
    .min_in = 4,
    .max_in = 6,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_PACKED,
    .attrs = attrs,
    .attrs_bytes = sizeof(moe_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
