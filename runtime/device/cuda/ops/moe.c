/* moe.c - mixtures of experts on the device (runtime/ops/moe.c): weights of few bits and floats.
 *
 * Seven launches of fixed sizes: routing, lists, x to f16 and the gated product over the lists, the
 * same for the product down, and the sum. Weights and activations are rounded as matmul_q says;
 * where weights are f32 nothing is. */
#include "runtime/device/cuda/ops/low_bit.h"
#include "kernels/moe/moe_cuda.h"
#include "runtime/base/checked.h"

#include <limits.h>
#include <string.h>

/* A product over the slots: weights of few bits or of f16 and bf16, or of f32. */
typedef struct {
    ig_cu_low low;
    cu_moe_f32_args f32;
    bool is_f32;
    uint32_t in; /* where the weights are */
} product;

typedef struct {
    product up, down; /* up: both factors of the gated product */
    int tokens, experts, top, tile, rows;
    int64_t n, k;
    int act; /* a cu_act */
    float act_a, act_b;
    cu_moe_route_args route;
    size_t at_chosen, at_weight, at_order, at_row, at_slots, at_n_slots, at_work;
    size_t at_inner, at_outer; /* f32 [rows][n], [rows][k] */
} state;

enum { X, LOGITS, W_GLU, W_DOWN, BIAS_GLU, BIAS_DOWN };

static bool bind_room(state *s, ig_device_bind *b, int64_t pairs, int64_t slots)
{
    const size_t word = sizeof(int32_t);
    size_t inner, outer;
    return ig_mul_ok((size_t)s->n, word, &inner) && ig_mul_ok((size_t)s->k, word, &outer) &&
           ig_cu_room(b, pairs, word, &s->at_chosen) && ig_cu_room(b, pairs, word, &s->at_weight) &&
           ig_cu_room(b, s->rows, word, &s->at_order) && ig_cu_room(b, pairs, word, &s->at_row) &&
           ig_cu_room(b, slots, sizeof(cu_q_slot), &s->at_slots) &&
           ig_cu_room(b, 1, word, &s->at_n_slots) &&
           ig_cu_room(b, s->experts, 2 * word, &s->at_work) &&
           ig_cu_room(b, s->rows, inner, &s->at_inner) &&
           ig_cu_room(b, s->rows, outer, &s->at_outer);
}

/* Weights of an input: few bits in a format, or floats in panels. */
static bool weights_of(ig_cu_low_weights *w, const ig_device_bind *b, uint32_t in,
                       const char *format, int64_t n, int64_t k, int experts)
{
    const char *name = ig_cu_text(b, format);
    const ingot_dtype dtype = b->in[in]->dtype;
    *w = (ig_cu_low_weights){.format = name ? ig_q_format_named(name) : NULL,
                             .dtype = dtype,
                             .n = (size_t)n,
                             .k = (size_t)k,
                             .matrices = (size_t)experts};
    if (name) return w->format != NULL;
    return b->in_layout[in] == IG_P16 && b->known[in];
}

static ingot_status bind_product(product *p, ig_device *d, ig_device_bind *b, uint32_t in,
                                 const ig_cu_low_weights *w, const state *s, int64_t slots)
{
    *p = (product){.in = in, .is_f32 = !w->format && w->dtype == INGOT_F32};
    if (!p->is_f32)
        return ig_cu_low_bind(&p->low, d, b, in, w, (size_t)s->rows, (int)slots, s->tile);
    if (w->k > INT_MAX || w->n > INT_MAX - 15) return IG_CU_DECLINE(b, "the weights are too large");
    p->f32 = (cu_moe_f32_args){.max_slots = (int)slots,
                               .tile = s->tile,
                               .k = (int)w->k,
                               .panels = (int)((w->n + 15) / 16)};
    return INGOT_OK;
}

static void unbind_product(product *p, ig_device *d)
{
    if (!p->is_f32) ig_cu_low_unbind(&p->low, d);
}

static int run_product(const product *p, ig_device_stream *s, const ig_device_run *r,
                       const ig_cu_low_args *a)
{
    if (!p->is_f32) return ig_cu_low_run(&p->low, s, r, a);
    cu_moe_f32_args f = p->f32;
    f.x = a->x;
    f.w = r->in[p->in];
    f.ldx = a->ldx;
    f.order = a->order;
    f.slots = a->slots;
    f.n_slots = a->n_slots;
    f.finish = a->finish;
    return cu_moe_f32(&f, ig_cu_stream(s));
}

static void bind_route(state *s, const ig_device_bind *b)
{
    const char *scores = ig_cu_text(b, "scores");
    s->route = (cu_moe_route_args){
        .tokens = s->tokens,
        .experts = s->experts,
        .top = s->top,
        .scores = !strcmp(scores, "softmax")       ? CU_MOE_SOFTMAX
                  : !strcmp(scores, "top_softmax") ? CU_MOE_TOP_SOFTMAX
                                                   : CU_MOE_SIGMOID,
        .renormalise = ig_cu_int(b, "renormalise") != 0,
        .scale = (float)ig_cu_float(b, "scale"),
    };
}

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    const int64_t tokens = b->in[X]->dims[0], experts = b->in[LOGITS]->dims[1];
    const int64_t top = ig_cu_int(b, "top_k"), pairs = tokens * top;
    const char *acts = ig_cu_text(b, "acts");
    state *s = ig_new(b->arena, state);
    if (!s) return ig_fail(b->err, INGOT_E_NOMEM, "planning: no memory");
    ig_cu_low_weights up, down;
    s->n = ig_cu_int(b, "n");
    s->k = ig_cu_int(b, "k");
    enum { MOST = 1 << 24 };
    if (tokens > MOST || pairs > MOST) return IG_CU_DECLINE(b, "too many tokens");
    if (!weights_of(&up, b, W_GLU, "format", (s->n / 8 + (s->n % 8 != 0)) * 16, s->k,
                    (int)experts) ||
        !weights_of(&down, b, W_DOWN, "down_format", s->k, s->n, (int)experts))
        return IG_CU_DECLINE(b, "experts that are no constant");
    s->tokens = (int)tokens;
    s->experts = (int)experts;
    s->top = (int)top;
    s->tile = cu_moe_tile(pairs, experts);
    s->rows = (int)cu_moe_rows(pairs, experts);
    up.round = ig_cu_low_round(acts, up.format);
    down.round = ig_cu_low_round(acts, down.format);
    s->act = ig_cu_act(ig_cu_text(b, "act"));
    if (s->act < 0) return IG_CU_DECLINE(b, "an activation that the device lacks");
    s->act_a = (float)ig_cu_float(b, "act_a");
    s->act_b = (float)ig_cu_float(b, "act_b");
    bind_route(s, b);
    const int64_t slots = cu_moe_slots(pairs, experts, s->tile);
    if (slots > UINT16_MAX || !bind_room(s, b, pairs, slots))
        return IG_CU_DECLINE(b, "too many tokens");
    b->state = s;
    IG_TRY(bind_product(&s->up, d, b, W_GLU, &up, s, slots));
    if (b->declined) return INGOT_OK;
    const ingot_status status = bind_product(&s->down, d, b, W_DOWN, &down, s, slots);
    if (status || b->declined) unbind_product(&s->up, d);
    b->kernel = s->up.is_f32 ? "grouped f32" : "grouped gemm_q";
    return status;
}

static const void *bias_at(const ig_device_run *r, uint32_t i)
{
    return i < r->node->n_in ? r->in[i] : NULL;
}

static int products(const state *s, ig_device_stream *stream, const ig_device_run *r)
{
    char *room = r->scratch;
    float *inner = (float *)(void *)(room + s->at_inner);
    ig_cu_low_args a = {.x = r->in[X],
                        .ldx = s->k,
                        .order = (const int32_t *)(void *)(room + s->at_order),
                        .slots = (const cu_q_slot *)(void *)(room + s->at_slots),
                        .n_slots = (const int *)(void *)(room + s->at_n_slots),
                        .finish = {.bias = bias_at(r, BIAS_GLU),
                                   .y = inner,
                                   .ldy = s->n,
                                   .bias_step = (s->n / 8 + (s->n % 8 != 0)) * 16,
                                   .act = s->act,
                                   .a = s->act_a,
                                   .b = s->act_b,
                                   .gated = 1,
                                   .n_out = (int)s->n}};
    const int status = run_product(&s->up, stream, r, &a);
    if (status) return status;
    a.x = inner;
    a.ldx = s->n;
    a.order = NULL;
    a.finish = (cu_finish){.bias = bias_at(r, BIAS_DOWN),
                           .y = room + s->at_outer,
                           .ldy = s->k,
                           .bias_step = s->k,
                           .n_out = (int)s->k};
    return run_product(&s->down, stream, r, &a);
}

static int lists(const state *s, cu_stream stream, const ig_device_run *r)
{
    char *room = r->scratch;
    cu_moe_route_args route = s->route;
    route.logits = r->in[LOGITS];
    route.chosen = (int32_t *)(void *)(room + s->at_chosen);
    route.weight = (float *)(void *)(room + s->at_weight);
    const cu_moe_list_args list = {.chosen = route.chosen,
                                   .tokens = s->tokens,
                                   .experts = s->experts,
                                   .top = s->top,
                                   .tile = s->tile,
                                   .order = (int32_t *)(void *)(room + s->at_order),
                                   .row = (int32_t *)(void *)(room + s->at_row),
                                   .rows = s->rows,
                                   .slots = (cu_q_slot *)(void *)(room + s->at_slots),
                                   .n_slots = (int *)(void *)(room + s->at_n_slots),
                                   .work = (int *)(void *)(room + s->at_work)};
    const int status = cu_moe_route(&route, stream);
    return status ? status : cu_moe_list(&list, stream);
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const state *s = r->state;
    char *room = r->scratch;
    const cu_moe_combine_args combine = {.x = (const float *)(void *)(room + s->at_outer),
                                         .weight = (const float *)(void *)(room + s->at_weight),
                                         .row = (const int32_t *)(void *)(room + s->at_row),
                                         .y = r->out[0],
                                         .tokens = s->tokens,
                                         .top = s->top,
                                         .k = (int)s->k};
    if (!s->tokens) return INGOT_OK;
    int status = lists(s, ig_cu_stream(stream), r);
    if (!status) status = products(s, stream, r);
    if (!status) status = cu_moe_combine(&combine, ig_cu_stream(stream));
    return ig_cu_done(stream, r, status);
}

static void unbind(ig_device *d, void *of)
{
    state *s = of;
    if (!s) return;
    unbind_product(&s->up, d);
    unbind_product(&s->down, d);
}

const ig_cu_op ig_cu_op_moe = {.name = "moe", .bind = bind, .launch = launch, .unbind = unbind};
