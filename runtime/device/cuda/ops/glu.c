/* glu.c - gated products on the device; see runtime/ops/glu.c. The panels' order (8 columns of up,
 * the same 8 of gate) is kept: a tile has both factors of its outputs. Weights of few bits are
 * matmul_q.c's. */
#include "runtime/device/cuda/ops/low_bit.h"
#include "runtime/device/cuda/ops/product.h"

enum { X, W, BIAS };

/* Of weights of few bits `low` is the state; of floats `product`. */
typedef struct {
    bool few_bits;
    void *low;
    ig_cu_product product;
} glu_state;

static ingot_status bind_low(glu_state *s, ig_device *d, ig_device_bind *b)
{
    s->few_bits = true;
    const ingot_status status = ig_cu_glu_low.bind(d, b);
    s->low = b->state;
    b->state = s;
    return status;
}

static ingot_status bind_floats(glu_state *s, ig_device *d, ig_device_bind *b)
{
    const ig_type *x = b->in[X];
    const int64_t n = ig_cu_int(b, "n");
    int64_t m = 1;
    if (b->in_layout[W] != IG_P16 || !b->known[W])
        return IG_CU_DECLINE(b, "weights that are not packed");
    for (int i = 0; i < x->rank - 1; i++) m *= x->dims[i];
    const ig_cu_product_ask ask = {.a = x->dtype,
                                   .b = b->in[W]->dtype,
                                   .c = b->out[0]->dtype,
                                   .m = m,
                                   .n = (n / 8 + (n % 8 != 0)) * 16,
                                   .k = ig_cu_int(b, "k"),
                                   .a_n = 1,
                                   .b_n = 1,
                                   .known = b->known[W],
                                   .layout = IG_P16,
                                   .gated = true,
                                   .columns = n,
                                   .alpha = 1,
                                   .act = ig_cu_text(b, "act"),
                                   .act_a = ig_cu_float(b, "act_a"),
                                   .act_b = ig_cu_float(b, "act_b"),
                                   .input_b = W};
    const ingot_status status = ig_cu_product_bind(&s->product, d, b, &ask);
    if (status || b->declined) ig_cu_product_unbind(&s->product, d);
    return status;
}

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    glu_state *s = ig_new(b->arena, glu_state);
    if (!s) return ig_fail(b->err, INGOT_E_NOMEM, "planning: no memory");
    *s = (glu_state){0};
    b->state = s;
    return ig_cu_text(b, "format") ? bind_low(s, d, b) : bind_floats(s, d, b);
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const glu_state *s = r->state;
    if (s->few_bits) {
        ig_device_run low = *r;
        low.state = s->low;
        return ig_cu_glu_low.launch(stream, &low);
    }
    const ig_cu_product_io io = {.a = r->in[X],
                                 .b = r->in[W],
                                 .bias = r->node->n_in > BIAS ? r->in[BIAS] : NULL,
                                 .c = r->out[0],
                                 .scratch = r->scratch};
    return ig_cu_done(stream, r, ig_cu_product_launch(&s->product, &io, ig_cu_stream(stream)));
}

static void unbind(ig_device *d, void *state)
{
    glu_state *s = state;
    if (s->few_bits)
        ig_cu_glu_low.unbind(d, s->low);
    else
        ig_cu_product_unbind(&s->product, d);
}

const ig_cu_op ig_cu_op_glu = {.name = "glu", .bind = bind, .launch = launch, .unbind = unbind};
