/* binary_fns.c - see binary_fns.h. Nothing here traps: integers wrap, a division by zero gives 0,
 * and INT_MIN / -1 gives INT_MIN. */
#include "runtime/ops/binary_fns.h"
#include "runtime/base/checked.h"

#include <string.h>
#include <tgmath.h>

/* Remainder with the sign of the divisor (Python's %). */
#define FLOOR_MOD(T, name)                     \
    static inline T name(T a, T b)             \
    {                                          \
        const T m = fmod(a, b);                \
        if (m == 0) return copysign((T)0, b);  \
        return (b < 0) != (m < 0) ? m + b : m; \
    }
FLOOR_MOD(float, floor_mod_f32)
FLOOR_MOD(double, floor_mod_f64)
#define floor_mod(a, b) _Generic((a), float : floor_mod_f32, double : floor_mod_f64)(a, b)

static inline int64_t quotient(int64_t a, int64_t b)
{
    if (b == 0) return 0;
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

static inline int64_t rem_i64(int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }

static inline int64_t mod_i64_of(int64_t a, int64_t b)
{
    const int64_t m = rem_i64(a, b);
    return m && (m < 0) != (b < 0) ? m + b : m;
}

/* a^b modulo 2^64; a negative power is the truncated fraction. */
static inline int64_t pow_of(int64_t a, int64_t b)
{
    if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
    uint64_t y = 1, x = (uint64_t)a;
    for (; b; b >>= 1, x *= x)
        if (b & 1) y *= x;
    return (int64_t)y;
}

static inline int64_t shift_right_of(int64_t a, int64_t b, unsigned bits)
{
    if (b < 0 || b >= (int64_t)bits) return a < 0 ? -1 : 0;
    return a >> b;
}

/* Values of a and b, in the type of each list. */
// clang-format off
#define FLOAT_VALUES(X)                            \
    X(add, a + b)                                  \
    X(sub, a - b)                                  \
    X(mul, a * b)                                  \
    X(div, a / b)                                  \
    X(max, a > b || a != a ? a : b)                \
    X(min, a < b || a != a ? a : b)                \
    X(mod, floor_mod(a, b))                        \
    X(fmod, fmod(a, b))                            \
    X(prelu, a < 0 ? a * b : a)

#define INT_VALUES(X)                              \
    X(add, U(a) + U(b))                            \
    X(sub, U(a) - U(b))                            \
    X(mul, U(a) * U(b))                            \
    X(max, a > b ? a : b)                          \
    X(min, a < b ? a : b)                          \
    X(prelu, a < 0 ? U(a) * U(b) : U(a))           \
    X(pow, pow_of((int64_t)a, (int64_t)b))         \
    X(bitwise_and, a & b)                          \
    X(bitwise_or, a | b)                           \
    X(bitwise_xor, a ^ b)                          \
    X(shift_left, b < 0 || U(b) >= bits ? 0 : U(a) << b)

#define I64_VALUES(X)                              \
    X(div, quotient(a, b))                          \
    X(mod, mod_i64_of(a, b))                       \
    X(fmod, rem_i64(a, b))                         \
    X(shift_right, shift_right_of(a, b, bits))

#define U64_VALUES(X)                              \
    X(div, b ? a / b : 0)                          \
    X(mod, b ? a % b : 0)                          \
    X(fmod, b ? a % b : 0)                         \
    X(shift_right, b >= bits ? 0 : a >> b)         \
    X(and, a && b)                                 \
    X(or, a || b)                                  \
    X(xor, !a != !b)

#define TESTS(X)                                   \
    X(equal, a == b)                               \
    X(less, a < b)                                 \
    X(less_or_equal, a <= b)                       \
    X(greater, a > b)                              \
    X(greater_or_equal, a >= b)
// clang-format on

#define U(x) ((uint64_t)(x))

/* The common cases have their own loops, so that each can be vectorised. */
#define LOOP(name, R, T, value)                                                              \
    static void name(void *y_, const void *a_, size_t step_a, const void *b_, size_t step_b, \
                     size_t n, unsigned bits)                                                \
    {                                                                                        \
        R *y = y_;                                                                           \
        const T *pa = a_, *pb = b_;                                                          \
        (void)bits;                                                                          \
        if (step_a && step_b)                                                                \
            for (size_t i = 0; i < n; i++) {                                                 \
                const T a = pa[i], b = pb[i];                                                \
                y[i] = (R)(value);                                                           \
            }                                                                                \
        else if (step_a)                                                                     \
            for (size_t i = 0; i < n; i++) {                                                 \
                const T a = pa[i], b = pb[0];                                                \
                y[i] = (R)(value);                                                           \
            }                                                                                \
        else                                                                                 \
            for (size_t i = 0; i < n; i++) {                                                 \
                const T a = pa[0], b = pb[i * step_b];                                       \
                y[i] = (R)(value);                                                           \
            }                                                                                \
    }

#define X(name, value) LOOP(name##_f32, float, float, value)
FLOAT_VALUES(X)
#undef X
#define X(name, value) LOOP(name##_f64, double, double, value)
FLOAT_VALUES(X)
#undef X
#define X(name, value) LOOP(name##_i64, int64_t, int64_t, value)
INT_VALUES(X)
I64_VALUES(X)
#undef X
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtype-limits" /* b < 0 of an unsigned b */
#define X(name, value) LOOP(name##_u64, uint64_t, uint64_t, value)
INT_VALUES(X)
U64_VALUES(X)
#undef X
#pragma GCC diagnostic pop
#define X(name, value)                        \
    LOOP(name##_f32, uint8_t, float, value)   \
    LOOP(name##_f64, uint8_t, double, value)  \
    LOOP(name##_i64, uint8_t, int64_t, value) \
    LOOP(name##_u64, uint8_t, uint64_t, value)
TESTS(X)
#undef X

/* Powers of two and three are everywhere in models, and multiplications. */
#define POW(name, T)                                                                      \
    LOOP(name##_any, T, T, pow(a, b))                                                     \
    static void name(void *y, const void *a, size_t step_a, const void *b, size_t step_b, \
                     size_t n, unsigned bits)                                             \
    {                                                                                     \
        const T e = *(const T *)b, *x = a;                                                \
        if (!step_b && (e == 2 || e == 3))                                                \
            for (size_t i = 0; i < n; i++) {                                              \
                const T v = x[i * step_a];                                                \
                ((T *)y)[i] = e == 2 ? v * v : v * v * v;                                 \
            }                                                                             \
        else                                                                              \
            name##_any(y, a, step_a, b, step_b, n, bits);                                 \
    }
POW(pow_f32, float)
POW(pow_f64, double)

typedef struct {
    const char *name;
    ig_binary_fn *fn[IG_CALC_NONE + 1];
    ig_binary_kind kind;
} row;

#define ALL(name, kind)                                                      \
    {                                                                        \
#        name, {name##_f32, name##_f64, name##_i64, name##_u64, NULL }, kind \
    }
#define INTS(name)                                                          \
    {                                                                       \
#        name, {NULL, NULL, name##_i64, name##_u64, NULL }, IG_BINARY_VALUE \
    }
#define LOGIC(name)                                                   \
    {                                                                 \
#        name, {NULL, NULL, NULL, name##_u64, NULL }, IG_BINARY_LOGIC \
    }

static const row rows[] = {
    ALL(add, IG_BINARY_VALUE),
    ALL(sub, IG_BINARY_VALUE),
    ALL(mul, IG_BINARY_VALUE),
    ALL(div, IG_BINARY_VALUE),
    ALL(pow, IG_BINARY_VALUE),
    ALL(max, IG_BINARY_VALUE),
    ALL(min, IG_BINARY_VALUE),
    ALL(mod, IG_BINARY_VALUE),
    ALL(fmod, IG_BINARY_VALUE),
    ALL(prelu, IG_BINARY_VALUE),
    INTS(bitwise_and),
    INTS(bitwise_or),
    INTS(bitwise_xor),
    INTS(shift_left),
    INTS(shift_right),
    LOGIC(and),
    LOGIC(or),
    LOGIC(xor),
    ALL(equal, IG_BINARY_TEST),
    ALL(less, IG_BINARY_TEST),
    ALL(less_or_equal, IG_BINARY_TEST),
    ALL(greater, IG_BINARY_TEST),
    ALL(greater_or_equal, IG_BINARY_TEST),
};

const char *const ig_binary_names[] = {
    "add",
    "sub",
    "mul",
    "div",
    "pow",
    "max",
    "min",
    "mod",
    "fmod",
    "prelu",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "shift_left",
    "shift_right",
    "and",
    "or",
    "xor",
    "equal",
    "less",
    "less_or_equal",
    "greater",
    "greater_or_equal",
    NULL,
};

_Static_assert(IG_LEN(rows) + 1 == IG_LEN(ig_binary_names), "one name for each row");

ig_binary_fn *ig_binary_find(int fn, ig_calc calc) { return rows[fn].fn[calc]; }

ig_binary_kind ig_binary_kind_of(int fn) { return rows[fn].kind; }

bool ig_binary_is(int fn, const char *name) { return !strcmp(rows[fn].name, name); }
