#!/usr/bin/env python3
"""Makes ONNX models as converters of scikit-learn and of boosting libraries write them, without a string, and
inputs for them: tests/cuda/make_pipelines.py FOLDER. Needs onnx and NumPy."""
import os
import sys

import numpy as np
from onnx import TensorProto as T, helper as h

rng = np.random.default_rng(3)
ML = "ai.onnx.ml"
folder = sys.argv[1]


def numbers(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def node(op, inputs, outputs, domain=ML, **attributes):
    return h.make_node(op, inputs, outputs, domain=domain, **attributes)


def ints(name, v):
    return node("Constant", [], [name], domain="", value=h.make_tensor(name, T.INT64, [len(v)], v))


def pipeline(name, nodes, x, outputs, opset_ml=3):
    """outputs: names; the dtypes are left to inference."""
    dtype = {np.float32: T.FLOAT, np.float64: T.DOUBLE, np.int64: T.INT64}[x.dtype.type]
    graph = h.make_graph(nodes, name, [h.make_tensor_value_info("x", dtype, ["rows", x.shape[1]])],
                         [h.make_tensor_value_info(o, t, None) for o, t in outputs])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 15), h.make_opsetid(ML, opset_ml)], ir_version=8)
    with open(os.path.join(folder, name + ".onnx"), "wb") as f:
        f.write(model.SerializeToString())
    np.savez(os.path.join(folder, name + ".npz"), x=x)


def table(n, cols, missing=True):
    x = numbers(n, cols)
    if missing:
        x[::3, 1] = np.nan
    return x


def clean(cols, x="x", y="scaled"):
    """An imputer and a scaler."""
    return [node("Imputer", [x], ["imputed"], imputed_value_floats=list(numbers(cols)),
                 replaced_value_float=float("nan")),
            node("Scaler", ["imputed"], [y], offset=list(numbers(cols)), scale=list(numbers(cols)))]


def forest(n_trees, cols, n_classes, depth, weights_a_leaf):
    """Attributes of a tree ensemble: full trees, every test once, missing values either way."""
    modes = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
    a = {k: [] for k in ("treeids nodeids featureids values modes truenodeids falsenodeids "
                         "missing_value_tracks_true").split()}
    leaves = {k: [] for k in ("treeids", "nodeids", "ids", "weights")}
    for t in range(n_trees):
        first_leaf = 2 ** depth - 1
        for i in range(2 ** (depth + 1) - 1):
            leaf = i >= first_leaf
            a["treeids"].append(t)
            a["nodeids"].append(i)
            a["featureids"].append(0 if leaf else int(rng.integers(cols)))
            a["values"].append(0.0 if leaf else float(numbers(1)[0]))
            a["modes"].append("LEAF" if leaf else modes[(t + i) % 6])
            a["truenodeids"].append(0 if leaf else 2 * i + 1)
            a["falsenodeids"].append(0 if leaf else 2 * i + 2)
            a["missing_value_tracks_true"].append(0 if leaf else i % 2)
            for k in range(weights_a_leaf if leaf else 0):
                leaves["treeids"].append(t)
                leaves["nodeids"].append(i)
                leaves["ids"].append(k if weights_a_leaf > 1 else t % n_classes)
                leaves["weights"].append(float(numbers(1)[0]))
    return {"nodes_" + k: v for k, v in a.items()}, leaves


def trees(op, x, y, n_trees, cols, n_classes, depth=3, weights_a_leaf=1, **more):
    nodes, leaves = forest(n_trees, cols, n_classes, depth, weights_a_leaf)
    prefix = "class_" if op.endswith("Classifier") else "target_"
    nodes.update({prefix + k: v for k, v in leaves.items()})
    if prefix == "class_":
        nodes["classlabels_int64s"] = list(range(10, 10 + n_classes))
    else:
        nodes["n_targets"] = n_classes
    return node(op, [x], y, **nodes, **more)


def machine(op, x, y, cols, counts, kernel, **more):
    n, k = sum(counts), len(counts)
    a = dict(support_vectors=list(numbers(n * cols)), kernel_type=kernel,
             kernel_params=[0.3, 0.1, 3.0])
    if op == "SVMClassifier":
        pairs = k * (k - 1) // 2
        a.update(coefficients=list(numbers((k - 1) * n)), rho=list(numbers(pairs)), vectors_per_class=counts,
                 classlabels_ints=list(range(5, 5 + k)))
        if more.pop("proba", False):
            a.update(prob_a=list(-1 - rng.random(pairs)), prob_b=list(numbers(pairs)))
    else:
        a.update(coefficients=list(numbers(n)), rho=list(numbers(1)), n_supports=n)
    return node(op, [x], y, **a, **more)


LABELS, SCORES = ("label", T.INT64), ("scores", T.FLOAT)
for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID"):
    pipeline("svc_" + kernel.lower(), clean(6) + [machine("SVMClassifier", "scaled", ["label", "scores"], 6,
                                                          [7, 4, 9], kernel, proba=kernel != "LINEAR")],
             table(40, 6), [LABELS, SCORES])
pipeline("svr", clean(6) + [machine("SVMRegressor", "scaled", ["scores"], 6, [30], "RBF")], table(33, 6), [SCORES])
pipeline("outliers", clean(6) + [machine("SVMRegressor", "scaled", ["scores"], 6, [12], "RBF", one_class=1)],
         table(9, 6), [SCORES])
pipeline("forest", [trees("TreeEnsembleClassifier", "x", ["label", "scores"], 12, 5, 4, weights_a_leaf=4)],
         table(50, 5), [LABELS, SCORES])
pipeline("boosted", [trees("TreeEnsembleClassifier", "x", ["label", "p"], 15, 5, 3, post_transform="SOFTMAX"),
                     node("ZipMap", ["p"], ["scores"], classlabels_int64s=[10, 11, 12])],
         table(50, 5), [LABELS, SCORES])
pipeline("boosted_one", [trees("TreeEnsembleRegressor", "x", ["scores"], 40, 5, 1, aggregate_function="AVERAGE")],
         table(1, 5), [SCORES])
pipeline("logistic", clean(6) + [
    node("Normalizer", ["scaled"], ["n"], norm="L2"),
    node("LinearClassifier", ["n"], ["label", "scores"], coefficients=list(numbers(18)), intercepts=list(numbers(3)),
         classlabels_ints=[2, 4, 6], post_transform="SOFTMAX", multi_class=1)], table(40, 6), [LABELS, SCORES])
pipeline("features", [
    ints("columns", [2, 0]),
    node("ArrayFeatureExtractor", ["x", "columns"], ["some"]),
    node("Binarizer", ["some"], ["binary"], threshold=0.2),
    node("FeatureVectorizer", ["some", "binary"], ["both"], inputdimensions=[2, 2]),
    node("LinearRegressor", ["both"], ["scores"], coefficients=list(numbers(4)), intercepts=list(numbers(1)))],
    table(30, 4, False), [SCORES])
codes = rng.integers(0, 6, (40, 3)).astype(np.int64)
pipeline("categories", [
    node("LabelEncoder", ["x"], ["mapped"], keys_int64s=[0, 1, 2, 3], values_floats=[0.5, -1.0, 2.0, 8.0],
         default_float=-3.0),
    node("OneHotEncoder", ["x"], ["hot"], cats_int64s=[5, 3, 0, 1], zeros=1),
    ints("wide", [-1, 12]),
    node("Reshape", ["hot", "wide"], ["flat"], domain=""),
    node("FeatureVectorizer", ["mapped", "flat"], ["both"], inputdimensions=[3, 12]),
    trees("TreeEnsembleRegressor", "both", ["raw"], 9, 15, 1),
    node("Cast", ["raw"], ["scores"], domain="", to=T.FLOAT)], codes, [SCORES])
pipeline("decoded", [
    machine("SVMClassifier", "x", ["index", "p"], 6, [5, 6], "RBF"),
    node("LabelEncoder", ["index"], ["label"], keys_int64s=[5, 6], values_int64s=[100, 200])],
    table(20, 6, False), [LABELS])
pipeline("words", [
    node("TfIdfVectorizer", ["x"], ["counts"], domain="", mode="TFIDF", min_gram_length=1, max_gram_length=2,
         max_skip_count=1, ngram_counts=[0, 4], ngram_indexes=[0, 1, 2, 3, 4, 5, 6],
         pool_int64s=[0, 1, 2, 3, 0, 1, 1, 2, 4, 5], weights=[1.0, 0.5, 2.0, 1.5, 3.0, 0.25, 1.0]),
    node("Normalizer", ["counts"], ["n"], norm="L1"),
    node("LinearRegressor", ["n"], ["scores"], coefficients=list(numbers(7)), intercepts=[0.5])],
    rng.integers(0, 7, (30, 12)).astype(np.int64), [SCORES])
