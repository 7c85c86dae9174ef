#!/usr/bin/env python3
"""Make types.gguf: for each quantised tensor type of ggml a tensor of random blocks, and what they mean.

Tensor "q4_K" is followed by "q4_K.f32", its values by the gguf package's dequantize. Needs numpy and gguf.
"""
import os

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

HERE = os.path.dirname(os.path.abspath(__file__))
# where a block's scales of f16 are; everything else may be any byte
HALVES = {Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0],
          Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208],
          Type.IQ4_NL: [0], Type.IQ4_XS: [0]}


def main():
    rng = np.random.default_rng(7)
    writer = gguf.GGUFWriter(f"{HERE}/types.gguf", "none")
    for kind, halves in HALVES.items():
        n, size = gguf.GGML_QUANT_SIZES[kind]
        rows = rng.integers(0, 256, (2, size), dtype=np.uint8)
        rows[:, :] = np.where(rng.random(rows.shape) < 0.1, 255, rows)  # full scales and quants are likely
        for at in halves:
            rows[:, at:at + 2] = rng.uniform(-2, 2, (2, 1)).astype(np.float16).view(np.uint8)
        name = {"Q": kind.name.lower().replace("_k", "_K")}.get(kind.name[0], kind.name.lower())
        writer.add_tensor(name, rows, raw_dtype=kind)
        writer.add_tensor(name + ".f32", gguf.dequantize(rows, kind).astype(np.float32))
    for name, dtype in ("f16", np.float16), ("bf16", np.uint16):
        x = rng.standard_normal((2, 32)).astype(np.float32)
        if name == "f16":
            writer.add_tensor(name, x.astype(dtype))
            writer.add_tensor(name + ".f32", x.astype(dtype).astype(np.float32))
        else:
            bits = (x.view(np.uint32) >> 16).astype(np.uint16)
            writer.add_tensor(name, bits.view(np.uint8), raw_dtype=Type.BF16)
            writer.add_tensor(name + ".f32", (bits.astype(np.uint32) << 16).view(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
