#!/usr/bin/env python3
"""Make tests/fuzz/checkpoints: the smallest GGUF models and llama2.c checkpoints. Needs numpy."""
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../bench"))
import numpy as np

import gguf_model

OUT = os.path.join(HERE, "checkpoints")


def llama2c(version):
    """width 16, inner 32, one layer, 2 heads, 1 of keys, 20 pieces, context 8; of version 2 in groups of 32."""
    rng, width, inner, vocabulary, keys = np.random.default_rng(2), 32, 32, 20, 16
    sizes = (width, inner, 1, 2, 1, vocabulary, 8)
    norms, matrices = [width] * 3, [vocabulary * width, width * width, keys * width, keys * width, width * width,
                                    inner * width, width * inner, inner * width]
    if version == 0:
        order = [matrices[0], width, *matrices[1:5], width, *matrices[5:], width, 8 * 16]
        return struct.pack("<7i", *sizes) + rng.standard_normal(sum(order), dtype=np.float32).tobytes()
    head = struct.pack("<Ii7iBi", 0x616b3432, version, *sizes, 1, 32).ljust(256, b"\0")
    body = rng.standard_normal(sum(norms), dtype=np.float32).tobytes()
    for n in matrices:
        body += rng.integers(0, 256, n, dtype=np.uint8).tobytes() + np.full(n // 32, 0.01, np.float32).tobytes()
    return head + body


def main():
    os.makedirs(OUT, exist_ok=True)
    gguf_model.SHAPES["nano"] = (32, 1, 2, 1, 32, 40)
    for shape, kind in ("nano", "q4_0"), ("nano", "f16"):
        gguf_model.write(f"{OUT}/{shape}-{kind}.gguf", shape, kind)
    for version in 0, 2:
        with open(f"{OUT}/llama2c-v{version}.bin", "wb") as f:
            f.write(llama2c(version))


if __name__ == "__main__":
    main()
