/* binary.c - functions of two broadcast tensors: binary fn=...
 *
 * Floats are computed in f32 (f64 for f64) and rounded once; integers in 64 bits, exact, then cut
 * to the stored width. Only `pow` takes two dtypes: the result has the base's. */
#include "kernels/binary/binary.h"
#include "kernels/compare/compare.h"
#include "kernels/stream/stream.h"
#include "runtime/ops/binary_fns.h"
#include "runtime/ops/broadcast.h"
#include "runtime/base/checked.h"
#include "runtime/base/topology.h"

#include <string.h>

typedef struct {
    int fn;
} binary_attrs;

static const ig_attr attrs[] = {
    IG_ENUM(binary_attrs, fn, 0, ig_binary_names),
    {0},
};

/* In what a pair of dtypes is computed: floats to any power in their own type unless the exponent
 * would lose digits there; integers stay exact for whole exponents. */
static ig_calc calc_for(int fn, ingot_dtype a, ingot_dtype b)
{
    const ig_calc ca = ig_calc_of(a), cb = ig_calc_of(b);
    if (!ig_binary_is(fn, "pow") || a == b || ca == IG_CALC_NONE || cb == IG_CALC_NONE) return ca;
    const bool int_a = ca == IG_CALC_I64 || ca == IG_CALC_U64;
    const bool int_b = cb == IG_CALC_I64 || cb == IG_CALC_U64;
    if (int_a && int_b) return ca;
    return ca == IG_CALC_F32 && cb == IG_CALC_F32 ? IG_CALC_F32 : IG_CALC_F64;
}

static bool strings_test(int fn, ingot_dtype a, ingot_dtype b)
{
    return a == INGOT_STR && b == INGOT_STR && ig_binary_is(fn, "equal");
}

static ingot_status check_types(ig_infer *c, int fn, ingot_dtype a, ingot_dtype b)
{
    const char *name = ig_binary_names[fn];
    const ig_binary_kind kind = ig_binary_kind_of(fn);
    if (a != b && !ig_binary_is(fn, "pow"))
        return ig_infer_fail(c, "%s of %s and %s: both must have one type", name, ig_dtype(a)->name,
                             ig_dtype(b)->name);
    if (strings_test(fn, a, b)) return INGOT_OK;
    const bool is_bool = a == INGOT_BOOL || b == INGOT_BOOL;
    const bool fits = kind == IG_BINARY_LOGIC ? a == INGOT_BOOL
                      : is_bool
                          ? ig_binary_is(fn, "equal")
                          : ig_calc_of(b) != IG_CALC_NONE && ig_binary_find(fn, calc_for(fn, a, b));
    if (!fits) return ig_infer_fail(c, "%s is not defined for %s", name, ig_dtype(a)->name);
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const binary_attrs *at = c->attrs;
    const ingot_dtype a = c->in[0]->dtype, b = c->in[1]->dtype;
    if (a != INGOT_NONE && b != INGOT_NONE) IG_TRY(check_types(c, at->fn, a, b));
    IG_TRY(ig_infer_broadcast(c, &c->out[0], c->in, 2));
    const bool value = ig_binary_kind_of(at->fn) == IG_BINARY_VALUE;
    c->out[0].dtype = value ? a : INGOT_BOOL;
    if (value && a == INGOT_NONE && !ig_binary_is(at->fn, "pow")) c->out[0].dtype = b;
    return INGOT_OK;
}

/* Vector kernels for f32: vector and vector, vector and value, value and vector. */
typedef struct {
    binary_f32_fn *vv, *vs, *sv;
} binary_kernels;

static binary_kernels find_kernels(const char *name)
{
    static const struct {
        const char *name;
        binary_f32_fn *(*vv)(void), *(*vs)(void), *(*sv)(void);
    } list[] = {
#define B(op) {#op, ig_##op##_f32, ig_##op##_vs_f32, ig_##op##_sv_f32},
#include "kernels/binary/binary.def"
#undef B
    };
    for (size_t i = 0; i < IG_LEN(list); i++)
        if (!strcmp(name, list[i].name))
            return (binary_kernels){list[i].vv(), list[i].vs(), list[i].sv()};
    return (binary_kernels){0};
}

typedef struct {
    ig_broadcast walk;
    binary_kernels kernels; /* for f32; NULL: fn */
    ig_binary_fn *fn;       /* NULL: strings */
    ig_calc calc;
    ingot_dtype a, b, y;
    unsigned bits;
    bool test;           /* fn writes bool itself */
    compare_fn *compare; /* a test of two equal dtypes by kernel; NULL: fn */
    ig_comparison how;
} binary_state;

/* The kernel of a comparison; NULL: another function, or other dtypes. */
static compare_fn *find_compare(const char *name, ingot_dtype a, ingot_dtype b, ig_comparison *how)
{
    static const char *const names[IG_COMPARISONS] = {"equal", "less", "less_or_equal", "greater",
                                                      "greater_or_equal"};
    for (*how = IG_EQUAL; *how < IG_COMPARISONS; ++*how)
        if (!strcmp(name, names[*how])) break;
    if (*how == IG_COMPARISONS || a != b) return NULL;
    if (a == INGOT_F32) return ig_compare_f32();
    if (a == INGOT_I32) return ig_compare_i32();
    return a == INGOT_I64 ? ig_compare_i64() : NULL;
}

static ingot_status bind(ig_bind *b)
{
    const binary_attrs *at = b->attrs;
    binary_state *s = ig_new(b->arena, binary_state);
    if (!s) return ig_fail(b->err, INGOT_E_NOMEM, "binary: no memory for a plan");
    if (!ig_broadcast_make(&s->walk, b->out[0], b->in, 2))
        return ig_bind_fail(b, "the inputs do not broadcast to the output");
    s->a = b->in[0]->dtype, s->b = b->in[1]->dtype, s->y = b->out[0]->dtype;
    s->calc = calc_for(at->fn, s->a, s->b);
    s->fn = s->a == INGOT_STR ? NULL : ig_binary_find(at->fn, s->calc);
    s->bits = ig_dtype(s->a)->bits;
    s->test = ig_binary_kind_of(at->fn) == IG_BINARY_TEST;
    if (s->a == INGOT_F32 && s->b == INGOT_F32) s->kernels = find_kernels(ig_binary_names[at->fn]);
    s->compare = find_compare(ig_binary_names[at->fn], s->a, s->b, &s->how);
    if (s->kernels.vv || s->compare) s->walk.each_ns = IG_NS_MOVE;
    if (ig_binary_is(at->fn, "pow")) s->walk.each_ns = IG_NS_LIBM;
    b->state = s;
    b->kernel = ig_binary_names[at->fn];
    return INGOT_OK;
}

typedef struct {
    const binary_state *s;
    const void *a, *b;
    void *y;
    bool past; /* y goes past the caches */
} binary_job;

static void part_strings(const binary_job *job, const ig_broadcast_part *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const ingot_str a = ((const ingot_str *)job->a)[p->in[0] + i * p->step[0]];
        const ingot_str b = ((const ingot_str *)job->b)[p->in[1] + i * p->step[1]];
        ((uint8_t *)job->y)[p->at + i] = a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
    }
}

static void part_numbers(void *arg, const ig_broadcast_part *p)
{
    const binary_job *job = arg;
    const binary_state *s = job->s;
    ig_block block_a, block_b, out;
    const void *a = ig_view(&block_a, s->calc, job->a, s->a, p->in[0], p->step[0] ? p->n : 1);
    const void *b = ig_view(&block_b, s->calc, job->b, s->b, p->in[1], p->step[1] ? p->n : 1);
    if (s->test) {
        s->fn((uint8_t *)job->y + p->at, a, p->step[0], b, p->step[1], p->n, s->bits);
        return;
    }
    void *y = ig_room(&out, s->calc, job->y, s->y, p->at);
    s->fn(y, a, p->step[0], b, p->step[1], p->n, s->bits);
    ig_store(job->y, s->y, p->at, y, s->calc, p->n);
}

static void part_f32(const binary_job *job, const ig_broadcast_part *p)
{
    const binary_kernels *k = &job->s->kernels;
    binary_f32_fn *fn = p->step[0] && p->step[1] ? k->vv : p->step[0] ? k->vs : k->sv;
    float *y = (float *)job->y + p->at;
    const float *a = (const float *)job->a + p->in[0], *b = (const float *)job->b + p->in[1];
    if (job->past && p->n >= IG_STREAM_BYTES / sizeof *y)
        ig_binary_past(fn, y, a, p->step[0], b, p->step[1], p->n);
    else
        fn(y, a, b, p->n);
}

/* a < b is b > a: the one value, if any, comes second. */
static void part_compare(const binary_job *job, const ig_broadcast_part *p)
{
    static const ig_comparison turned[] = {IG_EQUAL, IG_GREATER, IG_GREATER_OR_EQUAL, IG_LESS,
                                           IG_LESS_OR_EQUAL};
    const binary_state *s = job->s;
    const size_t bytes = ig_dtype(s->a)->bytes;
    const char *a = (const char *)job->a + p->in[0] * bytes;
    const char *b = (const char *)job->b + p->in[1] * bytes;
    uint8_t *y = (uint8_t *)job->y + p->at;
    if (p->step[0])
        s->compare(y, a, b, p->n, s->how, !p->step[1]);
    else
        s->compare(y, b, a, p->n, turned[s->how], true);
}

static void part_any(void *arg, const ig_broadcast_part *p)
{
    const binary_job *job = arg;
    if (job->s->kernels.vv && (p->step[0] || p->step[1] || p->n == 1))
        part_f32(job, p);
    else if (job->s->compare && (p->step[0] || p->step[1] || p->n == 1))
        part_compare(job, p);
    else if (job->s->fn)
        part_numbers(arg, p);
    else
        part_strings(job, p);
}

static ingot_status run(ig_run *r)
{
    const binary_state *s = r->state;
    binary_job job = {s, r->in[0]->data, r->in[1]->data, r->out[0]->data, false};
    job.past =
        job.y != job.a && job.y != job.b && ig_past_caches((double)s->walk.total * sizeof(float));
    ig_broadcast_run(&s->walk, r->pool, s->kernels.vv || s->compare ? 0 : IG_BLOCK, part_any, &job);
    return INGOT_OK;
}

const ig_op ig_op_binary = {
    .name = "binary",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_INPLACE_ANY,
    .attrs = attrs,
    .attrs_bytes = sizeof(binary_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
