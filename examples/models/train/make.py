#!/usr/bin/env python3
"""Trains every model of examples/models again and checks them. `--check` only checks what is there.

Needs numpy, scikit-learn, onnx and onnxruntime; about two minutes on one core. The check runs
onnx.checker, replays each golden file through ONNX Runtime, and holds the folder to its size limit.
"""
import argparse
import glob
import os
import re

import common
import numpy as np
import onnx

LIMIT = 3_000_000  # bytes, all models and data together


def train():
    import digits_cnn, digits_gru, sentence_encoder, wine_pipeline
    for script in digits_cnn, digits_gru, sentence_encoder, wine_pipeline:
        script.main()


def check(path):
    """The largest difference between a golden file's outputs and ONNX Runtime's answer now."""
    onnx.checker.check_model(onnx.load(path), full_check=True)
    z = np.load(re.sub(r"onnx$", "golden.npz", path))
    got = common.run_onnx(path, {k[4:]: z[k] for k in z.files if k.startswith("in0.")})
    wants = [k[5:] for k in z.files if k.startswith("out0.")]
    if set(wants) != set(got):
        raise SystemExit(f"{path}: outputs {sorted(got)}, golden has {sorted(wants)}")
    return max(float(np.abs(got[k].astype(np.float64) - z["out0." + k]).max()) for k in wants)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--check", action="store_true", help="do not train")
    if not ap.parse_args().check:
        train()
    for path in sorted(glob.glob(common.path_of("*.onnx"))):
        worst = check(path)
        print(f"{os.path.basename(path):24} golden replayed, worst difference {worst:.1e}")
        if worst > 1e-5:
            raise SystemExit(f"{path}: differs from its golden file")
    total = sum(os.path.getsize(p) for p in glob.glob(common.path_of("*.*")))
    print(f"{total / 1e6:.2f} MB in all")
    if total > LIMIT:
        raise SystemExit(f"examples/models is over {LIMIT / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
