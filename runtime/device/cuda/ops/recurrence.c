/* recurrence.c - causal_conv and linear_attention on the device. */
#include "kernels/convert/convert_cuda.h"
#include "kernels/rnn/rnn_cuda.h"
#include "runtime/device/cuda/ops/common.h"

#include <math.h>

static int type_of(const ig_device_bind *b, uint32_t i)
{
    return ig_cu_has(b, i) ? ig_cu_float_type(b->in[i]->dtype) : NB_F32;
}

static const void *input(const ig_device_run *r, uint32_t i)
{
    return i < r->node->n_in ? r->in[i] : NULL;
}

/* ---- causal_conv ---- */

enum { X, W, BIAS, PAST };

static ingot_status bind_causal(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[X];
    cu_causal_conv_args *a = IG_CU_STATE(b, cu_causal_conv_args);
    if (!a) return INGOT_E_NOMEM;
    *a = (cu_causal_conv_args){.type = type_of(b, X),
                               .w_type = type_of(b, W),
                               .bias_type = type_of(b, BIAS),
                               .past_type = type_of(b, PAST),
                               .rows = x->dims[0] * x->dims[1],
                               .channels = x->dims[1],
                               .n = x->dims[2],
                               .k = b->in[W]->dims[2],
                               .silu = ig_cu_int(b, "act") != 0};
    if (a->n + a->k > CU_MOST || a->rows * (a->n + a->k) > CU_MOST)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->kernel = "causal_conv";
    return INGOT_OK;
}

static ingot_status launch_causal(ig_device_stream *stream, const ig_device_run *r)
{
    cu_causal_conv_args a = *(const cu_causal_conv_args *)r->state;
    a.x = r->in[X];
    a.w = r->in[W];
    a.bias = input(r, BIAS);
    a.past = input(r, PAST);
    a.y = r->out[0];
    a.kept = r->out[1];
    return ig_cu_done(stream, r, cu_causal_conv(&a, ig_cu_stream(stream)));
}

/* ---- linear_attention ---- */

enum { Q, K, V, STATE, DECAY, BETA };

typedef struct {
    cu_linear_attention_args args;
    ingot_dtype state; /* of past and new states; the kernel's are f32, in the room if these not */
    int64_t elements;
    size_t room;
} linear_state;

static int cast_state(const linear_state *s, void *to, const void *from, bool out, cu_stream st)
{
    const cu_cast_args a = {.x = from,
                            .y = to,
                            .n = s->elements,
                            .from = out ? INGOT_F32 : (int)s->state,
                            .to = out ? (int)s->state : INGOT_F32};
    return cu_cast(&a, st);
}

static ingot_status bind_linear(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *q = b->in[Q];
    const int64_t q_heads = ig_cu_int(b, "q_heads"), heads = ig_cu_int(b, "kv_heads");
    const double scale = ig_cu_float(b, "scale");
    linear_state *s = IG_CU_STATE(b, linear_state);
    if (!s) return INGOT_E_NOMEM;
    cu_linear_attention_args *a = &s->args;
    *a = (cu_linear_attention_args){.q_type = type_of(b, Q),
                                    .k_type = type_of(b, K),
                                    .v_type = type_of(b, V),
                                    .decay_type = type_of(b, DECAY),
                                    .beta_type = type_of(b, BETA),
                                    .y_type = ig_cu_float_type(b->out[0]->dtype),
                                    .batch = q->dims[0],
                                    .tokens = q->dims[1],
                                    .group = q_heads / heads,
                                    .heads = heads,
                                    .d = q->dims[2] / q_heads,
                                    .dv = b->in[V]->dims[2] / heads};
    a->scale = scale != 0 ? (float)scale : 1 / sqrtf((float)a->d);
    a->decay_rows = ig_cu_has(b, DECAY) && b->in[DECAY]->dims[2] != heads;
    a->beta_heads = ig_cu_has(b, BETA) && b->in[BETA]->dims[2] != 1;
    s->state = b->out[1]->dtype;
    s->elements = ig_cu_elements(b->out[1]);
    if (s->state != INGOT_F32 && !ig_cu_room(b, s->elements, sizeof(float), &s->room))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    if (a->batch * heads > CU_MOST || a->dv > CU_MOST) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->kernel = "linear_attention";
    return INGOT_OK;
}

static ingot_status launch_linear(ig_device_stream *stream, const ig_device_run *r)
{
    const linear_state *s = r->state;
    cu_linear_attention_args a = s->args;
    a.q = r->in[Q];
    a.k = r->in[K];
    a.v = r->in[V];
    a.past = input(r, STATE);
    a.decay = input(r, DECAY);
    a.beta = input(r, BETA);
    a.y = r->out[0];
    a.state = r->out[1];
    int e = 0;
    if (s->state != INGOT_F32) {
        a.state = ig_cu_piece(r, s->room);
        if (a.past) e = cast_state(s, a.state, a.past, false, ig_cu_stream(stream));
        a.past = a.past ? a.state : NULL; /* each element is read and written by one thread */
    }
    if (!e) e = cu_linear_attention(&a, ig_cu_stream(stream));
    if (!e && s->state != INGOT_F32)
        e = cast_state(s, r->out[1], a.state, true, ig_cu_stream(stream));
    return ig_cu_done(stream, r, e);
}

const ig_cu_op ig_cu_op_causal_conv = {
    .name = "causal_conv", .bind = bind_causal, .launch = launch_causal};
const ig_cu_op ig_cu_op_linear_attention = {
    .name = "linear_attention", .bind = bind_linear, .launch = launch_linear};
