/* quantize.c - quantize(x, scale, zero?): y = saturate(x / scale + zero), in the type of the zero
 * point, of `dtype`, or u8.
 *
 * The quotient is rounded to `precision` (else to the scale's type), then to an integer, ties to
 * even, then the zero point is added. 8-bit floats have no zero point; `saturate` is theirs. Floats
 * to 8-bit integers go to the kernel; the rest is computed in f64, where the quotient of two floats
 * rounds to any narrower type as if at once. */
#include "runtime/ops/quant_grid.h"
#include "runtime/ops/block.h"
#include "kernels/quant/quant.h"
#include "runtime/base/checked.h"

#include <math.h>

typedef struct {
    int64_t axis, block_size, dtype, saturate, precision;
} quantize_attrs;

static const ig_attr attrs[] = {
    IG_INT(quantize_attrs, axis, 1),      IG_INT(quantize_attrs, block_size, 0),
    IG_INT(quantize_attrs, dtype, 0),     IG_INT(quantize_attrs, saturate, 1),
    IG_INT(quantize_attrs, precision, 0), {0},
};

static bool is_small_int(ingot_dtype d)
{
    const ig_dtype_info *t = ig_dtype(d);
    return (t->class_ == IG_CLASS_INT || t->class_ == IG_CLASS_UINT) && t->bits <= 16;
}

static bool is_small_float(ingot_dtype d)
{
    return ig_dtype(d)->class_ == IG_CLASS_FLOAT && ig_dtype(d)->bytes == 1 && d != INGOT_F8E8M0;
}

static bool is_precision(int64_t d)
{
    return d == INGOT_F32 || d == INGOT_F16 || d == INGOT_BF16 || d == INGOT_F64;
}

static ingot_status check_types(ig_infer *c)
{
    const ingot_dtype x = c->in[IG_QUANT_X]->dtype, scale = c->in[IG_QUANT_SCALE]->dtype;
    if (x != INGOT_NONE && !is_precision(x) && x != INGOT_I32)
        return ig_infer_fail(c, "quantises floats or i32, not %s", ig_dtype(x)->name);
    if (scale != INGOT_NONE && !is_precision(scale) && scale != INGOT_I32 && scale != INGOT_F8E8M0)
        return ig_infer_fail(c, "the scale cannot be %s", ig_dtype(scale)->name);
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const quantize_attrs *a = c->attrs;
    const ingot_dtype zero = ig_has(c, IG_QUANT_ZERO) ? c->in[IG_QUANT_ZERO]->dtype : INGOT_NONE;
    IG_TRY(check_types(c));
    if (a->dtype < 0 || a->dtype > INT8_MAX || (a->dtype && !ig_dtype_valid((int)a->dtype)))
        return ig_infer_fail(c, "dtype=%lld is no element type", (long long)a->dtype);
    if (a->precision && !is_precision(a->precision))
        return ig_infer_fail(c, "precision=%lld is no float type", (long long)a->precision);
    if (a->dtype && zero != INGOT_NONE && zero != (ingot_dtype)a->dtype)
        return ig_infer_fail(c, "the zero point is %s, the output %s", ig_dtype(zero)->name,
                             ig_dtype((ingot_dtype)a->dtype)->name);
    c->out[0] = *c->in[IG_QUANT_X];
    c->out[0].dtype = a->dtype ? (ingot_dtype)a->dtype : ig_has(c, IG_QUANT_ZERO) ? zero : INGOT_U8;
    const ingot_dtype to = c->out[0].dtype;
    if (to != INGOT_NONE && !is_small_int(to) && !is_small_float(to))
        return ig_infer_fail(c, "nothing is quantised to %s", ig_dtype(to)->name);
    return ig_quant_infer(c, a->axis, a->block_size);
}

typedef struct {
    ig_quant_grid grid;
    quantize_f32_fn *kernel; /* NULL: any types */
    ingot_dtype x, scale, to, precision;
    double low, high; /* of an integer type */
    bool saturate, has_zero;
} state;

static ingot_status bind(ig_bind *b)
{
    const quantize_attrs *a = b->attrs;
    state *s = ig_new(b->arena, state);
    if (!s) return ig_fail(b->err, INGOT_E_NOMEM, "quantize: no memory for a plan");
    const ig_type *x = b->in[IG_QUANT_X], *scale = b->in[IG_QUANT_SCALE];
    const ig_dtype_info *to = ig_dtype(b->out[0]->dtype);
    *s = (state){
        .grid = ig_quant_grid_of(x, scale, a->axis, a->block_size),
        .x = x->dtype,
        .scale = scale->dtype,
        .to = b->out[0]->dtype,
        .saturate = a->saturate != 0,
        .has_zero = b->n_in > IG_QUANT_ZERO && b->in[IG_QUANT_ZERO],
    };
    s->low = to->class_ == IG_CLASS_INT ? -ldexp(1, (int)to->bits - 1) : 0;
    s->high = s->low + ldexp(1, (int)to->bits) - 1;
    s->precision = is_precision(s->scale) ? s->scale : is_precision(s->x) ? s->x : INGOT_F64;
    if (s->x == INGOT_I32) s->precision = INGOT_F64;
    if (a->precision) s->precision = (ingot_dtype)a->precision;
    const bool bytes = s->to == INGOT_U8 || s->to == INGOT_I8;
    if (bytes && s->x == INGOT_F32 && s->scale == INGOT_F32 && s->precision == INGOT_F32)
        s->kernel = ig_quantize_f32();
    b->kernel = s->kernel ? "quantize_f32" : "f64";
    b->state = s;
    return INGOT_OK;
}

typedef struct {
    const state *s;
    const void *x, *scale, *zero;
    void *y;
} job;

static double round_to(double v, ingot_dtype precision)
{
    uint16_t half;
    if (precision == INGOT_F64) return v;
    const float f = (float)v;
    if (precision == INGOT_F32) return (double)f;
    ig_from_double(&half, precision, 0, (double)f);
    return ig_to_double(&half, precision, 0);
}

static void store(const job *j, size_t at, size_t n, const double *q, const double *zero)
{
    const state *s = j->s;
    if (is_small_float(s->to)) {
        for (size_t i = 0; i < n; i++) {
            const double v = s->to == INGOT_F4E2M1 && s->has_zero ? q[i] + zero[i] : q[i];
            ((uint8_t *)j->y)[at + i] = ig_f32_to_f8((float)v, s->to, s->saturate);
        }
        return;
    }
    ig_block out;
    for (size_t i = 0; i < n; i++) {
        const double v = rint(q[i]) + zero[i];
        out.i64[i] = (int64_t)(v > s->low ? (v < s->high ? v : s->high) : s->low); /* NaN: low */
    }
    ig_store(j->y, s->to, at, &out, ig_calc_of(s->to), n);
}

/* Scales or zero points of a piece: one for all or one each. */
static void load_each(ig_block *out, const void *from, ingot_dtype dtype, const ig_quant_piece *p,
                      size_t first, size_t n)
{
    ig_load(out, IG_CALC_F64, from, dtype, p->at + first * p->step, p->step ? n : 1);
    for (size_t i = 1; i < n && !p->step; i++) out->f64[i] = out->f64[0];
}

static void any_types(const job *j, size_t at, const ig_quant_piece *p)
{
    const state *s = j->s;
    ig_block x, scale, zero = {.f64 = {0}};
    for (size_t done = 0, n; done < p->n; done += n) {
        n = IG_MIN(p->n - done, (size_t)IG_BLOCK);
        ig_load(&x, IG_CALC_F64, j->x, s->x, at + done, n);
        load_each(&scale, j->scale, s->scale, p, done, n);
        if (s->has_zero) load_each(&zero, j->zero, s->to, p, done, n);
        for (size_t i = 0; i < n; i++)
            x.f64[i] =
                round_to(round_to(x.f64[i], s->precision) / round_to(scale.f64[i], s->precision),
                         s->precision);
        store(j, at + done, n, x.f64, zero.f64);
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
            s->kernel((uint8_t *)j->y + at, (const float *)j->x + at, p.n,
                      ((const float *)j->scale)[p.at],
                      s->has_zero ? (int32_t)ig_to_int(j->zero, s->to, p.at) : 0,
                      s->to == INGOT_I8);
        else
            any_types(j, at, &p);
    }
}

static ingot_status run(ig_run *r)
{
    job j = {r->state, r->in[IG_QUANT_X]->data, r->in[IG_QUANT_SCALE]->data, NULL, r->out[0]->data};
    if (j.s->has_zero) j.zero = r->in[IG_QUANT_ZERO]->data;
    const size_t grain = ig_grain_ns(j.s->kernel ? IG_NS_EXP : IG_NS_LIBM);
    ig_parallel(r->pool, ig_tensor_elements(r->in[IG_QUANT_X]), grain, 0, work, &j);
    return INGOT_OK;
}

const ig_op ig_op_quantize = {
    .name = "quantize",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(quantize_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
