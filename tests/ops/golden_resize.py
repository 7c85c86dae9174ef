#!/usr/bin/env python3
"""Write golden_resize.h: cases of Resize with the answers of ONNX's reference implementation.

Needs numpy and onnx. Run: python3 tests/ops/golden_resize.py > tests/ops/golden_resize.h
"""
import itertools

import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

MODES = [
    dict(mode="nearest", nearest_mode="round_prefer_floor"),
    dict(mode="nearest", nearest_mode="round_prefer_ceil"),
    dict(mode="nearest", nearest_mode="floor"),
    dict(mode="nearest", nearest_mode="ceil"),
    dict(mode="linear"),
    dict(mode="linear", antialias=1),
    dict(mode="cubic"),
    dict(mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1),
    dict(mode="cubic", antialias=1),
]
COORDINATES = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
               "asymmetric", "tf_crop_and_resize"]
SIZES = [(1, 1, 2, 3), (1, 1, 7, 5)]
X = np.array([[3, -1, 4, 1], [-5, 9, 2, -6], [5, 3, -5, 8]], np.float32).reshape(1, 1, 3, 4)
ROI = np.array([0, 0, 0.1, -0.1, 1, 1, 0.8, 1.2], np.float32)


def answer(attrs, size, roi):
    node = helper.make_node("Resize", ["x", "roi", "", "sizes"], ["y"], **attrs)
    f32 = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [node], "g",
        [helper.make_tensor_value_info("x", f32, X.shape),
         helper.make_tensor_value_info("roi", f32, roi.shape),
         helper.make_tensor_value_info("sizes", onnx.TensorProto.INT64, [4])],
        [helper.make_tensor_value_info("y", f32, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)])
    feed = {"x": X, "roi": roi, "sizes": np.array(size, np.int64)}
    return ReferenceEvaluator(model).run(None, feed)[0]


def main():
    print("/* golden_resize.h - written by golden_resize.py: do not edit. */")
    print(f"/* Answers of onnx {onnx.__version__} for the input and roi of unit_resize.c. */")
    print("// clang-format off")
    print("static const golden goldens[] = {")
    for mode, how, size in itertools.product(MODES, COORDINATES, SIZES):
        crop = how == "tf_crop_and_resize"
        attrs = dict(mode, coordinate_transformation_mode=how)
        if crop:
            attrs["extrapolation_value"] = 10.0
        y = answer(attrs, size, ROI if crop else np.zeros(0, np.float32))
        head = (f'    {{"{mode["mode"]}", "{mode.get("nearest_mode", "round_prefer_floor")}", '
                f'"{how}", {mode.get("antialias", 0)}, {mode.get("exclude_outside", 0)}, '
                f'{mode.get("cubic_coeff_a", -0.75)}, {size[2]}, {size[3]},')
        print(head)
        values = [f"{v:.7g}" for v in y.ravel()]
        lines = [", ".join(values[i:i + 9]) for i in range(0, len(values), 9)]
        print("     {" + ",\n      ".join(lines) + "}},")
    print("};")


main()
