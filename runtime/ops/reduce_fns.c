/* reduce_fns.c - see reduce_fns.h. Each accumulator sees its elements in index order, and lanes are
 * joined pairwise: the result does not depend on threads or neighbours. */
#include "runtime/ops/reduce_fns.h"

#include <math.h>
#include <string.h>

#define U(x) ((uint64_t)(x))

// clang-format off
#define FLOAT_STEPS(X)                          \
    X(sum, f64, double, a + x)                  \
    X(abs, f64, double, a + fabs(x))            \
    X(square, f64, double, a + x * x)           \
    X(prod, f64, double, a * x)                 \
    X(max, f64, double, a > x || a != a ? a : x) \
    X(min, f64, double, a < x || a != a ? a : x) \
    X(exp, f64, double, a + exp(x - shift[j]))

#define INT_STEPS(X, t, T)                      \
    X(sum, t, T, U(a) + U(x))                   \
    X(abs, t, T, U(a) + (x < 0 ? 0 - U(x) : U(x))) \
    X(square, t, T, U(a) + U(x) * U(x))         \
    X(prod, t, T, U(a) * U(x))                  \
    X(max, t, T, a > x ? a : x)                 \
    X(min, t, T, a < x ? a : x)
// clang-format on

#define LOOPS(name, t, T, value)                                                             \
    static void name##_columns_##t(void *acc_, const void *x_, size_t n, const void *shift_) \
    {                                                                                        \
        T *acc = acc_;                                                                       \
        const T *shift = shift_;                                                             \
        (void)shift;                                                                         \
        for (size_t j = 0; j < n; j++) {                                                     \
            const T a = acc[j], x = ((const T *)x_)[j];                                      \
            acc[j] = (T)(value);                                                             \
        }                                                                                    \
    }                                                                                        \
    static void name##_rows_##t(void *acc_, const void *x_, size_t n, const void *shift_)    \
    {                                                                                        \
        T acc[IG_REDUCE_LANES];                                                              \
        const T *shift = shift_;                                                             \
        (void)shift;                                                                         \
        memcpy(acc, acc_, sizeof acc);                                                       \
        for (size_t i = 0; i < n; i += IG_REDUCE_LANES) {                                    \
            const size_t k = n - i < IG_REDUCE_LANES ? n - i : IG_REDUCE_LANES;              \
            if (k == IG_REDUCE_LANES)                                                        \
                for (size_t j = 0; j < IG_REDUCE_LANES; j++) {                               \
                    const T a = acc[j], x = ((const T *)x_)[i + j];                          \
                    acc[j] = (T)(value);                                                     \
                }                                                                            \
            else                                                                             \
                for (size_t j = 0; j < k; j++) {                                             \
                    const T a = acc[j], x = ((const T *)x_)[i + j];                          \
                    acc[j] = (T)(value);                                                     \
                }                                                                            \
        }                                                                                    \
        memcpy(acc_, acc, sizeof acc);                                                       \
    }

FLOAT_STEPS(LOOPS)
INT_STEPS(LOOPS, i64, int64_t)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtype-limits" /* x < 0 of an unsigned x */
INT_STEPS(LOOPS, u64, uint64_t)
#pragma GCC diagnostic pop

#define PAIR(name, t)                       \
    {                                       \
        name##_columns_##t, name##_rows_##t \
    }
#define ALL(name)                                         \
    {                                                     \
        PAIR(name, f64), PAIR(name, i64), PAIR(name, u64) \
    }

ig_reduce_pair ig_reduce_find(ig_reduce_kind kind, ig_calc calc)
{
    static const ig_reduce_pair table[IG_REDUCE_KINDS][3] = {
        [IG_REDUCE_SUM] = ALL(sum),         [IG_REDUCE_ABS] = ALL(abs),
        [IG_REDUCE_SQUARE] = ALL(square),   [IG_REDUCE_PROD] = ALL(prod),
        [IG_REDUCE_MAX] = ALL(max),         [IG_REDUCE_MIN] = ALL(min),
        [IG_REDUCE_EXP] = {PAIR(exp, f64)},
    };
    return table[kind][calc == IG_CALC_F64 ? 0 : calc == IG_CALC_I64 ? 1 : 2];
}

static double start_f64(ig_reduce_kind kind)
{
    if (kind == IG_REDUCE_MAX) return -INFINITY;
    if (kind == IG_REDUCE_MIN) return INFINITY;
    return kind == IG_REDUCE_PROD;
}

/* As bits: those of an int64 are the same. */
static uint64_t start_int(ig_reduce_kind kind, ingot_dtype dtype)
{
    const ig_dtype_info *d = ig_dtype(dtype);
    const bool is_signed = d->class_ == IG_CLASS_INT;
    const uint64_t high = UINT64_MAX >> (64 - d->bits + is_signed);
    if (kind == IG_REDUCE_MIN) return high;
    if (kind == IG_REDUCE_MAX) return is_signed ? ~high : 0;
    return kind == IG_REDUCE_PROD;
}

void ig_reduce_start(void *acc, size_t n, ig_reduce_kind kind, ig_calc calc, ingot_dtype dtype)
{
    if (calc == IG_CALC_F64)
        for (size_t i = 0; i < n; i++) ((double *)acc)[i] = start_f64(kind);
    else
        for (size_t i = 0; i < n; i++) ((uint64_t *)acc)[i] = start_int(kind, dtype);
}

void ig_reduce_join(void *acc, ig_reduce_kind kind, ig_calc calc)
{
    /* partial sums of any kind are added, products multiplied */
    const bool sums = kind == IG_REDUCE_ABS || kind == IG_REDUCE_SQUARE || kind == IG_REDUCE_EXP;
    const ig_reduce_pair fn = ig_reduce_find(sums ? IG_REDUCE_SUM : kind, calc);
    for (size_t half = IG_REDUCE_LANES / 2; half; half /= 2)
        fn.columns(acc, (char *)acc + half * sizeof(uint64_t), half, NULL);
}
