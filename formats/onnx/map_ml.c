/* map_ml.c - ai.onnx.ml apart from trees: features, scalers, linear models, labels. */
#include "formats/onnx/ml.h"
#include "formats/onnx/state.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- small helpers ---- */

static ig_id to_dtype(ig_import *c, const ig_onnx_node *n, ig_id x, ingot_dtype dtype)
{
    if (onnx_type(c, x)->dtype == dtype) return x;
    const ig_id y = ig_emit_new(c, n, "cast", 1, x);
    ig_set_int(c, ig_emit_last(c), "to", dtype);
    return y;
}

static ig_id binary(ig_import *c, const ig_onnx_node *n, const char *fn, ig_id a, ig_id b)
{
    const ig_id y = ig_emit_new(c, n, "binary", 2, a, b);
    ig_set_text(c, ig_emit_last(c), "fn", fn);
    return y;
}

static void binary_to(ig_import *c, const ig_onnx_node *n, ig_id out, const char *fn, ig_id a,
                      ig_id b)
{
    ig_emit_to(c, n, out, "binary", 2, a, b);
    ig_set_text(c, ig_emit_last(c), "fn", fn);
}

static ig_id float_list(ig_import *c, ig_floats v)
{
    const int64_t dims = (int64_t)v.n;
    const ig_id id = ig_graph_const_copy(c->g, "", INGOT_F32, 1, &dims, v.v);
    if (id == IG_NO_VALUE && !c->status) c->status = onnx_no_memory(c);
    return id;
}

static ig_id list_of(ig_import *c, ingot_dtype dtype, int rank, size_t n, const void *v)
{
    const int64_t dims = (int64_t)n;
    if (c->status) return IG_NO_VALUE;
    const ig_id id = ig_graph_const_copy(c->g, "", dtype, rank, &dims, v);
    if (id == IG_NO_VALUE) c->status = onnx_no_memory(c);
    return id;
}

static ingot_status need(ig_import *c, const ig_onnx_node *n, uint32_t n_in)
{
    for (uint32_t i = 0; i < n_in; i++)
        if (!onnx_given(n, i)) return ig_onnx_bad(c, n, "input %u is missing", i);
    return c->status;
}

/* ---- features ---- */

/* Elements of the last axis; a vector counts as one row. */
static ingot_status array_feature_extractor(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    static const int64_t flat[] = {-1}, row[] = {1, -1};
    IG_TRY(need(c, n, 2));
    const ig_id at = ig_emit_new(c, n, "reshape", 2, n->in[1], ig_emit_ints(c, flat, 1));
    ig_id x = n->in[0];
    if (onnx_type(c, x)->rank < 0) return ig_onnx_fail(c, n, "the rank of its input is not known");
    if (onnx_type(c, x)->rank == 1) x = ig_emit_new(c, n, "reshape", 2, x, ig_emit_ints(c, row, 2));
    ig_emit_to(c, n, n->out[0], "gather", 2, x, at);
    ig_set_int(c, ig_emit_last(c), "axis", -1);
    return c->status;
}

static ingot_status binarizer(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    IG_TRY(need(c, n, 1));
    const double threshold = onnx_float(c, n, "threshold", 0);
    const ingot_dtype dtype = onnx_type(c, n->in[0])->dtype;
    const bool wide = dtype == INGOT_F64 || dtype == INGOT_I64 || dtype == INGOT_I32;
    const ingot_dtype real = wide ? INGOT_F64 : INGOT_F32;
    const ig_id x = to_dtype(c, n, n->in[0], real);
    const ig_id yes = binary(c, n, "greater", x, ig_emit_scalar(c, real, threshold));
    ig_emit_to(c, n, n->out[0], "cast", 2, yes, n->in[0]);
    return c->status;
}

static ingot_status scaler(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    IG_TRY(need(c, n, 1));
    const ig_floats offset = onnx_floats(c, n, "offset"), scale = onnx_floats(c, n, "scale");
    const ig_id x = to_dtype(c, n, n->in[0], INGOT_F32);
    const ig_id moved = offset.n ? binary(c, n, "sub", x, float_list(c, offset)) : x;
    if (!scale.n) return ig_onnx_bad(c, n, "it has no scale");
    binary_to(c, n, n->out[0], "mul", moved, float_list(c, scale));
    return c->status;
}

static ingot_status imputer(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    IG_TRY(need(c, n, 1));
    const ig_floats f = onnx_floats(c, n, "imputed_value_floats");
    const ig_ints v = onnx_ints(c, n, "imputed_value_int64s");
    const double replaced = onnx_float(c, n, "replaced_value_float", 0);
    const ingot_dtype dtype = onnx_type(c, n->in[0])->dtype;
    const ig_dtype_class class_ = ig_dtype(dtype)->class_;
    const bool whole = class_ == IG_CLASS_INT || (class_ != IG_CLASS_FLOAT && v.n && !f.n);
    if ((whole ? v.n : f.n) == 0) return ig_onnx_bad(c, n, "it has no values to impute");
    ig_id with = whole ? list_of(c, INGOT_I64, 1, v.n, v.v) : float_list(c, f);
    if (dtype != INGOT_NONE) with = to_dtype(c, n, with, dtype);
    ig_id gone;
    if (!whole && isnan(replaced)) {
        gone = ig_emit_new(c, n, "unary", 1, n->in[0]);
        ig_set_text(c, ig_emit_last(c), "fn", "isnan");
    } else {
        const int64_t replaced_int = onnx_int(c, n, "replaced_value_int64", 0);
        ig_id what = whole ? list_of(c, INGOT_I64, 0, 1, &replaced_int)
                           : ig_emit_scalar(c, INGOT_F32, replaced);
        if (dtype != INGOT_NONE) what = to_dtype(c, n, what, dtype);
        gone = binary(c, n, "equal", n->in[0], what);
    }
    ig_emit_to(c, n, n->out[0], "where", 3, gone, with, n->in[0]);
    return c->status;
}

static ingot_status normalizer(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_node *node = ig_emit(c, n, "row_normalize", n->in, n->n_in, n->out, n->n_out);
    ig_set_text(c, node, "norm", onnx_text(c, n, "norm", "MAX"));
    return c->status;
}

/* x [N, width] cut or filled up with zeros to `want` columns. */
static ig_id to_width(ig_import *c, const ig_onnx_node *n, ig_id x, int64_t width, int64_t want)
{
    if (width < 0 || want < 0)
        ig_onnx_fail(c, n, "a width is %lld where inputdimensions says %lld", (long long)width,
                     (long long)want);
    if (width < want) {
        const int64_t pads[] = {0, 0, 0, want - width};
        return ig_emit_new(c, n, "pad", 2, x, ig_emit_ints(c, pads, 4));
    }
    if (width == want) return x;
    const int64_t zero = 0, one = 1;
    return ig_emit_new(c, n, "slice", 4, x, ig_emit_ints(c, &zero, 1), ig_emit_ints(c, &want, 1),
                       ig_emit_ints(c, &one, 1));
}

/* Inputs side by side, each as wide as it is listed. */
static ingot_status feature_vectorizer(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const ig_ints widths = onnx_ints(c, n, "inputdimensions");
    IG_TRY(need(c, n, n->n_in));
    if (widths.n && widths.n != n->n_in)
        return ig_onnx_bad(c, n, "%zu inputdimensions for %u inputs", widths.n, n->n_in);
    ig_id *parts = onnx_ml_room(c, n->n_in, sizeof *parts);
    if (!parts) return c->status;
    for (uint32_t i = 0; i < n->n_in; i++) {
        static const int64_t column[] = {-1, 1};
        const ig_type *t = onnx_type(c, n->in[i]);
        const int rank = t->rank;
        const int64_t width = rank == 2 ? t->dims[1] : 1;
        ig_id x = to_dtype(c, n, n->in[i], INGOT_F32);
        if (rank == 1)
            x = ig_emit_new(c, n, "reshape", 2, x, ig_emit_ints(c, column, 2));
        else if (rank != 2)
            return ig_onnx_fail(c, n, "input %u has rank %d, 1 or 2 expected", i, rank);
        parts[i] = widths.n ? to_width(c, n, x, width, widths.v[i]) : x;
    }
    ig_node *node = ig_emit(c, n, "concat", parts, n->n_in, n->out, n->n_out);
    ig_set_int(c, node, "axis", 1);
    return c->status;
}

static ingot_status one_hot_encoder(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    IG_TRY(need(c, n, 1));
    const ig_ints ints = onnx_ints(c, n, "cats_int64s");
    const ig_texts texts = onnx_texts(c, n, "cats_strings");
    if ((ints.n != 0) == (texts.n != 0))
        return ig_onnx_bad(c, n, "it has %zu and %zu categories", ints.n, texts.n);
    const ig_id keys = ints.n ? list_of(c, INGOT_I64, 1, ints.n, ints.v)
                              : list_of(c, INGOT_STR, 1, texts.n, texts.v);
    ig_emit_to(c, n, n->out[0], "one_hot_encoder", 2, n->in[0], keys);
    ig_set_int(c, ig_emit_last(c), "zeros", onnx_int(c, n, "zeros", 1));
    return c->status;
}

/* ---- labels ---- */

static void encode(ig_import *c, const ig_onnx_node *n, ig_id keys, ig_id values, ig_id other)
{
    ig_emit_to(c, n, n->out[0], "label_encoder", 4, n->in[0], keys, values, other);
}

static ig_id text_scalar(ig_import *c, const ig_onnx_node *n, const char *attr, const char *def)
{
    const char *s = onnx_text(c, n, attr, def);
    const ingot_str text = {s, strlen(s)};
    return list_of(c, INGOT_STR, 0, 1, &text);
}

static ig_id int_scalar(ig_import *c, const ig_onnx_node *n, const char *attr, int64_t def)
{
    const int64_t v = onnx_int(c, n, attr, def);
    return list_of(c, INGOT_I64, 0, 1, &v);
}

/* Strings to numbers or back, by the type of the input. arg: "classes": the numbers count up. */
static ingot_status text_and_int(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    const bool classes = arg && !strcmp(arg, "classes");
    IG_TRY(need(c, n, 1));
    const ig_texts texts = onnx_texts(c, n, classes ? "classes_strings" : "cats_strings");
    ig_ints ints = classes ? (ig_ints){0} : onnx_ints(c, n, "cats_int64s");
    if (classes) {
        int64_t *count = onnx_ml_room(c, texts.n, sizeof *count);
        for (size_t i = 0; count && i < texts.n; i++) count[i] = (int64_t)i;
        ints = (ig_ints){count, texts.n};
    }
    if (!c->status && ints.n != texts.n)
        return ig_onnx_bad(c, n, "%zu strings for %zu numbers", texts.n, ints.n);
    const ig_id words = list_of(c, INGOT_STR, 1, texts.n, texts.v);
    const ig_id numbers = list_of(c, INGOT_I64, 1, ints.n, ints.v);
    const ingot_dtype dtype = onnx_type(c, n->in[0])->dtype;
    if (dtype == INGOT_STR)
        encode(c, n, words, numbers, int_scalar(c, n, "default_int64", -1));
    else if (dtype == INGOT_I64)
        encode(c, n, numbers, words, text_scalar(c, n, "default_string", "_Unused"));
    else
        ig_onnx_fail(c, n, "its input must be strings or i64, not %s", ig_dtype(dtype)->name);
    return c->status;
}

/* keys_* or values_*: a tensor, floats, i64 or strings. */
static ig_id label_list(ig_import *c, const ig_onnx_node *n, const char *what)
{
    char tensor[32], floats[32], ints[32], texts[32];
    snprintf(tensor, sizeof tensor, "%s_tensor", what);
    snprintf(floats, sizeof floats, "%s_floats", what);
    snprintf(ints, sizeof ints, "%s_int64s", what);
    snprintf(texts, sizeof texts, "%s_strings", what);
    if (onnx_has(n, tensor)) return onnx_tensor(c, n, tensor);
    if (onnx_has(n, floats)) return float_list(c, onnx_floats(c, n, floats));
    if (onnx_has(n, ints)) {
        const ig_ints v = onnx_ints(c, n, ints);
        return list_of(c, INGOT_I64, 1, v.n, v.v);
    }
    const ig_texts v = onnx_texts(c, n, texts);
    if (!v.n && !c->status) ig_onnx_bad(c, n, "it has no %s", what);
    return list_of(c, INGOT_STR, 1, v.n, v.v);
}

static ig_id label_default(ig_import *c, const ig_onnx_node *n, ig_id values)
{
    if (onnx_has(n, "default_tensor")) return onnx_tensor(c, n, "default_tensor");
    if (c->status || values == IG_NO_VALUE) return IG_NO_VALUE;
    const ingot_dtype dtype = c->g->values[values].type.dtype;
    const ig_dtype_class class_ = ig_dtype(dtype)->class_;
    if (dtype == INGOT_STR) return text_scalar(c, n, "default_string", "_Unused");
    if (class_ == IG_CLASS_FLOAT)
        return ig_emit_scalar(c, dtype, onnx_float(c, n, "default_float", -0.0));
    if (dtype == INGOT_I64) return int_scalar(c, n, "default_int64", -1);
    return ig_emit_scalar(c, dtype, (double)onnx_int(c, n, "default_int64", -1));
}

static ingot_status label_encoder(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    IG_TRY(need(c, n, 1));
    const ig_id keys = label_list(c, n, "keys"), values = label_list(c, n, "values");
    encode(c, n, keys, values, label_default(c, n, values));
    return c->status;
}

/* A map from class to score is here the row of scores itself, in the order of the classes. */
static ingot_status zip_map(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    IG_TRY(need(c, n, 1));
    onnx_alias(c, n, 0, n->in[0]);
    return c->status;
}

static ingot_status takes_maps(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    return ig_onnx_fail(c, n,
                        "its input is a map; Ingot takes the tensor of the map's values: "
                        "leave this node out and feed that");
}

/* ---- linear models ---- */

/* [rows, C]. Some exporters leave more coefficients than x has features for; the format's other
 * readers take as many as they need from the front, whatever the rows were. */
static ig_id coefficients(ig_import *c, const ig_onnx_node *n, ig_floats w, size_t rows)
{
    if (c->status) return IG_NO_VALUE;
    const ig_type *x = onnx_type(c, n->in[0]);
    const int64_t cols = x->rank > 0 ? x->dims[x->rank - 1] : 0;
    if (cols > 0 && rows && (uint64_t)cols < w.n / rows) w.n = rows * (size_t)cols;
    if (!rows || !w.n || w.n % rows) {
        ig_onnx_bad(c, n, "%zu coefficients for %zu rows of scores", w.n, rows);
        return IG_NO_VALUE;
    }
    const int64_t dims[] = {(int64_t)rows, (int64_t)(w.n / rows)};
    const ig_id id = ig_graph_const_copy(c->g, "", INGOT_F32, 2, dims, w.v);
    if (id == IG_NO_VALUE) c->status = onnx_no_memory(c);
    return id;
}

static ingot_status linear_regressor(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    IG_TRY(need(c, n, 1));
    const int64_t targets = onnx_int(c, n, "targets", 1);
    const ig_floats w = onnx_floats(c, n, "coefficients"), b = onnx_floats(c, n, "intercepts");
    if (targets < 1) return ig_onnx_bad(c, n, "targets is %lld", (long long)targets);
    ig_emit_to(c, n, n->out[0], "linear_model", 3, n->in[0], coefficients(c, n, w, (size_t)targets),
               float_list(c, b));
    onnx_ml_post(c, n, ig_emit_last(c));
    return c->status;
}

static ingot_status linear_classifier(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    IG_TRY(need(c, n, 1));
    const ig_floats w = onnx_floats(c, n, "coefficients"), b = onnx_floats(c, n, "intercepts");
    const ig_ints ints = onnx_ints(c, n, "classlabels_ints");
    const ig_texts texts = onnx_texts(c, n, "classlabels_strings");
    const size_t n_labels = ints.n ? ints.n : texts.n;
    size_t rows = b.n ? b.n : n_labels;
    const ig_type *x = onnx_type(c, n->in[0]);
    if (!b.n && x->rank > 0 && x->dims[x->rank - 1] > 0) /* two classes may share one row */
        rows = w.n / (size_t)x->dims[x->rank - 1];
    if (!c->status && (n_labels < 2 || (rows != n_labels && !(rows == 1 && n_labels == 2))))
        return ig_onnx_bad(c, n, "%zu labels for %zu rows of scores", n_labels, rows);
    ig_id out[2] = {n->n_out > 1 ? n->out[1] : IG_NO_VALUE, ig_graph_value(c->g, "", NULL)};
    if (out[0] == IG_NO_VALUE) out[0] = ig_graph_value(c->g, "", NULL);
    const ig_id in[] = {n->in[0], coefficients(c, n, w, rows), float_list(c, b)};
    ig_node *node = ig_emit(c, n, "linear_model", in, 3, out, 2);
    ig_set_int(c, node, "classifier", 1);
    ig_set_int(c, node, "pair", rows == 1);
    onnx_ml_post(c, n, node);
    onnx_ml_labels(c, n, n->out[0], out[1], ints, texts);
    return c->status;
}

#define ML "ai.onnx.ml"

const ig_onnx_map ig_onnx_map_ml[] = {
    {ML, "ArrayFeatureExtractor", 1, 0, array_feature_extractor, NULL},
    {ML, "Binarizer", 1, 0, binarizer, NULL},
    {ML, "CastMap", 1, 0, takes_maps, NULL},
    {ML, "CategoryMapper", 1, 0, text_and_int, NULL},
    {ML, "DictVectorizer", 1, 0, takes_maps, NULL},
    {ML, "FeatureVectorizer", 1, 0, feature_vectorizer, NULL},
    {ML, "Imputer", 1, 0, imputer, NULL},
    {ML, "LabelEncoder", 1, 1, text_and_int, "classes"},
    {ML, "LabelEncoder", 2, 0, label_encoder, NULL},
    {ML, "LinearClassifier", 1, 0, linear_classifier, NULL},
    {ML, "LinearRegressor", 1, 0, linear_regressor, NULL},
    {ML, "Normalizer", 1, 0, normalizer, NULL},
    {ML, "OneHotEncoder", 1, 0, one_hot_encoder, NULL},
    {ML, "Scaler", 1, 0, scaler, NULL},
    {ML, "ZipMap", 1, 0, zip_map, NULL},
    {0},
};
