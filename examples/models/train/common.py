"""What every training script here needs: the digits split, saving, and the golden file.

A golden file is NAME.golden.npz with the arrays in0.INPUT and out0.OUTPUT: inputs and what ONNX
Runtime answers to them. It runs without graph optimisation and with exact int8 products, because
its default AVX2 int8 path saturates.
"""
import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the same sums in the same order on every run

import numpy as np
import onnxruntime as ort

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(MODELS, "..", "..", "bench"))  # for onnx_graph


def digits():
    """(train x, train y, test x, test y): x float32 [N, 8, 8] in 0..1, the last fifth held out."""
    from sklearn.datasets import load_digits
    x, y = load_digits(return_X_y=True)
    x = (x.reshape(-1, 8, 8) / 16).astype(np.float32)
    y = y.astype(np.int64)
    order = np.random.default_rng(7).permutation(len(x))
    n = len(x) * 4 // 5
    return x[order[:n]], y[order[:n]], x[order[n:]], y[order[n:]]


def shift_images(x, rng, reach=1):
    """Each image moved by up to `reach` pixels, zeros drawn in: more variety for little data."""
    n, h, w = x.shape
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach)))
    dy, dx = rng.integers(0, 2 * reach + 1, (2, n))
    rows = dy[:, None] + np.arange(h)
    cols = dx[:, None] + np.arange(w)
    return padded[np.arange(n)[:, None, None], rows[:, :, None], cols[:, None, :]]


def run_onnx(path, feeds):
    """Outputs of ONNX Runtime as a dict, exact rather than fast."""
    opt = ort.SessionOptions()
    opt.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    opt.intra_op_num_threads = 1
    opt.add_session_config_entry("session.x64quantprecision", "1")
    s = ort.InferenceSession(path, opt, providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in s.get_outputs()], s.run(None, feeds)))


def path_of(name):
    return os.path.join(MODELS, name)


def write_golden(stem, feeds):
    outs = run_onnx(path_of(stem + ".onnx"), feeds)
    arrays = {f"in0.{k}": v for k, v in feeds.items()} | {f"out0.{k}": v for k, v in outs.items()}
    np.savez(path_of(stem + ".golden.npz"), **arrays)
    return outs


def report(stem, score, floor, line):
    """Prints one line; a score under its floor means that training went wrong, and is an error."""
    if score < floor:
        raise SystemExit(f"{stem}: {line}: below {100 * floor:.0f} %")
    size = os.path.getsize(path_of(stem + ".onnx"))
    print(f"{stem + '.onnx':24} {size / 1e3:8.1f} kB   {line}", flush=True)
