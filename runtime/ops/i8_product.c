/* i8_product.c - see i8_product.h. */
#include "runtime/ops/i8_product.h"
#include "runtime/base/checked.h"

#include <math.h>

/* ---- weights ---- */

ingot_status ig_i8_weights_bind(ig_i8_weights *w, ig_bind *b, uint32_t in, size_t count, size_t n,
                                size_t k, bool *packed)
{
    const ig_tensor *t = b->known[in];
    size_t all, rows;
    *w = (ig_i8_weights){.count = count, .n = n, .k = k};
    w->is_signed = b->in[in]->dtype == INGOT_I8;
    *packed = b->in_layout[in] != IG_PLAIN;
    if (!ig_align_ok(n, (size_t)GEMM_I8_PANEL, &w->n16) ||
        !ig_gemm_i8_weight_bytes(n, k, &w->bytes) || !ig_mul_ok(w->bytes, count, &all) ||
        !ig_mul_ok(w->n16, count, &rows) || rows > SIZE_MAX / 2 / sizeof(int32_t))
        return ig_bind_fail(b, "the weights are too large");
    if (*packed) {
        w->panels = t->data;
        w->sums = (int32_t *)(void *)(w->panels + all);
        return INGOT_OK;
    }
    if (!t) {
        IG_TRY(ig_scratch_add(b, all, 1, &w->at_panels));
        return ig_scratch_add(b, rows, sizeof(int32_t), &w->at_sums);
    }
    w->panels = ig_arena_take(b->arena, IG_MAX(all, (size_t)1));
    w->sums = ig_arena_array(b->arena, IG_MAX(rows, (size_t)1), sizeof(int32_t));
    if (w->panels && w->sums) return INGOT_OK;
    return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for packed weights");
}

int8_t *ig_i8_panels(const ig_i8_weights *w, const ig_run *r)
{
    return w->panels ? w->panels : ig_piece(r, w->at_panels);
}

int32_t *ig_i8_sums(const ig_i8_weights *w, const ig_run *r)
{
    return w->panels ? w->sums : ig_piece(r, w->at_sums);
}

/* ---- the numbers of each column ---- */

enum { ARRAYS = 5 }; /* [count, n16] each: start, w_zero, w_fix, scale, bias */

bool ig_i8_columns_bytes(const ig_i8_weights *w, size_t *bytes)
{
    size_t rows;
    return ig_mul_ok(w->count, w->n16, &rows) && ig_mul_ok(rows, ARRAYS * sizeof(int32_t), bytes);
}

/* Which of n numbers, one for all, one a column, or one a column of each matrix, belongs to column
 * i of matrix m; the columns that only pad take the first. */
static size_t element(const ig_i8_weights *w, size_t n, size_t m, size_t i)
{
    const size_t col = i < w->n ? i : 0;
    return n == 1 ? 0 : n > w->n ? m * w->n + col : col;
}

static size_t count(const ig_tensor *t) { return t ? ig_tensor_elements(t) : 0; }

static int32_t int_at(const ig_tensor *t, size_t i)
{
    return (int32_t)ig_to_int(t->data, t->dtype, i);
}

/* Zero points of all rows of the weights; false: all are 0. */
static bool fill_zeros(int32_t *zero, const ig_i8_weights *w, const ig_tensor *t)
{
    const int32_t shift = w->is_signed ? 0 : -128;
    const size_t n = count(t);
    uint32_t any = 0;
    for (size_t m = 0; m < w->count; m++, zero += w->n16)
        for (size_t i = 0; i < w->n16; i++) {
            zero[i] = shift + (t ? int_at(t, element(w, n, m, i)) : 0);
            any |= (uint32_t)zero[i];
        }
    return any != 0;
}

/* Sums begin with the integer bias less what the zero point of the activations adds. */
static void fill_start(int32_t *start, const ig_i8_weights *w, const ig_i8_terms *t,
                       const int32_t *fix)
{
    const ig_tensor *bias = t->bias && t->bias->dtype == INGOT_I32 ? t->bias : NULL;
    const size_t n = count(bias);
    const uint32_t zero =
        (uint32_t)((t->a_signed ? 128 : 0) + (t->a_zero ? int_at(t->a_zero, 0) : 0));
    for (size_t m = 0; m < w->count; m++, start += w->n16, fix += w->n16)
        for (size_t i = 0; i < w->n16; i++) {
            const uint32_t b = bias ? (uint32_t)int_at(bias, element(w, n, m, i)) : 0;
            start[i] = (int32_t)(b - zero * (uint32_t)fix[i]);
        }
}

static void fill_floats(float *to, const ig_i8_weights *w, const ig_tensor *t)
{
    const float *from = t->data;
    const size_t n = count(t);
    for (size_t m = 0; m < w->count; m++, to += w->n16)
        for (size_t i = 0; i < w->n16; i++) to[i] = from[element(w, n, m, i)];
}

/* See i8_finish: |acc| is at most 2^31. */
static bool is_small(const float *scale, const float *bias, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(scale[i]) < 0.5f) || (bias && !(fabsf(bias[i]) < 0x1p29f))) return false;
    return true;
}

static i8_finish finish_of(const ig_i8_terms *t, ingot_dtype to, const ig_i8_out_attrs *attrs)
{
    i8_finish f = {.to = I8_TO_F32, .to_signed = to == INGOT_I8};
    if (to == INGOT_I32) f.to = I8_TO_I32;
    if (!ig_is_byte(to)) return f;
    const int64_t least = f.to_signed ? -128 : 0, low = IG_MAX(attrs->low, least);
    const int64_t high = IG_MIN(attrs->high, least + 255);
    f.to = I8_TO_BYTES;
    f.zero = t->y_zero ? int_at(t->y_zero, 0) : 0;
    f.low = (float)(low - f.zero);
    f.high = (float)(high - f.zero);
    return f;
}

ig_i8_columns ig_i8_columns_fill(void *room, const ig_i8_weights *w, const int32_t *sums,
                                 const ig_i8_terms *terms, ingot_dtype to,
                                 const ig_i8_out_attrs *attrs)
{
    int32_t *start = room, *zero = start + w->count * w->n16, *fix = zero + w->count * w->n16;
    float *scale = (float *)(void *)(fix + w->count * w->n16), *bias = scale + w->count * w->n16;
    ig_i8_columns c = {.finish = finish_of(terms, to, attrs), .w_fix = fix};
    if (fill_zeros(zero, w, terms->b_zero)) c.w_zero = zero;
    for (size_t m = 0; m < w->count; m++)
        ig_gemm_i8_fix(fix + m * w->n16, sums + m * w->n16, zero + m * w->n16, w->n, w->k);
    fill_start(start, w, terms, fix);
    c.finish.start = start;
    if (terms->scale) {
        fill_floats(scale, w, terms->scale);
        c.finish.scale = scale;
    }
    if (terms->bias && terms->bias->dtype == INGOT_F32) {
        fill_floats(bias, w, terms->bias);
        c.finish.bias = bias;
    }
    c.finish.small = terms->scale && is_small(scale, c.finish.bias, w->count * w->n16);
    return c;
}

void ig_i8_operand(gemm_i8_args *p, const ig_i8_weights *w, const int8_t *panels,
                   const ig_i8_columns *columns, size_t i, size_t col, size_t n)
{
    const size_t at = i * w->n16 + col, panel = w->bytes / IG_MAX(w->n16, (size_t)1);
    p->panels = panels + i * w->bytes + col * panel;
    p->finish = columns->finish;
    p->finish.start += at;
    if (p->finish.scale) p->finish.scale += at;
    if (p->finish.bias) p->finish.bias += at;
    p->w_zero = columns->w_zero ? columns->w_zero + at : NULL;
    p->w_fix = columns->w_fix + at;
    p->n = n;
    p->k = w->k;
}

/* ---- infer ---- */

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

ingot_status ig_i8_finish_infer(ig_infer *c, uint32_t first, const ig_i8_out_attrs *attrs,
                                int64_t n, ingot_dtype *to)
{
    const int64_t dtype = attrs->dtype;
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
    if (attrs->low > attrs->high || attrs->low < -128 || attrs->high > 255)
        return ig_infer_fail(c, "results between %lld and %lld are no bytes", (long long)attrs->low,
                             (long long)attrs->high);
    IG_TRY(check_vector(c, first + SCALE, INGOT_F32, n, true, "scale"));
    if (!ig_has(c, first + BIAS)) return INGOT_OK;
    if (*to == INGOT_I32) return ig_infer_fail(c, "a result of i32 takes no bias");
    const bool ints = !is_float && c->in[first + BIAS]->dtype == INGOT_I32;
    return check_vector(c, first + BIAS, ints ? INGOT_I32 : INGOT_F32, n, false, "bias");
}
