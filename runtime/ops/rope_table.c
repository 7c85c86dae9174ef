/* rope_table.c - rope_table(positions, divide?) -> y: cos and sin of each token, made once a step
 * for all layers that turn by the same rule.
 *
 *   positions  i32 or i64 [T], each >= 0
 *   divide     a constant f32 [half]: frequency i is divided by it (LongRoPE)
 *   y          f32 [T, 2, half]: y[t][0] cosines, y[t][1] sines
 *
 * attributes, those of ig_rope_rule (kernels/rope/rope.h): half; base (10000); scaling (plain,
 * linear, ntk, yarn or llama3); factor (1); context (0: of the old context; needed by yarn and
 * llama3); fast, slow (0: 32 and 1 for yarn, 4 and 1 for llama3); magnitude (0: 1, or for yarn what
 * the rule says). */
#include "runtime/ops/index.h"
#include "runtime/ops/wide.h"
#include "kernels/rope/rope.h"

#include <math.h>

typedef struct {
    int64_t half;
    int scaling;
    double base, factor, context, fast, slow, magnitude;
} rope_attrs;

static const char *const scaling_names[] = {"plain", "linear", "ntk", "yarn", "llama3", NULL};

static const ig_attr attrs[] = {
    IG_INT(rope_attrs, half, 0),
    IG_ENUM(rope_attrs, scaling, IG_ROPE_PLAIN, scaling_names),
    IG_FLOAT(rope_attrs, base, 10000),
    IG_FLOAT(rope_attrs, factor, 1),
    IG_FLOAT(rope_attrs, context, 0),
    IG_FLOAT(rope_attrs, fast, 0),
    IG_FLOAT(rope_attrs, slow, 0),
    IG_FLOAT(rope_attrs, magnitude, 0),
    {0},
};

enum { POSITIONS, DIVIDE };

static ig_rope_rule rule_of(const rope_attrs *a)
{
    const bool llama3 = a->scaling == IG_ROPE_LLAMA3;
    return (ig_rope_rule){.base = a->base,
                          .half = (size_t)a->half,
                          .scaling = (ig_rope_scaling)a->scaling,
                          .factor = a->factor,
                          .context = a->context,
                          .fast = a->fast != 0 ? a->fast
                                  : llama3     ? 4
                                               : 32,
                          .slow = a->slow != 0 ? a->slow : 1,
                          .magnitude = a->magnitude};
}

static bool above(double x, double least) { return isfinite(x) && x > least; }

static ingot_status check_rule(ig_infer *c)
{
    const rope_attrs *a = c->attrs;
    const ig_rope_rule r = rule_of(a);
    const bool bounded = r.scaling == IG_ROPE_YARN || r.scaling == IG_ROPE_LLAMA3;
    if (a->half < 1 || a->half > 1 << 20)
        return ig_infer_fail(c, "%lld pairs cannot turn", (long long)a->half);
    if (!above(r.base, bounded ? 1 : 0) || !above(r.factor, 0) || !isfinite(r.magnitude))
        return ig_infer_fail(c, "base %g, factor %g, magnitude %g", r.base, r.factor, r.magnitude);
    if (bounded && (!above(r.context, 0) || !above(r.slow, 0) || !above(r.fast, r.slow)))
        return ig_infer_fail(c, "%s needs a context (%g) and fast (%g) above slow (%g)",
                             scaling_names[a->scaling], r.context, r.fast, r.slow);
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const rope_attrs *a = c->attrs;
    const ig_type *p = c->in[POSITIONS];
    IG_TRY(check_rule(c));
    if (p->dtype != INGOT_NONE && p->dtype != INGOT_I32 && p->dtype != INGOT_I64)
        return ig_infer_fail(c, "positions are %s, not i32 or i64", ig_dtype(p->dtype)->name);
    if (p->rank >= 0 && p->rank != 1)
        return ig_infer_fail(c, "positions have rank %d, not 1", p->rank);
    if (ig_has(c, DIVIDE)) {
        const ig_type *d = c->in[DIVIDE];
        if (d->dtype != INGOT_NONE && d->dtype != INGOT_F32)
            return ig_infer_fail(c, "divide is %s, not f32", ig_dtype(d->dtype)->name);
        if (d->rank >= 0 && (d->rank != 1 || ig_dim_differ(d->dims[0], a->half)))
            return ig_infer_fail(c, "divide is no vector of %lld elements", (long long)a->half);
    }
    c->out[0] = ig_type_tensor(INGOT_F32, 3,
                               (int64_t[]){p->rank == 1 ? p->dims[0] : IG_DIM_UNKNOWN, 2, a->half});
    return INGOT_OK;
}

typedef struct {
    ig_rope_rule rule;
    size_t n;
    double w[]; /* [half] */
} state;

static ingot_status bind(ig_bind *b)
{
    const rope_attrs *a = b->attrs;
    state *s = ig_bind_new(b, sizeof *s + (size_t)a->half * sizeof *s->w);
    if (!s) return INGOT_E_NOMEM;
    const bool divided = b->n_in > DIVIDE && b->in[DIVIDE];
    s->rule = rule_of(a);
    s->n = (size_t)b->in[POSITIONS]->dims[0];
    if (divided && !b->known[DIVIDE]) return ig_bind_fail(b, "divide must be a constant");
    if (divided) s->rule.divide = b->known[DIVIDE]->data;
    ig_rope_frequencies(s->w, &s->rule);
    return INGOT_OK;
}

static void tokens(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const ig_run *r = arg;
    const state *s = r->state;
    const size_t half = s->rule.half;
    for (size_t i = begin; i < end; i++) {
        float *y = (float *)r->out[0]->data + i * 2 * half;
        ig_rope_table(y, y + half, s->w, &s->rule, (size_t)ig_index_at(r->in[POSITIONS], i), 1);
    }
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    for (size_t i = 0; i < s->n; i++)
        if (ig_index_at(r->in[POSITIONS], i) < 0)
            return ig_run_fail(r, "position %zu is %lld", i,
                               (long long)ig_index_at(r->in[POSITIONS], i));
    ig_parallel(r->pool, s->n, ig_grain_ns(2 * IG_NS_LIBM * (double)s->rule.half), 0, tokens, r);
    return INGOT_OK;
}

const ig_op ig_op_rope_table = {
    .name = "rope_table",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(rope_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
