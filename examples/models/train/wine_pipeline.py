"""Trains wine_pipeline.onnx: a scaler and a random forest over scikit-learn's wine table, as one graph.

The ONNX nodes are written by hand from the fitted trees. Two things need care. Scaler multiplies
where StandardScaler divides, so the forest is fitted on what the graph will compute. And scikit-learn
compares float32 inputs with float64 thresholds: rounding a threshold down to float32 keeps every
such comparison `x <= t` as it was.
"""
import common
import numpy as np
from onnx import TensorProto
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier

import onnx_graph

TREES = 25


def down_to_f32(t):
    f = np.asarray(t).astype(np.float32)
    return np.where(f.astype(np.float64) > t, np.nextafter(f, np.float32(-np.inf)), f)


def ensemble(forest):
    """Attributes of TreeEnsembleClassifier: one entry a node, leaves weighted 1 / trees."""
    a = {k: [] for k in ("nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_modes",
                         "nodes_truenodeids", "nodes_falsenodeids", "class_treeids", "class_nodeids",
                         "class_ids", "class_weights")}
    for i, est in enumerate(forest.estimators_):
        t = est.tree_
        leaf = t.children_left < 0
        n = t.node_count
        a["nodes_treeids"] += [i] * n
        a["nodes_nodeids"] += range(n)
        a["nodes_featureids"] += np.where(leaf, 0, t.feature).tolist()
        a["nodes_values"] += np.where(leaf, 0, down_to_f32(t.threshold)).tolist()
        a["nodes_modes"] += ["LEAF" if x else "BRANCH_LEQ" for x in leaf]
        a["nodes_truenodeids"] += np.where(leaf, 0, t.children_left).tolist()
        a["nodes_falsenodeids"] += np.where(leaf, 0, t.children_right).tolist()
        for node in np.flatnonzero(leaf):
            share = t.value[node, 0] / t.value[node, 0].sum() / len(forest.estimators_)
            for c in range(len(share)):
                a["class_treeids"].append(i)
                a["class_nodeids"].append(int(node))
                a["class_ids"].append(c)
                a["class_weights"].append(float(share[c]))
    return a


def main():
    data = load_wine()
    x, y = data.data.astype(np.float32), data.target
    order = np.random.default_rng(3).permutation(len(x))
    n = len(x) * 3 // 4
    fit, test = order[:n], order[n:]
    offset = x[fit].mean(0, dtype=np.float64).astype(np.float32)
    scale = (1 / x[fit].std(0, dtype=np.float64)).astype(np.float32)
    scaled = (x - offset) * scale
    forest = RandomForestClassifier(TREES, max_depth=5, random_state=3).fit(scaled[fit], y[fit])

    g = onnx_graph.Graph("wine_pipeline", 17, "wine cultivar from 13 measurements: scaler and random forest")
    g.input("features", TensorProto.FLOAT, ["batch", 13])
    s = g.op("Scaler", "features", domain="ai.onnx.ml", offset=offset.tolist(), scale=scale.tolist())
    outs = [g.output("label", TensorProto.INT64, ["batch"]), g.output("probabilities", TensorProto.FLOAT, ["batch", 3])]
    g.op("TreeEnsembleClassifier", s, out=outs, domain="ai.onnx.ml", post_transform="NONE",
         classlabels_int64s=[0, 1, 2], **ensemble(forest))
    g.save(common.path_of("wine_pipeline.onnx"), ml_opset=1)

    proba = forest.predict_proba(scaled[test])
    common.write_golden("wine_pipeline", {"features": x[test][:9]})
    got = common.run_onnx(common.path_of("wine_pipeline.onnx"), {"features": x[test]})
    worst = np.abs(got["probabilities"] - proba).max()
    if worst > 1e-6:
        raise SystemExit(f"wine_pipeline: the graph differs from scikit-learn by {worst:.1e}")
    np.savez(common.path_of("wine_test.npz"), features=x[test], labels=y[test].astype(np.int64),
                        probabilities=proba, feature_names=np.array(data.feature_names),
                        class_names=np.array([str(c) for c in data.target_names]))
    right = (got["label"] == y[test]).mean()
    common.report("wine_pipeline", right, 0.95, f"held-out accuracy {100 * right:.2f} % of {len(test)}, "
                                                f"{worst:.0e} from scikit-learn")


if __name__ == "__main__":
    main()
