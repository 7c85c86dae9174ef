/* i8_product.c - see i8_product.h. */
#include "runtime/ops/i8_product.h"
#include "runtime/base/checked.h"

#include <string.h>

/* ---- weights ---- */

ingot_status ig_i8_weights_bind(ig_i8_weights *w, ig_bind *b, size_t count, size_t n, size_t k,
                                ingot_dtype dtype, bool constant)
{
    size_t all, rows;
    *w = (ig_i8_weights){.count = count, .n = n, .k = k, .is_signed = dtype == INGOT_I8};
    if (!ig_align_ok(n, (size_t)GEMM_I8_PANEL, &w->n16) ||
        !ig_gemm_i8_weight_bytes(n, k, &w->bytes) || !ig_mul_ok(w->bytes, count, &all) ||
        !ig_mul_ok(w->n16, count, &rows) || rows > SIZE_MAX / 2 / sizeof(int32_t))
        return ig_bind_fail(b, "the weights are too large");
    IG_TRY(ig_scratch_add(b, rows, sizeof(int32_t), &w->at_zero));
    IG_TRY(ig_scratch_add(b, rows, sizeof(int32_t), &w->at_fix));
    w->constant = constant;
    if (!constant) {
        IG_TRY(ig_scratch_add(b, all, 1, &w->at_panels));
        return ig_scratch_add(b, rows, sizeof(int32_t), &w->at_sums);
    }
    w->panels = ig_arena_take(b->arena, IG_MAX(all, (size_t)1));
    w->sums = ig_arena_array(b->arena, IG_MAX(rows, (size_t)1), sizeof(int32_t));
    if (w->panels && w->sums) return INGOT_OK;
    return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for packed weights");
}

uint8_t *ig_i8_panels(const ig_i8_weights *w, const ig_run *r)
{
    return w->constant ? w->panels : ig_piece(r, w->at_panels);
}

int32_t *ig_i8_sums(const ig_i8_weights *w, const ig_run *r)
{
    return w->constant ? w->sums : ig_piece(r, w->at_sums);
}

void ig_i8_zeros(const ig_i8_weights *w, const ig_run *r, const ig_tensor *zeros)
{
    const int32_t *sums = ig_i8_sums(w, r);
    int32_t *zero = ig_piece(r, w->at_zero), *fix = ig_piece(r, w->at_fix);
    const int32_t shift = w->is_signed ? 128 : 0;
    const size_t given = zeros ? ig_tensor_elements(zeros) : 0;
    for (size_t m = 0; m < w->count; m++, zero += w->n16, fix += w->n16, sums += w->n16) {
        for (size_t i = 0; i < w->n16; i++) {
            const size_t row = i < w->n ? i : 0;
            const size_t at = given > w->n ? m * w->n + row : given > 1 ? row : 0;
            zero[i] = shift + (given ? (int32_t)ig_to_int(zeros->data, zeros->dtype, at) : 0);
        }
        ig_gemm_i8_fix(fix, sums, zero, w->n, w->k);
    }
}

void ig_i8_operand(gemm_i8_args *p, const ig_i8_weights *w, const ig_run *r, size_t i)
{
    p->panels = ig_i8_panels(w, r) + i * w->bytes;
    p->w_zero = (int32_t *)ig_piece(r, w->at_zero) + i * w->n16;
    p->w_fix = (int32_t *)ig_piece(r, w->at_fix) + i * w->n16;
    p->n = w->n;
    p->k = w->k;
}

ingot_status ig_i8_infer_pair(ig_infer *c, uint32_t a, uint32_t b, uint32_t a_zero, uint32_t b_zero)
{
    const uint32_t operands[2] = {a, b}, zeros[2] = {a_zero, b_zero};
    for (size_t i = 0; i < 2; i++) {
        const ingot_dtype d = c->in[operands[i]]->dtype;
        if (d != INGOT_NONE && !ig_is_byte(d))
            return ig_infer_fail(c, "operand %u must be u8 or i8, not %s", operands[i],
                                 ig_dtype(d)->name);
        if (!ig_has(c, zeros[i]) || d == INGOT_NONE) continue;
        const ingot_dtype z = c->in[zeros[i]]->dtype;
        if (z != INGOT_NONE && z != d)
            return ig_infer_fail(c, "operand %u is %s, its zero point %s", operands[i],
                                 ig_dtype(d)->name, ig_dtype(z)->name);
    }
    return INGOT_OK;
}

/* ---- what becomes of the sums ---- */

enum { SCALE, BIAS, ZERO };

static ingot_status check_vector(ig_infer *c, uint32_t i, ingot_dtype want, int64_t n, bool one,
                                 const char *what)
{
    size_t have;
    if (!ig_has(c, i)) return INGOT_OK;
    const ig_type *t = c->in[i];
    if (t->dtype != INGOT_NONE && t->dtype != want)
        return ig_infer_fail(c, "the %s must be %s, not %s", what, ig_dtype(want)->name,
                             ig_dtype(t->dtype)->name);
    if (!ig_type_elements(t, &have) || (one && have == 1) || n < 0 || have == (size_t)n)
        return INGOT_OK;
    return ig_infer_fail(c, "the %s has %zu elements, expected %lld", what, have, (long long)n);
}

ingot_status ig_i8_finish_infer(ig_infer *c, uint32_t first, int64_t dtype, int64_t n,
                                ingot_dtype *to)
{
    const bool scaled = ig_has(c, first + SCALE);
    *to = scaled ? INGOT_F32 : INGOT_I32;
    if (dtype) *to = dtype > 0 && dtype <= INT8_MAX ? (ingot_dtype)dtype : INGOT_NONE;
    if (ig_has(c, first + ZERO)) {
        *to = c->in[first + ZERO]->dtype;
        if (*to == INGOT_NONE) return INGOT_OK;
        size_t zeros;
        if (!ig_is_byte(*to))
            return ig_infer_fail(c, "the result's zero point must be u8 or i8, not %s",
                                 ig_dtype(*to)->name);
        if (ig_type_elements(c->in[first + ZERO], &zeros) && zeros != 1)
            return ig_infer_fail(c, "the result has %zu zero points, expected one", zeros);
    }
    const bool is_float = *to == INGOT_F32 || *to == INGOT_F16 || *to == INGOT_BF16;
    if (!is_float && !ig_is_byte(*to) && *to != INGOT_I32)
        return ig_infer_fail(c, "the result cannot have the type %lld", (long long)dtype);
    if (scaled == (*to == INGOT_I32))
        return ig_infer_fail(c, "a result of %s %s a scale", ig_dtype(*to)->name,
                             scaled ? "takes no" : "needs");
    IG_TRY(check_vector(c, first + SCALE, INGOT_F32, n, true, "scale"));
    if (ig_has(c, first + BIAS) && *to == INGOT_I32)
        return ig_infer_fail(c, "a result of i32 takes no bias");
    return check_vector(c, first + BIAS, is_float ? INGOT_F32 : INGOT_I32, n, false, "bias");
}

ig_i8_finish ig_i8_finish_bind(const ig_bind *b)
{
    return (ig_i8_finish){
        .to = b->out[0]->dtype, .requantize = ig_requantize_i32(), .scale_up = ig_scale_i32()};
}

void ig_i8_finish_run(ig_i8_finish *f, const ig_run *r, uint32_t first)
{
    const ig_tensor *in[3] = {NULL, NULL, NULL};
    for (uint32_t i = 0; i < 3 && first + i < r->n_in; i++) in[i] = r->in[first + i];
    f->scale = in[SCALE] ? in[SCALE]->data : NULL;
    f->step = in[SCALE] && ig_tensor_elements(in[SCALE]) > 1;
    f->bias = in[BIAS] ? in[BIAS]->data : NULL;
    f->zero = in[ZERO] ? (int32_t)ig_to_int(in[ZERO]->data, in[ZERO]->dtype, 0) : 0;
}

static void narrow_floats(const ig_i8_finish *f, void *y, size_t at, const int32_t *acc,
                          const float *scale, size_t step, const float *bias, size_t n)
{
    float wide[IG_BLOCK];
    for (size_t i = 0, m; i < n; i += m) {
        m = IG_MIN(n - i, (size_t)IG_BLOCK);
        f->scale_up(wide, acc + i, scale + i * step, step, bias ? bias + i : NULL, m);
        ig_store(y, f->to, at + i, wide, IG_CALC_F32, m);
    }
}

/* The addition of the bias wraps, as the sums themselves do. */
static void add_ints(int32_t *acc, const int32_t *bias, size_t n)
{
    for (size_t i = 0; i < n; i++) acc[i] = (int32_t)((uint32_t)acc[i] + (uint32_t)bias[i]);
}

void ig_i8_finish_row(const ig_i8_finish *f, void *y, size_t at, int32_t *acc, size_t col, size_t n)
{
    const float *scale = f->scale ? f->scale + col * f->step : NULL;
    if (f->to == INGOT_I32) {
        memcpy((int32_t *)y + at, acc, n * sizeof *acc);
    } else if (ig_is_byte(f->to)) {
        if (f->bias) add_ints(acc, (const int32_t *)f->bias + col, n);
        f->requantize((uint8_t *)y + at, acc, scale, f->step, n, f->zero, f->to == INGOT_I8);
    } else {
        const float *bias = f->bias ? (const float *)f->bias + col : NULL;
        if (f->to == INGOT_F32)
            f->scale_up((float *)y + at, acc, scale, f->step, bias, n);
        else
            narrow_floats(f, y, at, acc, scale, f->step, bias, n);
    }
}
