/* combine.c - y = y op x for arrays of any numeric type: the reductions of the scatter ops. */
#include "runtime/ops/index.h"
#include "runtime/base/half.h"

#include <complex.h>
#include <math.h>

const char *const ig_put_names[] = {"none", "add", "mul", "min", "max", NULL};

/* name, element type, type of the arithmetic, load, store, expression of a and b */
#define LOOP(name, type, wide, load, store, expression)  \
    static void name(void *yy, const void *xx, size_t n) \
    {                                                    \
        type *y = yy;                                    \
        const type *x = xx;                              \
        for (size_t i = 0; i < n; i++) {                 \
            const wide a = load(y[i]), b = load(x[i]);   \
            y[i] = store(expression);                    \
        }                                                \
    }

/* NaN wins on either side. */
#define LESS(a, b) ((a) < (b) || isnan(a) ? (a) : (b))
#define MORE(a, b) ((a) > (b) || isnan(a) ? (a) : (b))

#define FLOATS(key, type, wide, load, store)             \
    LOOP(add_##key, type, wide, load, store, a + b)      \
    LOOP(mul_##key, type, wide, load, store, a *b)       \
    LOOP(min_##key, type, wide, load, store, LESS(a, b)) \
    LOOP(max_##key, type, wide, load, store, MORE(a, b))

/* Sums and products wrap: computed unsigned, kept in the low bits. */
#define INTS(key, type)                                          \
    LOOP(add_##key, type, uint64_t, (uint64_t), (type), (a + b)) \
    LOOP(mul_##key, type, uint64_t, (uint64_t), (type), (a * b)) \
    LOOP(min_##key, type, type, , , a < b ? a : b)               \
    LOOP(max_##key, type, type, , , a > b ? a : b)

FLOATS(f32, float, float, , )
FLOATS(f64, double, double, , )
FLOATS(f16, uint16_t, float, ig_f16_to_f32, ig_f32_to_f16)
FLOATS(bf16, uint16_t, float, ig_bf16_to_f32, ig_f32_to_bf16)
INTS(i8, int8_t)
INTS(i16, int16_t)
INTS(i32, int32_t)
INTS(i64, int64_t)
INTS(u8, uint8_t)
INTS(u16, uint16_t)
INTS(u32, uint32_t)
INTS(u64, uint64_t)
LOOP(or_bool, uint8_t, uint8_t, , (uint8_t), (a | b))
LOOP(and_bool, uint8_t, uint8_t, , (uint8_t), (a & b))
LOOP(add_c64, float complex, float complex, , , a + b)
LOOP(mul_c64, float complex, float complex, , , a *b)
LOOP(add_c128, double complex, double complex, , , a + b)
LOOP(mul_c128, double complex, double complex, , , a *b)

#define ROW(key) add_##key, mul_##key, min_##key, max_##key

ig_combine_fn *ig_combine(ingot_dtype dtype, ig_put put)
{
    static const struct {
        ingot_dtype dtype;
        ig_combine_fn *fn[4];
    } table[] = {
        {INGOT_F32, {ROW(f32)}},
        {INGOT_F64, {ROW(f64)}},
        {INGOT_F16, {ROW(f16)}},
        {INGOT_BF16, {ROW(bf16)}},
        {INGOT_I8, {ROW(i8)}},
        {INGOT_I16, {ROW(i16)}},
        {INGOT_I32, {ROW(i32)}},
        {INGOT_I64, {ROW(i64)}},
        {INGOT_U8, {ROW(u8)}},
        {INGOT_U16, {ROW(u16)}},
        {INGOT_U32, {ROW(u32)}},
        {INGOT_U64, {ROW(u64)}},
        {INGOT_BOOL, {or_bool, and_bool, and_bool, or_bool}},
        {INGOT_C64, {add_c64, mul_c64, NULL, NULL}},
        {INGOT_C128, {add_c128, mul_c128, NULL, NULL}},
    };
    if (put == IG_PUT) return NULL;
    for (size_t i = 0; i < IG_LEN(table); i++)
        if (table[i].dtype == dtype) return table[i].fn[put - 1];
    return NULL;
}

ingot_status ig_infer_put(ig_infer *c, ig_put put)
{
    const ig_type *x = c->in[0], *updates = c->in[2];
    IG_TRY(ig_infer_ints(c, 1));
    if (x->dtype && updates->dtype && x->dtype != updates->dtype)
        return ig_infer_fail(c, "the updates are %s, the data %s", ig_dtype(updates->dtype)->name,
                             ig_dtype(x->dtype)->name);
    if (put != IG_PUT && x->dtype && !ig_combine(x->dtype, put))
        return ig_infer_fail(c, "%s of %s is not defined", ig_put_names[put],
                             ig_dtype(x->dtype)->name);
    return INGOT_OK;
}
