/* tree_ensemble.c - decision trees: gradient boosting, random forests.
 *
 *   x          [N, C] or [C], any number
 *   nodes      i32 [n, 4]: feature, mode, true child, false child; of a leaf: first weight,
 * weights. Children come after their parent, so every walk ends thresholds f32 or f64 [n]; their
 * type is what features are compared in roots      i32 [trees] targets    i32 [w], weights (type of
 * the thresholds) [w]: what leaves add, and to which target base       (type of the thresholds) [0,
 * 1 or n_targets] gives scores [N, n_targets] and, for classifiers, the class's index i64 [N].
 *
 * Rows are independent and each adds its trees in order, so batches and threads change no bit. */
#include "runtime/graph/op.h"
#include "runtime/ops/class_scores.h"
#include "runtime/ops/tree_ensemble.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

static const char *const aggregates[] = {"SUM", "AVERAGE", "MIN", "MAX", NULL};
enum { SUM, AVERAGE, MIN, MAX };
/* How a classifier of at most two classes tells them apart. */
static const char *const binaries[] = {"none", "sign", "half", NULL};
enum { BINARY_NONE, BINARY_SIGN, BINARY_HALF };

typedef struct {
    int64_t n_targets, dtype, classifier;
    int aggregate, post, binary;
} tree_attrs;

static const ig_attr attrs[] = {
    IG_INT(tree_attrs, n_targets, 1),
    IG_INT(tree_attrs, dtype, INGOT_F32), /* of the scores */
    IG_INT(tree_attrs, classifier, 0),
    IG_ENUM(tree_attrs, aggregate, SUM, aggregates),
    IG_ENUM(tree_attrs, post, IG_POST_NONE, ig_post_names),
    IG_ENUM(tree_attrs, binary, BINARY_NONE, binaries),
    {0},
};

enum { X, NODES, THRESHOLDS, ROOTS, TARGETS, WEIGHTS, BASE, N_INPUTS };
/* A target's sum, final score and flag. */
enum { N_TARGETS_MOST = 1 << 20, SCORE_BYTES = 2 * sizeof(double) + 1 };

/* ---- types ---- */

static ingot_status check_table(const ig_infer *c, size_t i, ingot_dtype dtype, int rank)
{
    const ig_type *t = c->in[i];
    if ((t->dtype != INGOT_NONE && dtype != INGOT_NONE && t->dtype != dtype) ||
        (t->rank >= 0 && t->rank != rank))
        return ig_infer_fail(c, "table %zu has the wrong type or rank", i);
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const tree_attrs *a = c->attrs;
    const ig_type *x = c->in[X];
    const ingot_dtype real = c->in[THRESHOLDS]->dtype;
    if (a->n_targets < 1 || a->n_targets > N_TARGETS_MOST)
        return ig_infer_fail(c, "n_targets is %lld, 1 to %d expected", (long long)a->n_targets,
                             N_TARGETS_MOST);
    if (a->dtype != INGOT_F32 && a->dtype != INGOT_F64 && a->dtype != INGOT_F16)
        return ig_infer_fail(c, "scores of type %lld", (long long)a->dtype);
    if (real != INGOT_NONE && real != INGOT_F32 && real != INGOT_F64)
        return ig_infer_fail(c, "thresholds are %s, f32 or f64 expected", ig_dtype(real)->name);
    IG_TRY(check_table(c, NODES, INGOT_I32, 2));
    IG_TRY(check_table(c, THRESHOLDS, real, 1));
    IG_TRY(check_table(c, ROOTS, INGOT_I32, 1));
    IG_TRY(check_table(c, TARGETS, INGOT_I32, 1));
    IG_TRY(check_table(c, WEIGHTS, real, 1));
    IG_TRY(check_table(c, BASE, real, 1));
    if (x->dtype == INGOT_STR || (x->rank >= 0 && (x->rank < 1 || x->rank > 2)))
        return ig_infer_fail(c, "x must be numbers [N, C]");
    c->out[0].dtype = (ingot_dtype)a->dtype;
    if (c->n_out > 1) c->out[1].dtype = INGOT_I64;
    if (x->rank < 0) return INGOT_OK;
    c->out[0].rank = 2;
    c->out[0].dims[0] = x->rank == 2 ? x->dims[0] : 1;
    c->out[0].dims[1] = a->n_targets;
    if (c->n_out > 1) c->out[1] = ig_type_tensor(INGOT_I64, 1, c->out[0].dims);
    return INGOT_OK;
}

/* ---- bind: the tables come from a file ---- */

typedef struct {
    const int32_t *nodes, *roots, *targets;
    const void *thresholds, *weights;
    double *base;
    size_t n_nodes, n_roots, n_weights, n_base;
    size_t rows, cols, n_targets;
    size_t slice_bytes; /* scratch of one worker */
    bool wide;          /* f64 */
    bool plain;         /* every test is <=, and NaN is not told apart */
} forest;

static ingot_status bad(const ig_bind *b, const char *what, size_t i)
{
    return ig_node_fail(b->err, INGOT_E_FORMAT, b->node, "the trees' tables are damaged: %s %zu",
                        what, i);
}

static ingot_status check_node(const ig_bind *b, forest *f, size_t i)
{
    const int32_t *v = f->nodes + 4 * i;
    const int mode = v[1] & IG_TREE_MODES;
    if (mode == IG_TREE_LEAF) {
        if (v[2] < 0 || v[3] < 0 || !ig_range_ok((uint64_t)v[2], (uint64_t)v[3], f->n_weights))
            return bad(b, "weights of node", i);
        return INGOT_OK;
    }
    if (v[1] < 0 || mode > IG_TREE_NEQ) return bad(b, "mode of node", i);
    for (int k = 2; k < 4; k++)
        if (v[k] < 0 || (size_t)v[k] <= i || (size_t)v[k] >= f->n_nodes)
            return bad(b, "children of node", i);
    if (v[0] < 0 || (size_t)v[0] >= f->cols)
        return ig_node_fail(b->err, INGOT_E_DATA, b->node,
                            "the trees look at feature %d, x has %zu features", v[0], f->cols);
    if (v[1] != IG_TREE_LEQ) f->plain = false;
    return INGOT_OK;
}

static ingot_status check_forest(const ig_bind *b, forest *f)
{
    for (size_t i = 0; i < f->n_nodes; i++) IG_TRY(check_node(b, f, i));
    for (size_t i = 0; i < f->n_roots; i++)
        if (f->roots[i] < 0 || (size_t)f->roots[i] >= f->n_nodes) return bad(b, "root", i);
    for (size_t i = 0; i < f->n_weights; i++)
        if (f->targets[i] < 0 || (size_t)f->targets[i] >= f->n_targets) return bad(b, "target", i);
    if (f->n_base > 1 && f->n_base != f->n_targets) return bad(b, "base values:", f->n_base);
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    forest *f = ig_new(b->arena, forest);
    if (!f) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    for (size_t i = NODES; i < N_INPUTS; i++)
        if (!b->known[i]) return bad(b, "not a constant: table", i);
    f->nodes = b->known[NODES]->data, f->roots = b->known[ROOTS]->data;
    f->thresholds = b->known[THRESHOLDS]->data, f->targets = b->known[TARGETS]->data;
    f->weights = b->known[WEIGHTS]->data;
    f->n_nodes = (size_t)b->in[NODES]->dims[0], f->n_roots = (size_t)b->in[ROOTS]->dims[0];
    f->n_weights = (size_t)b->in[WEIGHTS]->dims[0], f->n_base = (size_t)b->in[BASE]->dims[0];
    f->wide = b->in[THRESHOLDS]->dtype == INGOT_F64;
    f->n_targets = (size_t)((const tree_attrs *)b->attrs)->n_targets;
    const ig_type *x = b->in[X];
    f->rows = x->rank == 2 ? (size_t)x->dims[0] : 1;
    f->cols = (size_t)x->dims[x->rank - 1];
    f->plain = true;
    if (b->in[NODES]->dims[1] != 4 || (size_t)b->in[THRESHOLDS]->dims[0] != f->n_nodes ||
        (size_t)b->in[TARGETS]->dims[0] != f->n_weights || f->n_nodes > INT32_MAX)
        return bad(b, "sizes, nodes:", f->n_nodes);
    IG_TRY(check_forest(b, f));
    f->base = ig_new_n(b->arena, double, f->n_base + 1);
    if (!f->base) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    for (size_t i = 0; i < f->n_base; i++)
        f->base[i] = ig_to_double(b->known[BASE]->data, b->known[BASE]->dtype, i);
    /* A worker's row of features, scores, and flags of targets that a leaf spoke of. */
    if (!ig_mul_ok(f->cols, sizeof(double), &f->slice_bytes) ||
        !ig_add_ok(f->slice_bytes, (f->n_targets + 1) * SCORE_BYTES, &f->slice_bytes) ||
        !ig_align_ok(f->slice_bytes, IG_ALIGN, &f->slice_bytes) ||
        !ig_mul_ok(f->slice_bytes, b->n_threads, &b->scratch_bytes))
        return ig_bind_fail(b, "rows of %zu features are too long", f->cols);
    b->state = f;
    b->kernel = f->plain ? "tree_ensemble leq" : "tree_ensemble";
    return INGOT_OK;
}

/* ---- run ---- */

static bool taken(double x, double threshold, int32_t mode)
{
    if (mode & IG_TREE_MISSING_TRUE && isnan(x)) return true;
    switch (mode & IG_TREE_MODES) {
    case IG_TREE_LEQ:
        return x <= threshold;
    case IG_TREE_LT:
        return x < threshold;
    case IG_TREE_GTE:
        return x >= threshold;
    case IG_TREE_GT:
        return x > threshold;
    case IG_TREE_EQ:
        return x == threshold;
    default:
        return x != threshold;
    }
}

#define REAL    float
#define NAME(x) x##_f32
#include "runtime/ops/tree_walk.inc"
#undef REAL
#undef NAME
#define REAL    double
#define NAME(x) x##_f64
#include "runtime/ops/tree_walk.inc"
#undef REAL
#undef NAME

/* Sums are rounded to the type of the weights. */
static double plus(const forest *f, double a, double b)
{
    return f->wide ? a + b : (double)((float)a + (float)b);
}

/* The class of at most two, and how a lone score becomes two. */
static int64_t binary_class(const tree_attrs *a, const double *v, bool second, ig_second *how)
{
    const double s = second ? v[1] : v[0];
    if (a->binary == BINARY_HALF) {
        *how = IG_SECOND_COMPLEMENT;
        return s > 0.5;
    }
    if (a->binary == BINARY_SIGN) *how = IG_SECOND_NEGATED;
    return s > 0;
}

/* Two classes as the format's other readers treat them: where no leaf spoke of the second, the
 * first score is the model's only one. */
static int64_t classify_two(const forest *f, const tree_attrs *a, double *v, uint8_t *seen)
{
    ig_second how = f->n_base ? IG_SECOND_NONE : IG_SECOND_NEGATED;
    bool lone = f->n_targets == 1 || !seen[1];
    if (f->n_targets == 1) how = IG_SECOND_NONE;
    if (f->n_base == 2 && f->n_targets == 2) {
        lone = false;
        if (seen[1]) {
            v[1] = plus(f, f->base[1], v[0]);
            v[0] = -v[1];
        } else {
            v[0] = plus(f, v[0], f->base[0]);
            v[1] = plus(f, v[1], f->base[1]);
            seen[0] = 1;
        }
    } else if (f->n_base == 1) {
        v[0] = plus(f, v[0], f->base[0]);
    }
    const bool second = f->n_targets == 2 && seen[1];
    const int64_t class_ = binary_class(a, v, second, &how);
    if (f->n_targets == 1) {
        if (a->post == IG_POST_PROBIT) ig_post_scores(v, 1, IG_POST_PROBIT);
        return class_;
    }
    if (lone) {
        ig_post_pair(v, (ig_post)a->post, how);
        return class_;
    }
    for (int k = 0; k < 2; k++) v[k] = seen[k] ? v[k] : 0;
    ig_post_scores(v, 2, (ig_post)a->post);
    return class_;
}

static int64_t classify(const forest *f, const tree_attrs *a, double *v, uint8_t *seen)
{
    if (f->n_targets <= 2) return classify_two(f, a, v, seen);
    int64_t best = -1;
    for (size_t k = 0; k < f->n_targets; k++) {
        if (f->n_base) {
            v[k] = plus(f, v[k], f->base[f->n_base == 1 ? 0 : k]);
            seen[k] = 1;
        }
        if (seen[k] && (best < 0 || v[k] > v[best])) best = (int64_t)k;
        if (!seen[k]) v[k] = 0;
    }
    ig_post_scores(v, f->n_targets, (ig_post)a->post);
    return best < 0 ? 0 : best;
}

static void regress(const forest *f, const tree_attrs *a, double *v, const uint8_t *seen)
{
    for (size_t k = 0; k < f->n_targets; k++) {
        if (!seen[k]) v[k] = 0;
        if (a->aggregate == AVERAGE) v[k] /= (double)IG_MAX(f->n_roots, (size_t)1);
        if (f->n_base) v[k] = plus(f, v[k], f->base[f->n_base == 1 ? 0 : k]);
    }
    ig_post_scores(v, f->n_targets, (ig_post)a->post);
}

static ingot_status run(ig_run *r)
{
    const forest *f = r->state;
    enum { VISITS_A_TASK = 32768, DEPTH_GUESS = 8 };
    tree_job job = {.f = f, .r = r, .a = r->attrs};
    const size_t a_row = (f->n_roots + 1) * DEPTH_GUESS;
    const size_t grain = IG_MAX(VISITS_A_TASK / a_row, (size_t)1);
    ig_parallel(r->pool, f->rows, grain, 0, f->wide ? rows_f64 : rows_f32, &job);
    return INGOT_OK;
}

static void cost(ig_cost *out, const ig_bind *b)
{
    const double rows = b->in[X]->rank == 2 ? (double)b->in[X]->dims[0] : 1;
    const double trees = (double)b->in[ROOTS]->dims[0], nodes = (double)b->in[NODES]->dims[0];
    out->flops = rows * trees * (trees > 0 ? log2(nodes / trees + 1) : 0);
}

const ig_op ig_op_tree_ensemble = {
    .name = "tree_ensemble",
    .min_in = N_INPUTS,
    .max_in = N_INPUTS,
    .min_out = 1,
    .max_out = 2,
    .attrs = attrs,
    .attrs_bytes = sizeof(tree_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
