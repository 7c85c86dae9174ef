/* unary.c - functions of one element: unary fn=... with two parameters, alpha and beta.
 *
 * Floats are computed in f32 (f64 for f64) and rounded once; integers in 64 bits. isnan and isinf
 * give bool: isinf's alpha and beta say whether -inf and +inf count. */
#include "kernels/unary/unary.h"
#include "runtime/ops/block.h"
#include "runtime/graph/op.h"
#include "runtime/base/topology.h"
#include "runtime/base/checked.h"

#include <string.h>
#include <tgmath.h>

typedef struct {
    int fn;
    double alpha, beta;
} unary_attrs;

/* X(name, value of x with parameters a and b, in the float type T) */
// clang-format off
#define FLOAT_FNS(X)                                                                    \
    X(abs, fabs(x))                                                                     \
    X(neg, -x)                                                                          \
    X(sign, x != x ? x : (T)((x > 0) - (x < 0)))                                        \
    X(floor, floor(x))                                                                  \
    X(ceil, ceil(x))                                                                    \
    X(round, rint(x))                                                                   \
    X(sqrt, sqrt(x))                                                                    \
    X(reciprocal, 1 / x)                                                                \
    X(exp, exp(x))                                                                      \
    X(log, log(x))                                                                      \
    X(sin, sin(x))                                                                      \
    X(cos, cos(x))                                                                      \
    X(tan, tan(x))                                                                      \
    X(asin, asin(x))                                                                    \
    X(acos, acos(x))                                                                    \
    X(atan, atan(x))                                                                    \
    X(sinh, sinh(x))                                                                    \
    X(cosh, cosh(x))                                                                    \
    X(tanh, tanh(x))                                                                    \
    X(asinh, asinh(x))                                                                  \
    X(acosh, acosh(x))                                                                  \
    X(atanh, atanh(x))                                                                  \
    X(erf, erf(x))                                                                      \
    X(relu, x < 0 ? 0 : x)                                                              \
    X(sigmoid, 1 / (1 + exp(-x)))                                                       \
    X(softplus, x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)))                             \
    X(softsign, x / (1 + fabs(x)))                                                      \
    X(elu, x < 0 ? a * expm1(x) : x)                                                    \
    X(selu, b * (x < 0 ? a * expm1(x) : x))                                             \
    X(celu, x < 0 ? a * expm1(x / a) : x)                                               \
    X(leaky_relu, x < 0 ? a * x : x)                                                    \
    X(thresholded_relu, x > a ? x : 0)                                                  \
    X(hard_sigmoid, ramp(x, a, b))                                              \
    X(hard_swish, x * ramp(x, a, b))                                            \
    X(shrink, x < -a ? x + b : x > a ? x - b : 0)                                       \
    X(gelu, (T)0.5 * x * (1 + erf(x * (T)0.70710678118654752440)))                      \
    X(gelu_tanh, (T)0.5 * x * (1 + tanh((T)0.79788456080286535588 *                     \
                                        (x + (T)0.044715 * x * x * x))))                \
    X(mish, x * tanh(x > 0 ? x + log1p(exp(-x)) : log1p(exp(x))))                       \
    X(swish, x / (1 + exp(-a * x)))                                                     \
    X(isnan, x != x)                                                                    \
    X(isinf, (a != 0 && x == -(T)INFINITY) || (b != 0 && x == (T)INFINITY))

/* Signed and unsigned 64-bit integers; results wrap in the stored type. */
#define INT_FNS(X)                                                                      \
    X(abs, x < 0 ? 0 - (uint64_t)x : (uint64_t)x)                                       \
    X(neg, 0 - (uint64_t)x)                                                             \
    X(sign, (x > 0) - (x < 0))                                                          \
    X(relu, x < 0 ? 0 : x)                                                              \
    X(bitwise_not, ~(uint64_t)x)                                                        \
    X(shrink, (double)x < -a ? shrunk(x, b) : (double)x > a ? shrunk(x, -b) : 0)
// clang-format on

static inline float ramp_f32(float x, float a, float b)
{
    const float y = a * x + b;
    return y < 0 ? 0 : y > 1 ? 1 : y;
}

static inline double ramp_f64(double x, double a, double b)
{
    const double y = a * x + b;
    return y < 0 ? 0 : y > 1 ? 1 : y;
}
#define ramp(x, a, b) _Generic((x), float : ramp_f32, double : ramp_f64)(x, a, b)

/* x + by, exact when `by` is whole, else cut to an integer like any float that is stored as one. */
static inline int64_t shrunk(int64_t x, double by)
{
    if (by == (double)(int32_t)by) return (int64_t)((uint64_t)x + (uint64_t)(int64_t)by);
    return (int64_t)((double)x + by);
}

typedef void unary_fn(void *y, const void *x, size_t n, double alpha, double beta);

#define T float
#define X(name, value)                                                                    \
    static void name##_f32(void *y_, const void *x_, size_t n, double alpha, double beta) \
    {                                                                                     \
        const float a = (float)alpha, b = (float)beta;                                    \
        (void)a, (void)b;                                                                 \
        for (size_t i = 0; i < n; i++) {                                                  \
            const float x = ((const float *)x_)[i];                                       \
            ((float *)y_)[i] = (float)(value);                                            \
        }                                                                                 \
    }
FLOAT_FNS(X)
#undef X
#undef T
#define T double
#define X(name, value)                                                             \
    static void name##_f64(void *y_, const void *x_, size_t n, double a, double b) \
    {                                                                              \
        (void)a, (void)b;                                                          \
        for (size_t i = 0; i < n; i++) {                                           \
            const double x = ((const double *)x_)[i];                              \
            ((double *)y_)[i] = (double)(value);                                   \
        }                                                                          \
    }
FLOAT_FNS(X)
#undef X
#undef T
#define X(name, value)                                                             \
    static void name##_i64(void *y_, const void *x_, size_t n, double a, double b) \
    {                                                                              \
        (void)a, (void)b;                                                          \
        for (size_t i = 0; i < n; i++) {                                           \
            const int64_t x = ((const int64_t *)x_)[i];                            \
            ((int64_t *)y_)[i] = (int64_t)(value);                                 \
        }                                                                          \
    }
INT_FNS(X)
#undef X

static void not_i64(void *y, const void *x, size_t n, double a, double b)
{
    (void)a, (void)b;
    for (size_t i = 0; i < n; i++) ((uint64_t *)y)[i] = !((const uint64_t *)x)[i];
}

/* Unsigned values are never below zero: only the functions that look at the sign differ. */
static void same_u64(void *y, const void *x, size_t n, double a, double b)
{
    (void)a, (void)b;
    memcpy(y, x, n * sizeof(uint64_t));
}

static void sign_u64(void *y, const void *x, size_t n, double a, double b)
{
    (void)a, (void)b;
    for (size_t i = 0; i < n; i++) ((uint64_t *)y)[i] = ((const uint64_t *)x)[i] != 0;
}

static void shrink_u64(void *y, const void *x, size_t n, double a, double b)
{
    for (size_t i = 0; i < n; i++) {
        const uint64_t v = ((const uint64_t *)x)[i];
        const bool below = (double)v<-a, above = (double)v> a;
        ((uint64_t *)y)[i] = below || above ? (uint64_t)shrunk((int64_t)v, below ? b : -b) : 0;
    }
}

typedef struct {
    const char *name;
    unary_fn *f32, *f64, *i64, *u64;
} unary_row;

static const unary_row rows[] = {
#define X(name, value) {#name, name##_f32, name##_f64, NULL, NULL},
    FLOAT_FNS(X)
#undef X
        {"not", NULL, NULL, NULL, not_i64},
    {"bitwise_not", NULL, NULL, bitwise_not_i64, bitwise_not_i64},
};

static const unary_row int_rows[] = {
#define X(name, value) {#name, NULL, NULL, name##_i64, NULL},
    INT_FNS(X)
#undef X
        {"abs", NULL, NULL, NULL, same_u64},
    {"relu", NULL, NULL, NULL, same_u64},
    {"neg", NULL, NULL, NULL, neg_i64},
    {"sign", NULL, NULL, NULL, sign_u64},
    {"shrink", NULL, NULL, NULL, shrink_u64},
};

static const char *const names[] = {
#define X(name, value) #name,
    FLOAT_FNS(X)
#undef X
        "not",
    "bitwise_not",
    NULL,
};

static const ig_attr attrs[] = {
    IG_ENUM(unary_attrs, fn, 0, names),
    IG_FLOAT(unary_attrs, alpha, 1),
    IG_FLOAT(unary_attrs, beta, 0),
    {0},
};

static unary_fn *row_fn(const unary_row *row, ig_calc calc)
{
    unary_fn *const list[] = {row->f32, row->f64, row->i64, row->u64, NULL};
    return list[calc];
}

/* The loop for a function and dtype; NULL: there is none. */
static unary_fn *find_fn(int fn, ingot_dtype dtype)
{
    const ig_calc calc = ig_calc_of(dtype);
    const bool logical = !strcmp(rows[fn].name, "not");
    if (logical != (dtype == INGOT_BOOL)) return NULL;
    unary_fn *found = row_fn(&rows[fn], calc);
    for (size_t i = 0; i < IG_LEN(int_rows) && !found; i++)
        if (!strcmp(int_rows[i].name, rows[fn].name)) found = row_fn(&int_rows[i], calc);
    return found;
}

static bool gives_bool(int fn)
{
    return !strcmp(rows[fn].name, "isnan") || !strcmp(rows[fn].name, "isinf");
}

static ingot_status infer(ig_infer *c)
{
    const unary_attrs *a = c->attrs;
    c->out[0] = *c->in[0];
    if (c->in[0]->dtype != INGOT_NONE && !find_fn(a->fn, c->in[0]->dtype))
        return ig_infer_fail(c, "%s is not defined for %s", rows[a->fn].name,
                             ig_dtype(c->in[0]->dtype)->name);
    if (gives_bool(a->fn)) c->out[0].dtype = INGOT_BOOL;
    return INGOT_OK;
}

/* Vector kernels, where there is one; the names that differ from ours. */
static unary_f32_fn *find_kernel(const char *name, const unary_attrs *a)
{
    static const struct {
        const char *name;
        unary_f32_fn *(*find)(void);
    } list[] = {
#define U(op) {#op, ig_##op##_f32},
#include "kernels/unary/unary.def"
#undef U
    };
    if (!strcmp(name, "gelu")) name = "gelu_erf";
    if (!strcmp(name, "swish")) name = "silu";
    if (!strcmp(name, "hard_swish") && ((float)a->alpha != 1.0f / 6 || a->beta != 0.5)) return NULL;
    for (size_t i = 0; i < IG_LEN(list); i++)
        if (!strcmp(name, list[i].name)) return list[i].find();
    return NULL;
}

typedef struct {
    unary_fn *fn;
    unary_f32_fn *kernel; /* for f32; NULL: fn */
    ig_calc calc;
    ingot_dtype from, to;
    double alpha, beta;
    size_t grain;
    bool moves; /* the kernel is bound by memory, not by arithmetic */
} unary_state;

/* What an element takes. */
static double each_ns(const unary_state *s, const char *name)
{
    static const char *const exps[] = {"exp", "log",  "tanh", "sigmoid", "softplus",
                                       "elu", "selu", "celu", "swish",   "mish"};
    static const char *const erfs[] = {"erf", "gelu", "gelu_tanh"};
    for (size_t i = 0; i < IG_LEN(exps); i++)
        if (!strcmp(name, exps[i])) return s->kernel ? IG_NS_EXP : IG_NS_LIBM;
    for (size_t i = 0; i < IG_LEN(erfs); i++)
        if (!strcmp(name, erfs[i])) return s->kernel ? IG_NS_ERF : IG_NS_LIBM;
    if (s->kernel) return IG_NS_MOVE;
    return s->calc == IG_CALC_F32 || s->calc == IG_CALC_F64 ? IG_NS_LIBM : IG_NS_BLOCK;
}

static ingot_status bind(ig_bind *b)
{
    const unary_attrs *a = b->attrs;
    unary_state *s = ig_new(b->arena, unary_state);
    if (!s) return ig_fail(b->err, INGOT_E_NOMEM, "unary: no memory for a plan");
    *s = (unary_state){
        .fn = find_fn(a->fn, b->in[0]->dtype),
        .calc = ig_calc_of(b->in[0]->dtype),
        .from = b->in[0]->dtype,
        .to = b->out[0]->dtype,
        .alpha = a->alpha,
        .beta = a->beta,
    };
    if (s->calc == IG_CALC_F32 && !gives_bool(a->fn)) s->kernel = find_kernel(rows[a->fn].name, a);
    const double each = each_ns(s, rows[a->fn].name);
    s->grain = ig_grain_ns(each);
    s->moves = s->kernel && each <= IG_NS_MOVE;
    b->state = s;
    b->kernel = rows[a->fn].name;
    return INGOT_OK;
}

typedef struct {
    const unary_state *s;
    const void *x;
    void *y;
    bool past; /* y goes past the caches */
} unary_job;

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const unary_job *job = arg;
    const unary_state *s = job->s;
    const float a = (float)s->alpha, b = (float)s->beta;
    if (s->kernel && s->from == INGOT_F32) {
        float *y = (float *)job->y + begin;
        const float *x = (const float *)job->x + begin;
        if (job->past)
            ig_unary_past(s->kernel, y, x, end - begin, a, b);
        else
            s->kernel(y, x, end - begin, a, b);
        return;
    }
    ig_block in, out;
    for (size_t at = begin; at < end; at += IG_BLOCK) {
        const size_t n = IG_MIN(end - at, (size_t)IG_BLOCK);
        void *y = ig_room(&out, s->calc, job->y, s->to, at);
        const void *x = ig_view(&in, s->calc, job->x, s->from, at, n);
        if (s->kernel)
            s->kernel(y, x, n, a, b);
        else
            s->fn(y, x, n, s->alpha, s->beta);
        ig_store(job->y, s->to, at, y, s->calc, n);
    }
}

static ingot_status run(ig_run *r)
{
    const size_t n = ig_tensor_elements(r->in[0]);
    unary_job job = {r->state, r->in[0]->data, r->out[0]->data, false};
    job.past = job.s->moves && job.x != job.y && ig_past_caches((double)n * sizeof(float));
    ig_parallel(r->pool, n, job.s->grain, 0, work, &job);
    return INGOT_OK;
}

const ig_op ig_op_unary = {
    .name = "unary",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_INPLACE,
    .attrs = attrs,
    .attrs_bytes = sizeof(unary_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
