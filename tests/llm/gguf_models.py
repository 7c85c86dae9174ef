#!/usr/bin/env python3
"""GGUF models end to end: gguf_models.py INGOT [HUB_FOLDERS]. Exit 77 without numpy.

Every tensor type: a Llama of random blocks gives the logits that the same file gives in f32, within what rounding
activations to 8 bits, and keys and values to the weights' type, brings. Every family of HUB_FOLDERS, written as GGUF: the recorded logits of transformers.
"""
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("skipped: no numpy")
    sys.exit(77)

import hub_to_gguf  # which makes bench/ importable
import gguf_model

IDS = "5,9,17,33,65,129,200,11"


def logits(ingot, source, ids, folder, dtype):
    model, out = os.path.join(folder, "m.ingot"), os.path.join(folder, "l.npy")
    for command in ([ingot, "convert", source, "-o", model, "--dtype", dtype, "--quiet"],
                    [ingot, "generate", model, "--ids", ids, "-n", "0", "--logits", out]):
        p = subprocess.run(command, capture_output=True, text=True)
        if p.returncode:
            raise RuntimeError(f"{command[1]}: exit {p.returncode}: {p.stderr.strip()[:300]}")
    return np.load(out)


def off(got, want):
    return float(np.abs(got - want).max() / np.abs(want).max()) if got.shape == want.shape else float("inf")


def check_type(ingot, kind, folder):
    source = os.path.join(folder, kind + ".gguf")
    gguf_model.write(source, "tiny", kind)
    kept, wide = (logits(ingot, source, IDS, folder, dtype) for dtype in ("keep", "f32"))
    bound = {"f32": 0, "f16": 1e-3, "bf16": 5e-3}.get(kind, 0.03)  # of floats only the cache's type differs
    return off(kept, wide), bound


def check_family(ingot, hub, folder):
    golden = np.load(os.path.join(hub, "golden.npz"))
    worst = 0
    for split in ([], ["--split"])[:2 if "mixtral" in hub else 1]:
        source = os.path.join(folder, "family.gguf")
        sys.argv[1:] = [hub, source, *split]
        hub_to_gguf.main()
        worst = max(worst, off(logits(ingot, source, ",".join(map(str, golden["ids"])), folder, "keep"), golden["logits"]))
    return worst, 1e-4


def check_parts(ingot, kind, folder):
    """A model in three files is the one in one; a part that is missing is named, and only the first converts."""
    whole = os.path.join(folder, "whole.gguf")
    parts = [os.path.join(folder, f"m-{i + 1:05d}-of-00003.gguf") for i in range(3)]
    gguf_model.write(whole, "tiny", kind)
    for i, path in enumerate(parts):
        gguf_model.write(path, "tiny", kind, i, 3)
    got, want = (logits(ingot, source, IDS, folder, "keep") for source in (parts[0], whole))
    for source, gone, code, said in ((parts[1], None, 3, "part 2 of 3"),
                                     (parts[0], parts[2], 1, "m-00003-of-00003.gguf: no such file")):
        if gone:
            os.remove(gone)
        p = subprocess.run([ingot, "convert", source, "-o", os.path.join(folder, "x.ingot")], capture_output=True, text=True)
        if p.returncode != code or said not in p.stderr:
            raise RuntimeError(f"exit {p.returncode}, not {code}, or '{said}' is not in: {p.stderr.strip()}")
    return off(got, want), 0


def main():
    ingot, hubs = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    checks = [(kind, check_type, kind) for kind in gguf_model.TYPES]
    checks.append(("three parts", check_parts, "q4_0"))
    for name in sorted(os.listdir(hubs)) if os.path.isdir(hubs) else []:
        path = os.path.join(hubs, name, "golden.npz")
        if os.path.exists(path) and "greedy" in np.load(path).files:
            checks.append((name, check_family, os.path.join(hubs, name)))
    bad = 0
    for name, check, what in checks:
        with tempfile.TemporaryDirectory() as folder:
            try:
                error, bound = check(ingot, what, folder)
                wrong = "" if error <= bound else f"off by {error:.1e}, more than {bound:.0e}"
            except (RuntimeError, KeyError, StopIteration) as why:
                wrong = f"{type(why).__name__}: {why}"
        print(f"{'FAIL' if wrong else 'ok  '} {name:16} {wrong or f'{error:.1e} of scale'}")
        bad += bool(wrong)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
