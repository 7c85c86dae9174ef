/* map_svm.c - SVMRegressor and SVMClassifier. */
#include "formats/onnx/ml.h"
#include "formats/onnx/state.h"

typedef struct {
    ig_floats vectors, coef, rho, a, b, kernel;
    ig_ints per_class;
    size_t n_vectors;
} parts;

static ig_id table(ig_import *c, ingot_dtype dtype, int rank, size_t rows, size_t cols,
                   const void *v)
{
    const int64_t dims[] = {(int64_t)rows, (int64_t)cols};
    if (c->status) return IG_NO_VALUE;
    const ig_id id = ig_graph_const_copy(c->g, "", dtype, rank, dims, v);
    if (id == IG_NO_VALUE) c->status = onnx_no_memory(c);
    return id;
}

static ingot_status read_parts(ig_import *c, const ig_onnx_node *n, parts *p)
{
    if (!onnx_given(n, 0)) return ig_onnx_bad(c, n, "input 0 is missing");
    p->vectors = onnx_floats(c, n, "support_vectors"), p->coef = onnx_floats(c, n, "coefficients");
    p->rho = onnx_floats(c, n, "rho"), p->kernel = onnx_floats(c, n, "kernel_params");
    p->a = onnx_floats(c, n, "prob_a"), p->b = onnx_floats(c, n, "prob_b");
    p->per_class = onnx_ints(c, n, "vectors_per_class");
    if (!c->status && (!p->coef.n || !p->rho.n || p->a.n != p->b.n))
        return ig_onnx_bad(c, n, "it has %zu coefficients, %zu rho, %zu and %zu sigmoids",
                           p->coef.n, p->rho.n, p->a.n, p->b.n);
    return c->status;
}

static ig_node *emit(ig_import *c, const ig_onnx_node *n, const parts *p, size_t n_cols,
                     const ig_id *out, size_t n_out)
{
    float *sigmoids = onnx_ml_room(c, 2 * p->a.n, sizeof *sigmoids);
    for (size_t i = 0; sigmoids && i < p->a.n; i++) {
        sigmoids[i] = p->a.v[i];
        sigmoids[p->a.n + i] = p->b.v[i];
    }
    const ig_id in[] = {n->in[0],
                        table(c, INGOT_F32, 2, p->n_vectors, n_cols, p->vectors.v),
                        table(c, INGOT_F32, 1, p->coef.n, 0, p->coef.v),
                        table(c, INGOT_F32, 1, p->rho.n, 0, p->rho.v),
                        table(c, INGOT_F32, 2, 2, p->a.n, sigmoids),
                        table(c, INGOT_I64, 1, p->per_class.n, 0, p->per_class.v)};
    ig_node *node = ig_emit(c, n, "svm", in, sizeof in / sizeof *in, out, n_out);
    ig_set_text(c, node, "kernel", onnx_text(c, n, "kernel_type", "LINEAR"));
    static const char *const names[] = {"gamma", "coef0", "degree"};
    for (size_t i = 0; i < 3 && i < p->kernel.n; i++)
        ig_set_float(c, node, names[i], (double)p->kernel.v[i]);
    onnx_ml_post(c, n, node);
    return node;
}

static ingot_status regressor(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    parts p = {0};
    IG_TRY(read_parts(c, n, &p));
    const int64_t n_supports = onnx_int(c, n, "n_supports", 0);
    if (n_supports < 0 || (n_supports && p.vectors.n % (size_t)n_supports))
        return ig_onnx_bad(c, n, "%zu numbers for %lld support vectors", p.vectors.n,
                           (long long)n_supports);
    p.n_vectors = (size_t)n_supports;
    p.per_class = (ig_ints){0};
    p.a = p.b = (ig_floats){0};
    if (!p.n_vectors) p.vectors = (ig_floats){0};
    const size_t n_cols = p.n_vectors ? p.vectors.n / p.n_vectors : p.coef.n;
    ig_node *node = emit(c, n, &p, n_cols, n->out, 1);
    ig_set_int(c, node, "one_class", onnx_int(c, n, "one_class", 0) != 0);
    return c->status;
}

static ingot_status classifier(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    parts p = {0};
    IG_TRY(read_parts(c, n, &p));
    const ig_ints ints = onnx_ints(c, n, "classlabels_ints");
    const ig_texts texts = onnx_texts(c, n, "classlabels_strings");
    const size_t n_labels = ints.n ? ints.n : texts.n;
    size_t n_cols = n_labels ? p.coef.n / n_labels : 0;
    for (size_t i = 0; i < p.per_class.n; i++) {
        if (p.per_class.v[i] < 0 || (uint64_t)p.per_class.v[i] > p.vectors.n)
            return ig_onnx_bad(c, n, "class %zu has %lld support vectors", i,
                               (long long)p.per_class.v[i]);
        p.n_vectors += (size_t)p.per_class.v[i];
    }
    const size_t n_classes = p.n_vectors ? p.per_class.n : n_labels;
    if (!c->status && (n_labels != n_classes || (p.n_vectors && p.vectors.n % p.n_vectors)))
        return ig_onnx_bad(c, n, "%zu labels for %zu classes, %zu support vectors of %zu numbers",
                           n_labels, n_classes, p.n_vectors, p.vectors.n);
    if (p.n_vectors)
        n_cols = p.vectors.n / p.n_vectors;
    else
        p.a = p.b = (ig_floats){0}, p.vectors = (ig_floats){0}, p.per_class = (ig_ints){0};
    ig_id out[2] = {n->n_out > 1 ? n->out[1] : IG_NO_VALUE, ig_graph_value(c->g, "", NULL)};
    if (out[0] == IG_NO_VALUE) out[0] = ig_graph_value(c->g, "", NULL);
    ig_node *node = emit(c, n, &p, n_cols, out, 2);
    ig_set_int(c, node, "n_classes", (int64_t)n_classes);
    onnx_ml_labels(c, n, n->out[0], out[1], ints, texts);
    return c->status;
}

const ig_onnx_map ig_onnx_map_svm[] = {
    {"ai.onnx.ml", "SVMRegressor", 1, 0, regressor, NULL},
    {"ai.onnx.ml", "SVMClassifier", 1, 0, classifier, NULL},
    {0},
};
