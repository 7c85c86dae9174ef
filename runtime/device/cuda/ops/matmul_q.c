/* matmul_q.c - matmul_q and glu with weights of few bits on the device (runtime/ops/matmul_q.c,
 * glu.c).
 *
 * What the CPU computes, within the rounding of kernels/gemm_q/q_tiles.h and gemm_q_cuda.h: each
 * weight and each element of x once to f16 with a power of two a row, 2^-12 of itself each, sums in
 * f32. x in 8 bits ("a8", "f8") is rounded as on the CPU before. */
#include "runtime/device/cuda/ops/low_bit.h"

#include <string.h>

typedef struct {
    ig_cu_low product;
    cu_float type;
    int act; /* a cu_act */
    float act_a, act_b;
    int64_t n, k, columns; /* of y, of x, of the weights */
    bool gated;
} state;

enum { X, W, BIAS, RESIDUAL };

static const void *input(const ig_device_run *r, uint32_t i)
{
    return i < r->node->n_in ? r->in[i] : NULL;
}

static ingot_status bind_product(ig_device *d, ig_device_bind *b, bool gated)
{
    const ig_type *x = b->in[X];
    const ig_q_format *f = ig_q_format_named(ig_cu_text(b, "format"));
    state *s = ig_new(b->arena, state);
    if (!s) return ig_fail(b->err, INGOT_E_NOMEM, "planning: no memory");
    if (!f || !ig_cu_operand(&s->type, x->dtype)) return IG_CU_DECLINE(b, "no such product");
    s->n = ig_cu_int(b, "n");
    s->k = ig_cu_int(b, "k");
    s->columns = gated ? (s->n / 8 + (s->n % 8 != 0)) * 16 : s->n;
    s->gated = gated;
    s->act = ig_cu_act(ig_cu_text(b, "act"));
    if (s->act < 0) return IG_CU_DECLINE(b, "an activation that the device lacks");
    s->act_a = (float)ig_cu_float(b, "act_a");
    s->act_b = (float)ig_cu_float(b, "act_b");
    size_t m;
    if (!ig_dims_elements(x->rank - 1, x->dims, &m)) return IG_CU_DECLINE(b, "too many rows");
    const ig_cu_low_weights spec = {.format = f,
                                    .n = (size_t)s->columns,
                                    .k = (size_t)s->k,
                                    .matrices = 1,
                                    .round = ig_cu_low_round(ig_cu_text(b, "acts"), f)};
    b->state = s;
    return ig_cu_low_bind(&s->product, d, b, W, &spec, m, 0, 0);
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const state *s = r->state;
    const ig_cu_low_args a = {.x = r->in[X],
                              .ldx = s->k,
                              .type = s->type,
                              .finish = {.bias = input(r, BIAS),
                                         .residual = s->gated ? NULL : input(r, RESIDUAL),
                                         .y = r->out[0],
                                         .ld_residual = s->n,
                                         .ldy = s->n,
                                         .type = s->type,
                                         .act = s->act,
                                         .a = s->act_a,
                                         .b = s->act_b,
                                         .gated = s->gated,
                                         .n_out = (int)s->n}};
    return ig_cu_done(stream, r, ig_cu_low_run(&s->product, stream, r, &a));
}

static void unbind(ig_device *d, void *of)
{
    state *s = of;
    if (s) ig_cu_low_unbind(&s->product, d);
}

static ingot_status bind_plain(ig_device *d, ig_device_bind *b)
{
    return bind_product(d, b, false);
}
static ingot_status bind_gated(ig_device *d, ig_device_bind *b) { return bind_product(d, b, true); }

const ig_cu_op ig_cu_op_matmul_q = {
    .name = "matmul_q", .bind = bind_plain, .launch = launch, .unbind = unbind};
const ig_cu_op ig_cu_glu_low = {
    .name = "glu", .bind = bind_gated, .launch = launch, .unbind = unbind};
