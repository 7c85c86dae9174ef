#!/usr/bin/env python3
"""Make tests/fuzz/corpus/*.ingot: small models that together use every part of the file format.

Needs onnx and numpy, and a built command:  make_corpus.py build/bin/ingot
Run it again when the format or the ops change; the files are committed so that fuzzing starts from them.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
from onnx import TensorProto as T, helper as h, numpy_helper, save

HERE = os.path.dirname(os.path.abspath(__file__))
RNG = np.random.default_rng(1)


def value(name, shape, kind=T.FLOAT):
    return h.make_tensor_value_info(name, kind, shape)


def weight(name, *shape):
    return numpy_helper.from_array(RNG.standard_normal(shape).astype(np.float32), name)


def model(nodes, inputs, outputs, weights=(), opset=17):
    graph = h.make_graph(nodes, "fuzz", inputs, outputs, list(weights))
    imports = [h.make_opsetid("", opset), h.make_opsetid("ai.onnx.ml", 3)]
    return h.make_model(graph, opset_imports=imports, ir_version=8)


def branches():
    then = h.make_graph([h.make_node("Add", ["x", "x"], ["a"])], "then", [], [value("a", [3])])
    other = h.make_graph([h.make_node("Neg", ["x"], ["b"])], "else", [], [value("b", [3])])
    body = h.make_graph([h.make_node("Mul", ["s", "y"], ["t"]), h.make_node("Identity", ["c"], ["d"])], "body",
                        [value("i", [], T.INT64), value("c", [], T.BOOL), value("s", [3])],
                        [value("d", [], T.BOOL), value("t", [3]), value("t", [3])])
    body.output[2].name = "u"
    body.node.append(h.make_node("Identity", ["t"], ["u"]))
    nodes = [h.make_node("If", ["cond"], ["y"], then_branch=then, else_branch=other),
             h.make_node("Loop", ["n", "", "x"], ["last", "all"], body=body)]
    return model(nodes, [value("x", [3]), value("cond", [], T.BOOL), value("n", [], T.INT64)],
                 [value("last", [3]), value("all", [None, 3])])


def convolutions():
    nodes = [h.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]), h.make_node("Relu", ["c"], ["r"]),
             h.make_node("Conv", ["r", "d"], ["e"], group=4, strides=[2, 2]),
             h.make_node("MaxPool", ["e"], ["p"], kernel_shape=[2, 2]), h.make_node("GlobalAveragePool", ["p"], ["g"]),
             h.make_node("Flatten", ["g"], ["f"]), h.make_node("Gemm", ["f", "v"], ["y"], transB=1)]
    return model(nodes, [value("x", ["batch", 2, 8, 8])], [value("y", ["batch", 5])],
                 [weight("w", 4, 2, 3, 3), weight("b", 4), weight("d", 4, 1, 2, 2), weight("v", 5, 4)])


def recurrent():
    nodes = [h.make_node("LSTM", ["x", "w", "r"], ["y", "h"], hidden_size=3, direction="bidirectional"),
             h.make_node("LayerNormalization", ["y", "g"], ["z"])]
    return model(nodes, [value("x", ["seq", 1, 2])], [value("z", None), value("h", None)],
                 [weight("w", 2, 12, 2), weight("r", 2, 12, 3), weight("g", 3)])


def dynamic():
    nodes = [h.make_node("NonZero", ["x"], ["n"]), h.make_node("Transpose", ["n"], ["t"]),
             h.make_node("GatherND", ["x", "t"], ["y"]), h.make_node("Unique", ["y"], ["u"]),
             h.make_node("Shape", ["u"], ["s"]), h.make_node("Reshape", ["u", "s"], ["z"])]
    return model(nodes, [value("x", ["rows", 4])], [value("z", [None])])


def strings():
    words = numpy_helper.from_array(np.array(["alpha", "", "gamma"], dtype=object), "words")
    nodes = [h.make_node("Gather", ["words", "i"], ["y"]), h.make_node("Equal", ["i", "i"], ["e"]),
             h.make_node("LabelEncoder", ["y"], ["l"], domain="ai.onnx.ml", keys_strings=["alpha", "gamma"],
                         values_int64s=[1, 2], default_int64=-1)]
    return model(nodes, [value("i", [2], T.INT64)], [value("y", [2], T.STRING), value("l", [2], T.INT64)], [words])


def main():
    command = sys.argv[1]
    os.makedirs(f"{HERE}/corpus", exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for make in (branches, convolutions, recurrent, dynamic, strings):
            path = f"{folder}/{make.__name__}.onnx"
            save(make(), path)
            for layout in ("p16", "plain"):
                out = f"{HERE}/corpus/{make.__name__}_{layout}.ingot"
                subprocess.run([command, "convert", path, "-o", out, "--layout", layout, "--quiet"], check=True)


if __name__ == "__main__":
    main()
