/* glu.c - gated products with float weights on the device; see runtime/ops/glu.c. The panels' order
 * (8 columns of up, the same 8 of gate) is kept: a tile has both factors of its outputs. */
#include "runtime/device/cuda/ops/product.h"

enum { X, W, BIAS };

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    const ig_type *x = b->in[X];
    const int64_t n = ig_cu_int(b, "n"), k = ig_cu_int(b, "k");
    int64_t m = 1;
    if (ig_cu_text(b, "format")) return IG_CU_DECLINE(b, "gated products of quantised weights");
    if (b->in_layout[W] != IG_P16 || !b->known[W])
        return IG_CU_DECLINE(b, "weights that are not packed");
    for (int i = 0; i < x->rank - 1; i++) m *= x->dims[i];
    const ig_cu_product_ask ask = {.a = x->dtype,
                                   .b = b->in[W]->dtype,
                                   .c = b->out[0]->dtype,
                                   .m = m,
                                   .n = (n / 8 + (n % 8 != 0)) * 16,
                                   .k = k,
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
    ig_cu_product *p = ig_new(b->arena, ig_cu_product);
    if (!p) return ig_fail(b->err, INGOT_E_NOMEM, "planning: no memory");
    b->state = p;
    const ingot_status s = ig_cu_product_bind(p, d, b, &ask);
    if (s || b->declined) ig_cu_product_unbind(p, d);
    return s;
}

static ingot_status launch(ig_device_stream *s, const ig_device_run *r)
{
    const ig_cu_product_io io = {.a = r->in[X],
                                 .b = r->in[W],
                                 .bias = r->node->n_in > BIAS ? r->in[BIAS] : NULL,
                                 .c = r->out[0],
                                 .scratch = r->scratch};
    return ig_cu_done(s, r, ig_cu_product_launch(r->state, &io, ig_cu_stream(s)));
}

static void unbind(ig_device *d, void *state) { ig_cu_product_unbind(state, d); }

const ig_cu_op ig_cu_op_glu = {.name = "glu", .bind = bind, .launch = launch, .unbind = unbind};
