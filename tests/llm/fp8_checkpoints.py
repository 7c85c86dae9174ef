#!/usr/bin/env python3
"""Checkpoints with weights of 8-bit floats, as programs of the hub write them, and what they compute.

    fp8_checkpoints.py FOLDER     makes FOLDER/KIND for each kind below

block      weight_scale_inv, blocks of 128 x 128 (DeepSeek, Qwen)     moe      the same, with experts
channel    weight_scale [n, 1] of bf16 (compressed-tensors)           vector   weight_scale [n] (fbgemm_fp8)
tensor     weight_scale, one number, and input_scale (modelopt)       plain    no scales at all
e8m0       blocks whose scales are powers of two in a byte
exact      weights of bf16
Kinds whose names begin with "bad-" must not convert.

Beside each that does lie logits.npy, of a forward pass in double (data/make.py) with the weights that
the codes and scales make, and rounded.npy, where what meets such weights is rounded to e4m3 too.
"""
import json
import os
import struct
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "data"))
import make  # noqa: E402

IDS = [1, 5, 7, 9, 2, 33, 21, 8, 12, 40, 31]
PRODUCTS = ("q", "k", "v", "o", "gate", "up", "down")


# ---- e4m3 ----

def numbers():
    """The values of the codes 0 .. 126; their order is that of the codes."""
    code = np.arange(127)
    e, m = code >> 3, code & 7
    return np.where(e > 0, (8 + m) * 2.0 ** (e - 10), m * 2.0 ** -9)


VALUES = numbers()
EDGES = (VALUES[1:] + VALUES[:-1]) / 2


def encode(x):
    """To nearest, ties to even codes; beyond 448 the largest."""
    a = np.abs(x)
    code = np.searchsorted(EDGES, a, side="left")
    tie = (code < 126) & (a == EDGES[np.minimum(code, 125)])
    code = code + (tie & (code % 2 == 1))
    return (code | np.where(np.signbit(x), 128, 0)).astype(np.uint8)


def decode(code):
    v = VALUES[np.minimum(code & 127, 126)]
    return np.where(code & 128, -v, v)


# ---- weights ----

def quantise(w, kind):
    """codes, scales as they are stored, and the matrix that both make."""
    n, k = w.shape
    if kind in ("tensor", "plain"):
        scale = np.array(1.0 if kind == "plain" else np.abs(w).max() / 448, np.float32)
        wide = np.broadcast_to(scale, w.shape)
    elif kind in ("channel", "vector"):
        scale = (np.abs(w).max(1, keepdims=True) / 448).astype(np.float32)
        if kind == "channel":
            scale = make.as_stored(scale, "BF16")
        wide = np.broadcast_to(scale, w.shape)
        scale = scale if kind == "channel" else scale[:, 0]
    else:
        rows, cols = -(-n // 128), -(-k // 128)
        scale = np.array([[np.abs(w[r * 128:r * 128 + 128, c * 128:c * 128 + 128]).max() / 448 for c in range(cols)]
                          for r in range(rows)], np.float32)
        if kind == "e8m0":
            scale = (2.0 ** np.ceil(np.log2(scale))).astype(np.float32)
        wide = np.repeat(np.repeat(scale, 128, 0), 128, 1)[:n, :k]
    code = encode(w / wide)
    return code, scale, decode(code) * wide.astype(np.float64)


def round_rows(x, group):
    """What the runtime rounds activations to: e4m3 with a scale a row or for each `group` of it."""
    x = x.astype(np.float32)
    out = np.zeros(x.shape)
    for at in range(0, x.shape[1], group):
        part = x[:, at:at + group]
        top = np.abs(part).max(1, keepdims=True)
        q = decode(encode(part * (np.float32(448) / top)))
        out[:, at:at + group] = q.astype(np.float32) * (top / np.float32(448))
    return out


class Rounded(make.Model):
    """As make.Model, with what meets weights of 8 bits rounded; group: of their scales."""

    def linear(self, x, name):
        if name.split(".")[-1] in PRODUCTS:
            x = round_rows(x, self.s["group"])
        return super().linear(x, name)


# ---- files ----

STORED = {"BF16": lambda x: make.bf16(x), "F32": lambda x: x.astype("<f4"), "F8_E4M3": lambda x: x,
          "F8_E5M2": lambda x: x, "F8_E8M0": lambda x: (np.log2(x) + 127).astype(np.uint8)}


def write(folder, config, tensors):
    header, blobs, at = {}, [], 0
    for name, (dtype, x) in tensors.items():
        blob = STORED[dtype](x).tobytes()
        header[name] = {"dtype": dtype, "shape": list(x.shape), "data_offsets": [at, at + len(blob)]}
        at += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    os.makedirs(folder)
    with open(f"{folder}/model.safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    json.dump(config, open(f"{folder}/config.json", "w"))
    json.dump({"bos_token_id": 1, "eos_token_id": [2]}, open(f"{folder}/generation_config.json", "w"))


def model(kind):
    """Sizes, config and names of a decoder whose rows are longer than a block and end in the middle of one."""
    s = make.sizes(width=160, heads=4, kv=2, d=24, inner=288)
    if kind != "moe":
        return s, make.config("llama", s, rope_theta=10000.0), make.llama_names()
    s.update(experts=3, top=2, expert_inner=136, renormalise=True)
    c = make.config("mixtral", s, num_local_experts=3, num_experts_per_tok=2, intermediate_size=136,
                    rope_theta=10000.0)
    return s, c, make.llama_names(moe=("block_sparse_moe.gate", "block_sparse_moe.experts", ("w1", "w3", "w2")))


def checkpoint(kind, seed):
    """config, tensors, weights in double."""
    s, config, names = model(kind)
    w = {k: make.as_stored(v, "BF16") for k, v in make.Maker(seed).weights(s).items()}
    exact, stored, scales = {}, {}, {}
    for name, x in w.items():
        exact[name] = x.astype(np.float64)
        if name.split(".")[-1] in PRODUCTS and kind != "exact":
            stored[name], scales[name], exact[name] = quantise(x, kind)
    # the names of the hub, each with the codes in the place of the weights
    theirs = names({**w, **{k: v for k, v in stored.items()}}, s)
    scale_of = {id(stored[k]): v for k, v in scales.items()}
    suffix = "_scale_inv" if kind in ("block", "moe", "e8m0") else "_scale"
    tensors = {}
    for name, x in theirs.items():
        if id(x) not in scale_of:
            tensors[name] = ("BF16", x)
            continue
        tensors[name] = ("F8_E4M3", x)
        if kind != "plain":
            tensors[name + suffix] = ({"channel": "BF16", "e8m0": "F8_E8M0"}.get(kind, "F32"), scale_of[id(x)])
        if kind == "tensor":
            tensors[name.replace(".weight", ".input_scale")] = ("F32", np.array(0.01, np.float32))
    if suffix == "_scale_inv":
        config["quantization_config"] = {"quant_method": "fp8", "activation_scheme": "dynamic",
                                         "weight_block_size": [128, 128]}
    s["group"] = 128 if suffix == "_scale_inv" else 1 << 30
    return s, config, tensors, exact


def spoil(base, name, change):
    s, config, tensors, _ = checkpoint(base, 1)
    victim = "model.layers.1.mlp.down_proj.weight"
    change(config, tensors, victim)
    write(f"{sys.argv[1]}/bad-{name}", config, tensors)


def main():
    folder = sys.argv[1]
    for seed, kind in enumerate(("block", "channel", "vector", "tensor", "plain", "e8m0", "moe", "exact")):
        s, config, tensors, exact = checkpoint(kind, seed)
        write(f"{folder}/{kind}", config, tensors)
        for name, cls in (("logits", make.Model), ("rounded", Rounded)):
            np.save(f"{folder}/{kind}/{name}.npy", cls(s, exact).logits(np.array(IDS)).astype(np.float32))

    def nan(config, tensors, victim):
        tensors[victim][1][3, 5] = 0x7f

    def endless(config, tensors, victim):
        tensors[victim + "_scale"][1][...] = np.inf

    def shape(config, tensors, victim):
        tensors[victim + "_scale_inv"] = ("F32", np.ones((3, 4), np.float32))

    def silent(config, tensors, victim):
        del config["quantization_config"]

    def narrow(config, tensors, victim):
        config["quantization_config"]["weight_block_size"] = [128, 64]
        for name, (_, x) in tensors.items():
            if name.endswith("_scale_inv"):
                n, k = tensors[name[:-len("_scale_inv")]][1].shape
                tensors[name] = ("F32", np.ones((-(-n // 128), -(-k // 64)), np.float32))

    def e5m2(config, tensors, victim):
        tensors[victim] = ("F8_E5M2", tensors[victim][1])

    def number(config, tensors, victim):
        tensors[victim + "_scale"] = ("F8_E5M2", np.zeros(1, np.uint8))

    spoil("tensor", "nan", nan)
    spoil("tensor", "endless", endless)
    spoil("block", "shape", shape)
    spoil("block", "silent", silent)
    spoil("block", "narrow", narrow)
    spoil("tensor", "e5m2", e5m2)
    spoil("tensor", "number", number)


main()
