#!/usr/bin/env python3
"""Write Llama-shaped GGUF models with random weights, for benchmarks: only their shape and type matter.

    gguf_model.py 1.1B q4_0 model.gguf        shapes: tiny, 125M, 1.1B, 7B; types: f16, q4_0, q4_K ..

Needs numpy alone. Blocks of quantised types are random bytes with scales that give weights of a
standard deviation near 1 / sqrt(inputs), so that the activations of every layer stay finite.
"""
import struct
import sys

import numpy as np

#          width layers heads kv heads  inner  vocabulary
SHAPES = {"tiny": (256, 2, 4, 2, 512, 512),
          "125M": (768, 12, 12, 12, 2048, 32000),
          "1.1B": (2048, 22, 32, 4, 5632, 32000),
          "7B": (4096, 32, 32, 8, 14336, 32000)}
# ggml's number, values and bytes of a block; of quantised types where its halves lie, as parts of the
# weights' deviation, and bytes that are fixed, which are scales of groups: all else is random
TYPES = {"f32": (0, 1, 4), "f16": (1, 1, 2), "bf16": (30, 1, 2),
         "q4_0": (2, 32, 18, {0: 1 / 4.61}, {}),
         "q4_1": (3, 32, 20, {0: 1 / 4.61, 2: -7.5 / 4.61}, {}),
         "q5_0": (6, 32, 22, {0: 1 / 9.23}, {}),
         "q5_1": (7, 32, 24, {0: 1 / 9.23, 2: -15.5 / 9.23}, {}),
         "q8_0": (8, 32, 34, {0: 1 / 73.9}, {}),
         "q2_K": (10, 256, 84, {80: 1 / 1.118 / 8, 82: 1.5 / 1.118 / 8}, {(0, 16): 0x88}),
         "q3_K": (11, 256, 110, {108: 1 / 2.29 / 16}, {(96, 104): 0, (104, 108): 0xFF}),
         "q4_K": (12, 256, 144, {0: 1 / 4.61 / 32, 2: 7.5 / 4.61 / 32}, {(4, 12): 0xA0, (12, 16): 0}),
         "q5_K": (13, 256, 176, {0: 1 / 9.23 / 32, 2: 15.5 / 9.23 / 32}, {(4, 12): 0xA0, (12, 16): 0}),
         "q6_K": (14, 256, 210, {208: 1 / 18.5 / 32}, {(192, 208): 32}),
         "iq4_nl": (20, 32, 18, {0: 1 / 70}, {}),
         "iq4_xs": (23, 256, 136, {0: 1 / 70 / 16}, {(2, 4): 0xFF, (4, 8): 0})}
ALIGN = 32
U32, I32, F32, BOOL, TEXT, ARRAY = 4, 5, 6, 7, 8, 9


# ---- weights -------------------------------------------------------------------------------------

def half(x):
    return np.frombuffer(np.float16(x).tobytes(), np.uint8)


def blocks(rng, kind, n, deviation):
    """n values of a type as bytes."""
    _, values, size, *quantised = TYPES[kind]
    if not quantised:
        x = rng.standard_normal(n, dtype=np.float32) * np.float32(deviation)
        if kind == "bf16":
            return (x.view(np.uint32) >> 16).astype(np.uint16).tobytes()
        return x.astype(np.float16 if kind == "f16" else np.float32).tobytes()
    raw = rng.integers(0, 256, (n // values, size), dtype=np.uint8)
    for at, part in quantised[0].items():
        raw[:, at:at + 2] = half(deviation * part)
    for (begin, end), value in quantised[1].items():
        raw[:, begin:end] = value
    return raw.tobytes()


def tensors(shape):
    """(name, rows, columns, is a matrix) of a Llama of this shape."""
    width, layers, heads, kv_heads, inner, vocabulary = SHAPES[shape]
    keys = width // heads * kv_heads
    yield "token_embd.weight", vocabulary, width, True
    for i in range(layers):
        for name, rows, columns in (("attn_q", width, width), ("attn_k", keys, width), ("attn_v", keys, width),
                                    ("attn_output", width, width), ("ffn_gate", inner, width),
                                    ("ffn_up", inner, width), ("ffn_down", width, inner)):
            yield f"blk.{i}.{name}.weight", rows, columns, True
        yield f"blk.{i}.attn_norm.weight", 1, width, False
        yield f"blk.{i}.ffn_norm.weight", 1, width, False
    yield "output_norm.weight", 1, width, False
    yield "output.weight", vocabulary, width, True


# ---- the file ------------------------------------------------------------------------------------

def text(s):
    raw = s.encode()
    return struct.pack("<Q", len(raw)) + raw


def key(name, kind, value):
    packed = text(value) if kind == TEXT else struct.pack({U32: "<I", F32: "<f", BOOL: "<?"}[kind], value)
    return text(name) + struct.pack("<I", kind) + packed


def array(name, kind, items):
    packed = {TEXT: text, F32: lambda v: struct.pack("<f", v), I32: lambda v: struct.pack("<i", v)}[kind]
    return text(name) + struct.pack("<IIQ", ARRAY, kind, len(items)) + b"".join(map(packed, items))


def keys(shape):
    width, layers, heads, kv_heads, inner, vocabulary = SHAPES[shape]
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    kinds = [2, 3, 3] + [6] * 256
    words = max(vocabulary - len(pieces), 0)
    pieces = (pieces + [f"\u2581w{i}" for i in range(words)])[:vocabulary]
    kinds = (kinds + [1] * words)[:vocabulary]
    return [key("general.architecture", TEXT, "llama"), key("general.name", TEXT, f"random {shape}"),
            key("llama.context_length", U32, 4096), key("llama.embedding_length", U32, width),
            key("llama.block_count", U32, layers), key("llama.feed_forward_length", U32, inner),
            key("llama.attention.head_count", U32, heads), key("llama.attention.head_count_kv", U32, kv_heads),
            key("llama.attention.layer_norm_rms_epsilon", F32, 1e-5), key("llama.rope.freq_base", F32, 10000.0),
            key("llama.rope.dimension_count", U32, width // heads), key("llama.vocab_size", U32, vocabulary),
            key("tokenizer.ggml.model", TEXT, "llama"), array("tokenizer.ggml.tokens", TEXT, pieces),
            array("tokenizer.ggml.scores", F32, [-float(i) for i in range(vocabulary)]),
            array("tokenizer.ggml.token_type", I32, kinds), key("tokenizer.ggml.bos_token_id", U32, 1),
            key("tokenizer.ggml.eos_token_id", U32, 2)]


def write(path, shape, kind, part=0, parts=1):
    """The model, tensor after tensor; matrices are of the type, norms f32. Of several parts this one has the
    keys, if it is the first, and every parts-th tensor."""
    everything = list(enumerate(tensors(shape)))
    head, infos, at = keys(shape) if part == 0 else [], [], 0
    if parts > 1:
        head += [key("split.no", U32, part), key("split.count", U32, parts),
                 key("split.tensors.count", U32, len(everything))]
    for _, (name, rows, columns, is_matrix) in everything[part::parts]:
        number, values, size = TYPES[kind if is_matrix else "f32"][:3]
        dims = (columns, rows) if is_matrix else (columns,)
        infos.append(text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, number, at))
        at += -(-(rows * columns // values * size) // ALIGN) * ALIGN
    with open(path, "wb") as f:
        f.write(b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(head)) + b"".join(head) + b"".join(infos))
        f.write(bytes(-f.tell() % ALIGN))
        for seed, (name, rows, columns, is_matrix) in everything[part::parts]:
            if is_matrix:
                raw = blocks(np.random.default_rng(seed), kind, rows * columns, 1.0 if "embd" in name else columns ** -0.5)
            else:
                raw = np.ones(columns, np.float32).tobytes()
            f.write(raw + bytes(-len(raw) % ALIGN))


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in SHAPES or sys.argv[2] not in TYPES:
        sys.exit(__doc__.strip())
    write(sys.argv[3], sys.argv[1], sys.argv[2])


if __name__ == "__main__":
    main()
