/* dequantize.c - dequantize(x, scale, zero?): y = (x - zero) * scale, in the type `dtype`, else in
 * the scale's. Computed in f32 and rounded once. */
#include "runtime/ops/quant_grid.h"
#include "runtime/ops/block.h"
#include "kernels/quant/quant.h"
#include "runtime/base/checked.h"

typedef struct {
    int64_t axis, block_size, dtype;
} dequantize_attrs;

static const ig_attr attrs[] = {
    IG_INT(dequantize_attrs, axis, 1),
    IG_INT(dequantize_attrs, block_size, 0),
    IG_INT(dequantize_attrs, dtype, 0),
    {0},
};

static bool is_result(int64_t d) { return d == INGOT_F32 || d == INGOT_F16 || d == INGOT_BF16; }

static bool is_quantised(ingot_dtype d)
{
    const ig_dtype_info *t = ig_dtype(d);
    if (t->class_ == IG_CLASS_FLOAT) return t->bytes == 1 && d != INGOT_F8E8M0;
    return (t->class_ == IG_CLASS_INT || t->class_ == IG_CLASS_UINT) && t->bits <= 32;
}

static ingot_status infer(ig_infer *c)
{
    const dequantize_attrs *a = c->attrs;
    const ingot_dtype x = c->in[IG_QUANT_X]->dtype, scale = c->in[IG_QUANT_SCALE]->dtype;
    if (x != INGOT_NONE && !is_quantised(x))
        return ig_infer_fail(c, "%s is no quantised type", ig_dtype(x)->name);
    if (scale != INGOT_NONE && !is_result(scale) && scale != INGOT_F8E8M0)
        return ig_infer_fail(c, "the scale cannot be %s", ig_dtype(scale)->name);
    if (ig_has(c, IG_QUANT_ZERO) && x != INGOT_NONE && c->in[IG_QUANT_ZERO]->dtype != INGOT_NONE &&
        c->in[IG_QUANT_ZERO]->dtype != x)
        return ig_infer_fail(c, "the zero point is %s, x is %s",
                             ig_dtype(c->in[IG_QUANT_ZERO]->dtype)->name, ig_dtype(x)->name);
    c->out[0] = *c->in[IG_QUANT_X];
    c->out[0].dtype = a->dtype ? (ingot_dtype)a->dtype : scale;
    if ((a->dtype && !is_result(a->dtype)) || (!a->dtype && scale == INGOT_F8E8M0))
        return ig_infer_fail(c, "dtype=%lld is neither f32, f16 nor bf16", (long long)a->dtype);
    return ig_quant_infer(c, a->axis, a->block_size);
}

typedef struct {
    ig_quant_grid grid;
    dequantize_f32_fn *kernel; /* NULL: any types */
    ingot_dtype x, scale, to;
    bool has_zero;
} state;

static ingot_status bind(ig_bind *b)
{
    const dequantize_attrs *a = b->attrs;
    state *s = ig_new(b->arena, state);
    if (!s) return ig_fail(b->err, INGOT_E_NOMEM, "dequantize: no memory for a plan");
    const ig_type *x = b->in[IG_QUANT_X], *scale = b->in[IG_QUANT_SCALE];
    *s = (state){
        .grid = ig_quant_grid_of(x, scale, a->axis, a->block_size),
        .x = x->dtype,
        .scale = scale->dtype,
        .to = b->out[0]->dtype,
        .has_zero = b->n_in > IG_QUANT_ZERO && b->in[IG_QUANT_ZERO],
    };
    const ig_dtype_info *t = ig_dtype(s->x); /* integers of fewer bits lie in bytes too */
    if (t->bytes == 1 && t->class_ != IG_CLASS_FLOAT && s->scale == INGOT_F32 && s->to == INGOT_F32)
        s->kernel = ig_dequantize_f32();
    b->kernel = s->kernel ? "dequantize_f32" : "f32";
    b->state = s;
    return INGOT_OK;
}

typedef struct {
    const state *s;
    const void *x, *scale, *zero;
    void *y;
} job;

static void any_types(const job *j, size_t at, const ig_quant_piece *p)
{
    const state *s = j->s;
    ig_block x, scale, zero = {.f64 = {0}}, out;
    for (size_t done = 0, n; done < p->n; done += n) {
        n = IG_MIN(p->n - done, (size_t)IG_BLOCK);
        const size_t first = p->at + done * p->step, scales = p->step ? n : 1;
        ig_load(&x, IG_CALC_F64, j->x, s->x, at + done, n);
        ig_load(&scale, IG_CALC_F32, j->scale, s->scale, first, scales);
        if (s->has_zero) ig_load(&zero, IG_CALC_F64, j->zero, s->x, first, scales);
        for (size_t i = 0; i < n; i++)
            out.f32[i] = (float)(x.f64[i] - zero.f64[i * p->step]) * scale.f32[i * p->step];
        ig_store(j->y, s->to, at + done, &out, IG_CALC_F32, n);
    }
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    const state *s = j->s;
    ig_quant_piece p;
    for (size_t at = begin; at < end; at += p.n) {
        p = ig_quant_piece_at(&s->grid, at, end);
        if (s->kernel && !p.step)
            s->kernel((float *)j->y + at, (const uint8_t *)j->x + at, p.n,
                      ((const float *)j->scale)[p.at],
                      s->has_zero ? (int32_t)ig_to_int(j->zero, s->x, p.at) : 0,
                      ig_dtype(s->x)->class_ == IG_CLASS_INT);
        else
            any_types(j, at, &p);
    }
}

static ingot_status run(ig_run *r)
{
    job j = {r->state, r->in[IG_QUANT_X]->data, r->in[IG_QUANT_SCALE]->data, NULL, r->out[0]->data};
    if (j.s->has_zero) j.zero = r->in[IG_QUANT_ZERO]->data;
    const size_t grain = ig_grain_ns(j.s->kernel ? IG_NS_MOVE : IG_NS_BLOCK);
    ig_parallel(r->pool, ig_tensor_elements(r->in[IG_QUANT_X]), grain, 0, work, &j);
    return INGOT_OK;
}

const ig_op ig_op_dequantize = {
    .name = "dequantize",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(dequantize_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
