/* glu.c - glu(x, w, bias?) -> y = up * act(gate): gated products (SwiGLU, GeGLU) with both factors
 * in one weight, whose wide results never lie in memory.
 *
 *   x     f32 [.., k]
 *   w     up and gate interleaved in panels of 16 columns: 8 of up, then the same 8 of gate, as
 *         kernels/gemm/glu.h says. With P = ceil(n / 8) panels and N = 16 P, column ig_glu_up(j) =
 *         j / 8 * 16 + j % 8 is up's column j, ig_glu_up(j) + 8 gate's, others are zero; one of
 *           floats  [k, N] of f32, f16 or bf16 in IG_P16
 *           low     format set: u8 [P, bytes of a panel], packed (kernels/gemm_q) from W [N, k]
 * with rows in that order bias  f32 [N] in that order y     f32 [.., n]
 *
 * attributes: n (of y), k; format (none), acts (f32, a8 or f8, as matmul_q's; only with format);
 * act (silu, gelu_tanh, gelu_erf, relu ..: a name of act.def, applied to the gate), act_a (1: silu
 * needs it), act_b. y has the bits of product, activation and multiplication made one after the
 * other. */
#include "runtime/ops/weights.h"

typedef struct {
    int64_t n, k;
    const char *format;
    int acts, act;
    double act_a, act_b;
} glu_attrs;

static const ig_attr attrs[] = {
    IG_INT(glu_attrs, n, 0),
    IG_INT(glu_attrs, k, 0),
    IG_TEXT(glu_attrs, format, NULL),
    IG_ENUM(glu_attrs, acts, IG_ACTS_F32, ig_acts_names),
    IG_ENUM(glu_attrs, act, 0, ig_act_names),
    IG_FLOAT(glu_attrs, act_a, 1),
    IG_FLOAT(glu_attrs, act_b, 0),
    {0},
};

enum { X, W, BIAS };

static ig_weights_spec spec_of(const glu_attrs *a)
{
    return (ig_weights_spec){.n = a->n,
                             .k = a->k,
                             .format = a->format,
                             .gated = true,
                             .acts = a->acts,
                             .act = a->act,
                             .act_a = a->act_a,
                             .act_b = a->act_b};
}

static ingot_status infer(ig_infer *c)
{
    const glu_attrs *a = c->attrs;
    const ig_type *x = c->in[X];
    const ig_weights_spec spec = spec_of(a);
    IG_TRY(ig_weights_infer(c, &spec, c->in[W], ig_has(c, BIAS) ? c->in[BIAS] : NULL, -1,
                            "the weights"));
    if (x->dtype != INGOT_NONE && x->dtype != INGOT_F32)
        return ig_infer_fail(c, "x is %s, not f32", ig_dtype(x->dtype)->name);
    c->out[0] = *x;
    c->out[0].dtype = INGOT_F32;
    if (x->rank < 0) return INGOT_OK;
    if (!x->rank || ig_dim_differ(x->dims[x->rank - 1], a->k))
        return ig_infer_fail(c, "rows are not %lld long", (long long)a->k);
    c->out[0].dims[x->rank - 1] = a->n;
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    ig_weights *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    const ig_weights_spec spec = spec_of(b->attrs);
    const size_t m = ig_dims_product(b->in[X]->dims, 0, b->in[X]->rank - 1);
    b->kernel = !spec.format ? "glu" : spec.acts == IG_ACTS_A8 ? "gemm_q" : "gemm_q_f32";
    return ig_weights_bind(s, b, &spec, b->in[W], b->in_layout[W], m, false);
}

static ingot_status run(ig_run *r)
{
    const ig_weights *s = r->state;
    size_t starts[2];
    ig_q_expert expert;
    const ig_weights_args args = {
        .y = r->out[0]->data,
        .x = r->in[X]->data,
        .w = r->in[W]->data,
        .bias = r->n_in > BIAS && r->in[BIAS] ? r->in[BIAS]->data : NULL,
        .first = (const size_t[]){0, s->m},
        .which = (const size_t[]){0},
        .n_used = 1,
        .starts = starts,
        .experts = &expert,
    };
    ig_weights_run(s, r, &args);
    return INGOT_OK;
}

static void cost(ig_cost *cost, const ig_bind *b)
{
    const glu_attrs *a = b->attrs;
    size_t n = 0;
    ig_type_elements(b->out[0], &n);
    cost->flops = 4.0 * (double)n * (double)a->k;
}

const ig_op ig_op_glu = {
    .name = "glu",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_PACKED,
    .attrs = attrs,
    .attrs_bytes = sizeof(glu_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
