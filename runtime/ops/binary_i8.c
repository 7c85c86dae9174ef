/* binary_i8.c - binary_i8(a, b) fn=add, sub or mul: y = quantize(fn(dequantize(a), dequantize(b))),
 * broadcast, with the bits of those four ops one after the other.
 *
 * Each of a, b and y is u8 or i8 and has a scale and a zero point as attributes; y's type is dtype
 * (0: u8), its values are clipped to low .. high, so that a relu or clip before the quantisation is
 * free. */
#include "kernels/quant/quant.h"
#include "runtime/ops/broadcast.h"
#include "runtime/ops/wide.h"
#include "runtime/base/checked.h"

typedef struct {
    int fn;
    int64_t a_zero, b_zero, y_zero, dtype, low, high;
    double a_scale, b_scale, y_scale;
} binary_i8_attrs;

static const char *const names[] = {"add", "sub", "mul", NULL}; /* binary_i8_kind */

static const ig_attr attrs[] = {
    IG_ENUM(binary_i8_attrs, fn, 0, names),
    IG_INT(binary_i8_attrs, a_zero, 0),
    IG_INT(binary_i8_attrs, b_zero, 0),
    IG_INT(binary_i8_attrs, y_zero, 0),
    IG_INT(binary_i8_attrs, dtype, 0),
    IG_INT(binary_i8_attrs, low, -128),
    IG_INT(binary_i8_attrs, high, 255),
    IG_FLOAT(binary_i8_attrs, a_scale, 1),
    IG_FLOAT(binary_i8_attrs, b_scale, 1),
    IG_FLOAT(binary_i8_attrs, y_scale, 1),
    {0},
};

static bool is_byte(ingot_dtype d) { return d == INGOT_U8 || d == INGOT_I8; }

static bool in_range(int64_t v, ingot_dtype d)
{
    return d == INGOT_I8 ? v >= -128 && v <= 127 : v >= 0 && v <= 255;
}

static ingot_status infer(ig_infer *c)
{
    const binary_i8_attrs *a = c->attrs;
    const ingot_dtype to = a->dtype ? (ingot_dtype)a->dtype : INGOT_U8;
    const ingot_dtype in[2] = {c->in[0]->dtype, c->in[1]->dtype};
    const int64_t zeros[2] = {a->a_zero, a->b_zero};
    if (a->dtype < 0 || a->dtype > INT8_MAX || !is_byte(to) || !in_range(a->y_zero, to))
        return ig_infer_fail(c, "the result must be u8 or i8, and so its zero point");
    if (a->low > a->high || a->low < -128 || a->high > 255)
        return ig_infer_fail(c, "results between %lld and %lld are no bytes", (long long)a->low,
                             (long long)a->high);
    for (size_t i = 0; i < 2; i++)
        if (in[i] != INGOT_NONE && (!is_byte(in[i]) || !in_range(zeros[i], in[i])))
            return ig_infer_fail(c, "operand %zu must be u8 or i8, and so its zero point", i);
    IG_TRY(ig_infer_broadcast(c, &c->out[0], c->in, 2));
    c->out[0].dtype = to;
    return INGOT_OK;
}

typedef struct {
    ig_broadcast shape;
    binary_i8_fn *kernel;
    binary_i8_args args;
} state;

static ingot_status bind(ig_bind *b)
{
    const binary_i8_attrs *a = b->attrs;
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    if (!ig_broadcast_make(&s->shape, b->out[0], b->in, 2))
        return ig_bind_fail(b, "the operands do not fit the result");
    const int64_t least = b->out[0]->dtype == INGOT_I8 ? -128 : 0;
    s->kernel = ig_binary_i8();
    s->args = (binary_i8_args){
        .fn = (binary_i8_kind)a->fn,
        .a = {(float)a->a_scale, (int32_t)a->a_zero, b->in[0]->dtype == INGOT_I8, 1},
        .b = {(float)a->b_scale, (int32_t)a->b_zero, b->in[1]->dtype == INGOT_I8, 1},
        .scale = (float)a->y_scale,
        .low = (float)(IG_MAX(a->low, least) - a->y_zero),
        .high = (float)(IG_MIN(a->high, least + 255) - a->y_zero),
        .zero = (int32_t)a->y_zero};
    b->kernel = "binary_i8";
    return INGOT_OK;
}

typedef struct {
    const state *s;
    const ig_run *r;
} job;

static void part(void *arg, const ig_broadcast_part *p)
{
    const job *j = arg;
    binary_i8_args args = j->s->args;
    args.a.step = p->step[0];
    args.b.step = p->step[1];
    j->s->kernel((uint8_t *)j->r->out[0]->data + p->at,
                 (const uint8_t *)j->r->in[0]->data + p->in[0],
                 (const uint8_t *)j->r->in[1]->data + p->in[1], p->n, &args);
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    job j = {s, r};
    ig_broadcast_run(&s->shape, r->pool, 0, part, &j);
    return INGOT_OK;
}

const ig_op ig_op_binary_i8 = {
    .name = "binary_i8",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(binary_i8_attrs),
    .flags = IG_OP_INPLACE_ANY,
    .infer = infer,
    .bind = bind,
    .run = run,
};
