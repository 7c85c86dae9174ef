/* svm.c - support vector machines: scores, and for classifiers the class's index i64 [N].
 *
 *   x             [N, C] or [C], any number
 *   vectors       f32 [S, C]: support vectors; [0, C]: the model is linear in x
 *   coefficients  f32: regressor [S] or [C]; classifier [classes - 1, S], or [classes, C]
 *   rho           f32: one for each pair of classes, or one
 *   proba         f32 [2, pairs] or [2, 0]: Platt's sigmoids
 *   per_class     i64 [classes]: how many support vectors each class has, in order
 *
 * Without support vectors the kernel is linear, and of two classes the second wins once a score is
 * positive, or half where no coefficient is negative. A pair of classes votes by the sign of its
 * decision; with sigmoids the scores are the classes' probabilities (method: Wu, Lin & Weng 2004,
 * second approach), else the pairs' decisions. */
#include "runtime/graph/op.h"
#include "runtime/ops/class_scores.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

static const char *const kernels[] = {"LINEAR", "POLY", "RBF", "SIGMOID", NULL};
enum { LINEAR, POLY, RBF, SIGMOID };

typedef struct {
    int64_t n_classes; /* 0: a regressor */
    int64_t one_class;
    int kernel, post;
    double gamma, coef0, degree;
} svm_attrs;

static const ig_attr attrs[] = {
    IG_INT(svm_attrs, n_classes, 0),
    IG_INT(svm_attrs, one_class, 0),
    IG_ENUM(svm_attrs, kernel, LINEAR, kernels),
    IG_ENUM(svm_attrs, post, IG_POST_NONE, ig_post_names),
    IG_FLOAT(svm_attrs, gamma, 0),
    IG_FLOAT(svm_attrs, coef0, 0),
    IG_FLOAT(svm_attrs, degree, 0),
    {0},
};

enum { X, VECTORS, COEFFICIENTS, RHO, PROBA, PER_CLASS, N_INPUTS, CLASSES_MOST = 4096 };

/* ---- types ---- */

static size_t pairs_of(size_t classes) { return classes * (classes - 1) / 2; }

/* Columns of the scores. */
static int64_t n_scores(const svm_attrs *a, int64_t n_vectors, int64_t n_proba)
{
    if (!a->n_classes) return 1;
    if (!n_vectors || n_proba || a->n_classes == 2) return a->n_classes;
    return (int64_t)pairs_of((size_t)a->n_classes);
}

static ingot_status check_sizes(const ig_infer *c, const svm_attrs *a)
{
    const int64_t s = c->in[VECTORS]->dims[0], cols = c->in[VECTORS]->dims[1];
    const int64_t k = a->n_classes, pairs = k ? (int64_t)pairs_of((size_t)k) : 1;
    const int64_t n_rho = c->in[RHO]->dims[0], n_coef = c->in[COEFFICIENTS]->dims[0];
    const int64_t n_proba = c->in[PROBA]->dims[1];
    int64_t want;
    if (k == 0)
        want = s ? s : cols;
    else if (!ig_mul_ok(s ? k - 1 : k, s ? s : cols, &want))
        return ig_infer_fail(c, "%lld classes are too many", (long long)k);
    if (n_coef != want || n_rho < (s && k ? pairs : 1) || (n_proba && n_proba < pairs) ||
        (s && c->in[PER_CLASS]->dims[0] != k) || c->in[PROBA]->dims[0] != 2)
        return ig_infer_fail(c,
                             "%lld coefficients, %lld rho and %lld sigmoids do not fit %lld "
                             "support vectors of %lld classes",
                             (long long)n_coef, (long long)n_rho, (long long)n_proba, (long long)s,
                             (long long)k);
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    static const int ranks[N_INPUTS] = {0, 2, 1, 1, 2, 1};
    const svm_attrs *a = c->attrs;
    const ig_type *x = c->in[X];
    for (size_t i = VECTORS; i < N_INPUTS; i++)
        if (c->in[i]->dtype != (i == PER_CLASS ? INGOT_I64 : INGOT_F32) ||
            c->in[i]->rank != ranks[i] || !ig_type_static(c->in[i]))
            return ig_infer_fail(c, "table %zu has the wrong type or rank", i);
    if (x->dtype == INGOT_STR || (x->rank >= 0 && (x->rank < 1 || x->rank > 2)))
        return ig_infer_fail(c, "x must be numbers [N, C]");
    if (a->n_classes < 0 || a->n_classes == 1 || a->n_classes > CLASSES_MOST)
        return ig_infer_fail(c, "%lld classes, 2 to %d expected", (long long)a->n_classes,
                             CLASSES_MOST);
    IG_TRY(check_sizes(c, a));
    if (x->rank > 0 && ig_dim_differ(x->dims[x->rank - 1], c->in[VECTORS]->dims[1]))
        return ig_infer_fail(c, "x has %lld features, the model %lld",
                             (long long)x->dims[x->rank - 1], (long long)c->in[VECTORS]->dims[1]);
    c->out[0].dtype = INGOT_F32;
    if (c->n_out > 1) c->out[1].dtype = INGOT_I64;
    if (x->rank < 0) return INGOT_OK;
    c->out[0].rank = 2;
    c->out[0].dims[0] = x->rank == 2 ? x->dims[0] : 1;
    c->out[0].dims[1] = n_scores(a, c->in[VECTORS]->dims[0], c->in[PROBA]->dims[1]);
    if (c->n_out > 1) c->out[1] = ig_type_tensor(INGOT_I64, 1, c->out[0].dims);
    return INGOT_OK;
}

/* ---- one machine ---- */

typedef struct {
    const svm_attrs *a;
    const float *vectors, *coef, *rho, *proba;
    const int64_t *per_class;
    size_t s, cols, k, pairs, n_proba, n_coef, n_out, n_rho;
    size_t slice;  /* bytes of a worker */
    bool positive; /* no coefficient is negative */
} svm;

static ingot_status bind(ig_bind *b)
{
    svm *m = ig_new(b->arena, svm);
    for (size_t i = VECTORS; i < N_INPUTS; i++)
        if (!b->known[i]) return ig_bind_fail(b, "table %zu must be constant", i);
    if (!m) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    b->state = m;
    m->a = b->attrs;
    m->vectors = b->known[VECTORS]->data, m->coef = b->known[COEFFICIENTS]->data;
    m->rho = b->known[RHO]->data, m->proba = b->known[PROBA]->data;
    m->per_class = b->known[PER_CLASS]->data;
    m->s = (size_t)b->in[VECTORS]->dims[0], m->cols = (size_t)b->in[VECTORS]->dims[1];
    m->k = (size_t)m->a->n_classes, m->pairs = m->k ? pairs_of(m->k) : 1;
    m->n_proba = (size_t)b->in[PROBA]->dims[1], m->n_coef = (size_t)b->in[COEFFICIENTS]->dims[0];
    m->n_rho = (size_t)b->in[RHO]->dims[0];
    m->n_out = (size_t)n_scores(m->a, b->in[VECTORS]->dims[0], b->in[PROBA]->dims[1]);
    m->positive = true;
    for (size_t i = 0; i < m->n_coef; i++) m->positive = m->positive && m->coef[i] >= 0;
    int64_t left = (int64_t)m->s;
    for (size_t i = 0; m->s && i < m->k; i++) {
        if (m->per_class[i] < 0 || m->per_class[i] > left)
            return ig_bind_fail(b, "class %zu has %lld of %zu support vectors", i,
                                (long long)m->per_class[i], m->s);
        left -= m->per_class[i];
    }
    /* x, kernel values, pair decisions, votes, probabilities [K, K], Q [K, K], and their products
     */
    const size_t doubles = m->cols + m->s + m->pairs + 6 * m->k + 2 * m->k * m->k + 16;
    m->slice = (doubles * sizeof(double) + IG_ALIGN - 1) / IG_ALIGN * IG_ALIGN;
    if (!ig_mul_ok(m->slice, b->n_threads, &b->scratch_bytes))
        return ig_bind_fail(b, "the model is too large");
    return INGOT_OK;
}

static double kernel(const svm *m, int kind, const double *x, const float *v)
{
    double sum = 0;
    if (kind == RBF) {
        for (size_t c = 0; c < m->cols; c++) {
            const double d = x[c] - (double)v[c];
            sum += d * d;
        }
        return exp(-m->a->gamma * sum);
    }
    for (size_t c = 0; c < m->cols; c++) sum += x[c] * (double)v[c];
    if (kind == LINEAR) return sum;
    sum = m->a->gamma * sum + m->a->coef0;
    return kind == POLY ? pow(sum, m->a->degree) : tanh(sum);
}

static double regress(const svm *m, const double *x, double *values)
{
    double sum = 0;
    if (!m->s) {
        sum = kernel(m, LINEAR, x, m->coef);
    } else {
        for (size_t i = 0; i < m->s; i++)
            values[i] = kernel(m, m->a->kernel, x, m->vectors + i * m->cols);
        for (size_t i = 0; i < m->s; i++) sum += values[i] * (double)m->coef[i];
    }
    sum += (double)m->rho[0];
    return m->a->one_class ? (sum > 0 ? 1 : -1) : sum;
}

/* Decision of each pair of classes, and the votes. */
static void decide(const svm *m, double *decision, double *votes, const double *values)
{
    size_t pair = 0, from_i = 0;
    memset(votes, 0, m->k * sizeof *votes);
    for (size_t i = 0; i < m->k; from_i += (size_t)m->per_class[i++]) {
        size_t from_j = from_i + (size_t)m->per_class[i];
        for (size_t j = i + 1; j < m->k; from_j += (size_t)m->per_class[j++], pair++) {
            double sum = 0;
            for (size_t v = 0; v < (size_t)m->per_class[i]; v++)
                sum += (double)m->coef[(j - 1) * m->s + from_i + v] * values[from_i + v];
            for (size_t v = 0; v < (size_t)m->per_class[j]; v++)
                sum += (double)m->coef[i * m->s + from_j + v] * values[from_j + v];
            decision[pair] = sum + (double)m->rho[pair];
            votes[decision[pair] > 0 ? i : j] += 1;
        }
    }
}

/* Classes' probabilities p [K] from those of pairs, r [K, K], by fixed-point iteration. */
static void couple(double *p, size_t k, const double *r, double *q, double *qp)
{
    enum { ROUNDS = 100 };
    const double eps = 0.005 / (double)k;
    for (size_t t = 0; t < k; t++) {
        p[t] = 1.0 / (double)k;
        q[t * k + t] = 0;
        for (size_t j = 0; j < k; j++) {
            if (j == t) continue;
            q[t * k + t] += r[j * k + t] * r[j * k + t];
            q[t * k + j] = -r[j * k + t] * r[t * k + j];
        }
    }
    for (int round = 0; round < ROUNDS; round++) {
        double pqp = 0, most = 0;
        for (size_t t = 0; t < k; t++) {
            qp[t] = 0;
            for (size_t j = 0; j < k; j++) qp[t] += q[t * k + j] * p[j];
            pqp += p[t] * qp[t];
        }
        for (size_t t = 0; t < k; t++) most = IG_MAX(most, fabs(qp[t] - pqp));
        if (most < eps) return;
        for (size_t t = 0; t < k; t++) {
            const double diff = (-qp[t] + pqp) / q[t * k + t];
            p[t] += diff;
            pqp = (pqp + diff * (diff * q[t * k + t] + 2 * qp[t])) / (1 + diff) / (1 + diff);
            for (size_t j = 0; j < k; j++) {
                qp[j] = (qp[j] + diff * q[t * k + j]) / (1 + diff);
                p[j] /= 1 + diff;
            }
        }
    }
}

static void probabilities(const svm *m, double *p, const double *decision, double *room)
{
    double *r = room, *q = room + m->k * m->k, *qp = room + 2 * m->k * m->k;
    size_t pair = 0;
    for (size_t i = 0; i < m->k; i++)
        for (size_t j = i + 1; j < m->k; j++, pair++) {
            const double v =
                decision[pair] * (double)m->proba[pair] + (double)m->proba[m->n_proba + pair];
            const double both = 1 / (1 + exp(v));
            const double sure = IG_MIN(IG_MAX(both, 1e-7), 1 - 1e-7);
            r[i * m->k + j] = sure;
            r[j * m->k + i] = 1 - sure;
        }
    couple(p, m->k, r, q, qp);
}

static size_t largest(const double *v, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (v[i] > v[best]) best = i;
    return best;
}

/* Scores of one row into *scores; returns the class. room: the rest of a worker's scratch. */
static size_t classify(const svm *m, double **scores, const double *x, double *room)
{
    double *values = room, *decision = values + m->s, *votes = decision + m->pairs + 1;
    double *p = votes + m->k + 1, *more = p + m->k + 1;
    *scores = p;
    if (!m->s) {
        for (size_t i = 0; i < m->k; i++)
            p[i] = kernel(m, LINEAR, x, m->coef + i * m->cols) + (double)m->rho[0];
        size_t best = largest(p, m->k);
        if (m->k == 2 && (m->positive ? p[best] >= 0.5 : p[best] > 0)) best = 1;
        ig_post_scores(p, m->k, (ig_post)m->a->post);
        return best;
    }
    for (size_t i = 0; i < m->s; i++)
        values[i] = kernel(m, m->a->kernel, x, m->vectors + i * m->cols);
    decide(m, decision, votes, values);
    const size_t best = largest(votes, m->k);
    if (m->n_proba) {
        probabilities(m, p, decision, more);
        ig_post_scores(p, m->k, (ig_post)m->a->post);
        return best;
    }
    *scores = decision;
    if (m->k != 2) {
        ig_post_scores(decision, m->pairs, (ig_post)m->a->post);
        return best;
    }
    ig_post_pair(decision, (ig_post)m->a->post,
                 m->a->post == IG_POST_NONE ? IG_SECOND_NEGATED : IG_SECOND_COMPLEMENT);
    return best;
}

typedef struct {
    ig_run *r;
    const svm *m;
} job;

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    const svm *m = j->m;
    const ig_tensor *in = j->r->in[X];
    double *x = (double *)(void *)((char *)j->r->scratch + worker * m->slice);
    float *out = j->r->out[0] ? j->r->out[0]->data : NULL;
    int64_t *index = j->r->n_out > 1 && j->r->out[1] ? j->r->out[1]->data : NULL;
    for (size_t row = begin; row < end; row++) {
        for (size_t c = 0; c < m->cols; c++)
            x[c] = ig_to_double(in->data, in->dtype, row * m->cols + c);
        double one, *v = &one;
        if (!m->k) {
            one = regress(m, x, x + m->cols);
            ig_post_scores(v, 1, (ig_post)m->a->post);
        } else {
            const size_t best = classify(m, &v, x, x + m->cols);
            if (index) index[row] = (int64_t)best;
        }
        for (size_t k = 0; out && k < m->n_out; k++) out[row * m->n_out + k] = (float)v[k];
    }
}

static ingot_status run(ig_run *r)
{
    enum { GRAIN_ELEMENTS = 16384 };
    const ig_tensor *x = r->in[X];
    job j = {r, r->state};
    const size_t work_a_row = (j.m->s + j.m->k + 1) * (j.m->cols + 1);
    ig_parallel(r->pool, x->rank == 2 ? (size_t)x->dims[0] : 1, GRAIN_ELEMENTS / work_a_row, 0,
                work, &j);
    return INGOT_OK;
}

const ig_op ig_op_svm = {
    .name = "svm",
    .min_in = N_INPUTS,
    .max_in = N_INPUTS,
    .min_out = 1,
    .max_out = 2,
    .attrs = attrs,
    .attrs_bytes = sizeof(svm_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
