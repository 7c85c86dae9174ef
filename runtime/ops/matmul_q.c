/* matmul_q.c - y = act(x W^T + bias + residual) with weights of 4 or 8 bits: x [.., k], W [n, k] in
 * the panels of kernels/gemm_q (u8 [panels, bytes of a panel], the same on every machine).
 *
 * acts says how x is read: "f32" as it is, which gives the bits of a product with dequantised
 * weights; "a8" rounded to 8 bits in groups of 32, which is several times as fast; "f8", with
 * weights of e4m3 alone, rounded to e4m3 with the weights' groups (128 k or whole rows), which is
 * what the tensor cores of devices multiply. Floats of 16 bits compute in f32. */
#include "runtime/ops/act.h"
#include "runtime/ops/q_product.h"
#include "runtime/ops/wide.h"
#include "runtime/base/checked.h"

typedef struct {
    int64_t n, k;
    const char *format; /* a name of kernels/gemm_q/q_formats.def */
    int acts, act;
    double act_a, act_b;
} matmul_q_attrs;

static const ig_attr attrs[] = {
    IG_INT(matmul_q_attrs, n, 0),
    IG_INT(matmul_q_attrs, k, 0),
    IG_TEXT(matmul_q_attrs, format, NULL),
    IG_ENUM(matmul_q_attrs, acts, IG_ACTS_F32, ig_acts_names),
    IG_ENUM(matmul_q_attrs, act, 0, ig_act_names),
    IG_FLOAT(matmul_q_attrs, act_a, 0),
    IG_FLOAT(matmul_q_attrs, act_b, 0),
    {0},
};

enum { X, W, BIAS, RESIDUAL };

static ingot_status check_weights(ig_infer *c)
{
    const matmul_q_attrs *m = c->attrs;
    const ig_q_format *f = m->format ? ig_q_format_named(m->format) : NULL;
    ig_q_layout l;
    size_t bytes;
    if (!f) return ig_infer_fail(c, "no weight format is named %s", m->format ? m->format : "");
    if (!ig_acts_fit(m->acts, f))
        return ig_infer_fail(c, "activations cannot be %s beside weights of %s",
                             ig_acts_names[m->acts], f->name);
    if (m->n < 0 || m->k < 0 || !ig_q_layout_of(&l, f, (size_t)m->k) ||
        !ig_q_bytes(f, (size_t)m->n, (size_t)m->k, &bytes))
        return ig_infer_fail(c, "weights cannot be %lld by %lld", (long long)m->n, (long long)m->k);
    const ig_type *w = c->in[W];
    if (w->dtype == INGOT_NONE || w->rank < 0) return INGOT_OK;
    if (w->dtype != INGOT_U8 || w->rank != 2 || w->dims[0] != (int64_t)ig_q_panels((size_t)m->n) ||
        w->dims[1] != (int64_t)l.panel_bytes)
        return ig_infer_fail(c, "%s weights of %lld by %lld are u8 [%zu, %zu]", f->name,
                             (long long)m->n, (long long)m->k, ig_q_panels((size_t)m->n),
                             l.panel_bytes);
    return INGOT_OK;
}

static ingot_status check_extra(ig_infer *c, const ig_type *y)
{
    const matmul_q_attrs *m = c->attrs;
    for (uint32_t i = BIAS; i < c->n_in; i++)
        if (c->in[i] && c->in[i]->dtype != INGOT_NONE && c->in[i]->dtype != y->dtype)
            return ig_infer_fail(c, "adds %s to %s", ig_dtype(c->in[i]->dtype)->name,
                                 ig_dtype(y->dtype)->name);
    if (ig_has(c, BIAS) && c->in[BIAS]->rank >= 0 &&
        (c->in[BIAS]->rank != 1 || ig_dim_differ(c->in[BIAS]->dims[0], m->n)))
        return ig_infer_fail(c, "the bias is no vector of %lld elements", (long long)m->n);
    if (!ig_has(c, RESIDUAL) || c->in[RESIDUAL]->rank < 0) return INGOT_OK;
    const ig_type *t = c->in[RESIDUAL];
    bool same = t->rank == y->rank;
    for (int d = 0; same && d < t->rank; d++) same = !ig_dim_differ(t->dims[d], y->dims[d]);
    return same ? INGOT_OK : ig_infer_fail(c, "the residual is not shaped like the result");
}

static ingot_status infer(ig_infer *c)
{
    const matmul_q_attrs *m = c->attrs;
    const ig_type *x = c->in[X];
    IG_TRY(check_weights(c));
    c->out[0].dtype = x->dtype;
    if (x->dtype != INGOT_NONE && ig_calc_of(x->dtype) != IG_CALC_F32)
        return ig_infer_fail(c, "no product of %s with weights of few bits",
                             ig_dtype(x->dtype)->name);
    if (x->rank < 0) return INGOT_OK;
    if (!x->rank || ig_dim_differ(x->dims[x->rank - 1], m->k))
        return ig_infer_fail(c, "rows are not %lld long", (long long)m->k);
    c->out[0] = *x;
    c->out[0].dims[x->rank - 1] = m->n;
    return check_extra(c, &c->out[0]);
}

typedef struct {
    ig_q_kernels kernels;
    const ig_q_format *format;
    ig_wide x, bias, residual, y;
    size_t m, n, k, at, at_rounded;
} state;

static ingot_status bind_rounded(ig_bind *b, state *s)
{
    size_t n;
    return ig_mul_ok(s->m, s->k, &n) ? ig_scratch_add(b, n, sizeof(float), &s->at_rounded)
                                     : ig_bind_fail(b, "too large");
}

static ingot_status bind(ig_bind *b)
{
    const matmul_q_attrs *a = b->attrs;
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    s->kernels = ig_q_choose();
    s->format = ig_q_format_named(a->format);
    s->n = (size_t)a->n;
    s->k = (size_t)a->k;
    s->m = ig_dims_product(b->in[X]->dims, 0, b->in[X]->rank - 1);
    IG_TRY(ig_wide_bind(&s->x, b, b->in[X], IG_CALC_F32));
    if (b->n_in > BIAS) IG_TRY(ig_wide_bind(&s->bias, b, b->in[BIAS], IG_CALC_F32));
    if (b->n_in > RESIDUAL) IG_TRY(ig_wide_bind(&s->residual, b, b->in[RESIDUAL], IG_CALC_F32));
    IG_TRY(ig_wide_bind(&s->y, b, b->out[0], IG_CALC_F32));
    size_t bytes;
    if (a->acts == IG_ACTS_F8) IG_TRY(bind_rounded(b, s));
    const bool fits = a->acts == IG_ACTS_A8
                          ? ig_q_acts_bytes(s->m, s->k, &bytes)
                          : ig_q_product_scratch(s->m, s->k, b->n_threads, &bytes);
    b->kernel = a->acts == IG_ACTS_A8 ? "gemm_q" : "gemm_q_f32";
    return fits ? ig_scratch_add(b, bytes, 1, &s->at) : ig_bind_fail(b, "too large");
}

static ingot_status run(ig_run *r)
{
    const matmul_q_attrs *a = r->attrs;
    const state *s = r->state;
    const float *x = ig_wide_in(&s->x, r, r->in[X]);
    float *y = ig_wide_room(&s->y, r, r->out[0]);
    ig_epilogue e = {.bias = ig_wide_in(&s->bias, r, r->n_in > BIAS ? r->in[BIAS] : NULL),
                     .residual =
                         ig_wide_in(&s->residual, r, r->n_in > RESIDUAL ? r->in[RESIDUAL] : NULL),
                     .ld_residual = s->n};
    ig_act_set(&e, a->act, a->act_a, a->act_b);
    if (a->acts == IG_ACTS_F8) {
        float *rounded = (float *)ig_piece(r, s->at_rounded);
        ig_q_round_f8(r->pool, rounded, x, s->m, s->k, s->k, s->format);
        x = rounded;
    }
    if (a->acts == IG_ACTS_A8) {
        const ig_gemm_q_args g = {.c = y,
                                  .ldc = s->n,
                                  .panels = r->in[W]->data,
                                  .format = s->format,
                                  .m = s->m,
                                  .n = s->n,
                                  .k = s->k,
                                  .epilogue = e};
        ig_q_product(&s->kernels, r->pool, &g, ig_piece(r, s->at), x, s->k);
    } else {
        const ig_gemm_q_f32_args g = {.c = y,
                                      .a = x,
                                      .ldc = s->n,
                                      .lda = s->k,
                                      .panels = r->in[W]->data,
                                      .format = s->format,
                                      .n = s->n,
                                      .k = s->k,
                                      .epilogue = e,
                                      .scratch = s->m > IG_Q_DIRECT ? ig_piece(r, s->at) : NULL};
        ig_q_product_f32(&s->kernels, r->pool, &g, s->m);
    }
    ig_wide_store(&s->y, r, r->out[0]);
    return INGOT_OK;
}

static void cost(ig_cost *cost, const ig_bind *b)
{
    const matmul_q_attrs *a = b->attrs;
    size_t n = 0;
    ig_type_elements(b->out[0], &n);
    cost->flops = 2.0 * (double)n * (double)a->k;
}

const ig_op ig_op_matmul_q = {
    .name = "matmul_q",
    .min_in = 2,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(matmul_q_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
