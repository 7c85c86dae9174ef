#!/usr/bin/env python3
"""Make tiny checkpoints of every decoder family and what they compute, with NumPy alone.

Each folder is one as Hugging Face's hub has it (config.json, model.safetensors or shards) with
golden.npz: ids, logits [T, V], greedy (16 ids) and margin (of the two best logits, over the largest
magnitude). Sizes are odd on purpose: widths that are no multiple of 16, odd vocabularies, heads whose
size is not width / heads, one key head. The forward pass here is float64, written from the papers'
formulas, one token's query against all keys; it shares nothing with the runtime.

    python3 tests/llm/data/make.py          rewrites all folders beside this file
"""
import json
import math
import os
import shutil
import struct

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


# ---- the forward pass ----

def rms(x, g, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * g


def layer(x, g, b, eps):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * g + b


ACTS = {
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
    "gelu_tanh": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))),
}


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def turn(x, frequencies, magnitude):
    """x [T, H, d]: pairs (i, i + half) of the first 2 half elements."""
    half = len(frequencies)
    angle = np.arange(len(x))[:, None, None] * frequencies
    cos, sin = np.cos(angle) * magnitude, np.sin(angle) * magnitude
    a, b, rest = x[..., :half], x[..., half:2 * half], x[..., 2 * half:]
    return np.concatenate([a * cos - b * sin, a * sin + b * cos, rest], -1)


class Model:
    """A decoder by its sizes `s` (see FAMILIES) and weights `w` by our own names."""

    def __init__(self, s, w):
        self.s, self.w = s, w

    def norm(self, x, name):
        s, w = self.s, self.w
        if name + ".g" not in w:
            return x
        g = w[name + ".g"] + s.get("norm_add", 0)
        return layer(x, g, w.get(name + ".b", 0), s["eps"]) if s.get("layer_norm") else rms(x, g, s["eps"])

    def linear(self, x, name):
        return x @ self.w[name].T + self.w.get(name + ".bias", 0)

    def heads_norm(self, x, name, heads):
        s, w = self.s, self.w
        kind = s.get("qk_norm")
        if not kind:
            return x
        g = w[name + ".g"] + s.get("norm_add", 0)
        if kind == "whole":
            return rms(x, g, s["eps"])
        x = x.reshape(len(x), heads, -1)
        x = layer(x, g.reshape(heads, -1), 0, s["eps"]) if kind == "heads" else rms(x, g, s["eps"])
        return x.reshape(len(x), -1)

    def attention(self, x, i):
        s = self.s
        n, kv, d, p = s["heads"], s["kv"], s["d"], f"{i}."
        q = self.heads_norm(self.linear(x, p + "q"), p + "q_norm", n).reshape(-1, n, d)
        k = self.heads_norm(self.linear(x, p + "k"), p + "k_norm", kv).reshape(-1, kv, d)
        v = self.linear(x, p + "v").reshape(-1, kv, d)
        if s["rope"][i] is not None:
            q, k = turn(q, *s["rope"][i]), turn(k, *s["rope"][i])
        scale = s.get("scale", [d ** -0.5] * s["layers"])[i]
        out = np.zeros((len(x), n, d))
        for t in range(len(x)):
            first = max(0, t - s["window"][i] + 1) if s["window"][i] else 0
            for h in range(n):
                scores = k[first:t + 1, h * kv // n] @ q[t, h] * scale
                if s.get("attn_cap"):
                    scores = s["attn_cap"] * np.tanh(scores / s["attn_cap"])
                out[t, h] = softmax(scores) @ v[first:t + 1, h * kv // n]
        return self.linear(out.reshape(len(x), -1), p + "o")

    def mlp(self, x, name):
        act = ACTS[self.s["act"]]
        if name + "gate" in self.w:
            return self.linear(act(self.linear(x, name + "gate")) * self.linear(x, name + "up"), name + "down")
        return self.linear(act(self.linear(x, name + "up")), name + "down")

    def feed_forward(self, x, i):
        s, p = self.s, f"{i}."
        if p + "router" not in self.w:
            return self.mlp(x, p)
        logits, out = self.linear(x, p + "router"), np.zeros_like(x)
        all_of = softmax(logits)
        for t in range(len(x)):
            best = np.argsort(-logits[t], kind="stable")[:s["top"]]
            weight = softmax(logits[t, best]) if s["renormalise"] else all_of[t, best]
            for e, by in zip(best, weight):
                out[t] += by * self.mlp(x[t:t + 1], f"{p}{e}.")[0]
        if p + "shared_gate" in self.w:
            out += self.mlp(x, p + "shared.") / (1 + np.exp(-self.linear(x, p + "shared_gate")))
        return out

    def logits(self, ids):
        s, w = self.s, self.w
        h = w["embed"][ids] * s.get("embed_scale", 1)
        if "positions" in w:
            h = h + w["positions"][:len(ids)]
        by = s.get("residual_scale", 1)
        for i in range(s["layers"]):
            x = self.norm(h, f"{i}.attn_norm")
            a = self.norm(self.attention(x, i), f"{i}.attn_post")
            if s.get("parallel"):
                y = self.norm(h, f"{i}.mlp_norm") if f"{i}.mlp_norm.g" in w else x
                h = h + by * (a + self.feed_forward(y, i))
                continue
            h = h + by * a
            h = h + by * self.norm(self.feed_forward(self.norm(h, f"{i}.mlp_norm"), i), f"{i}.mlp_post")
        y = self.norm(h, "norm") @ w.get("output", w["embed"]).T * s.get("logit_scale", 1)
        return s["final_cap"] * np.tanh(y / s["final_cap"]) if s.get("final_cap") else y


# ---- rotary frequencies ----

def plain(base, rotary):
    return base ** (-np.arange(0, rotary, 2) / rotary)


def llama3(base, rotary, factor, low, high, context):
    w = plain(base, rotary)
    wavelength = 2 * np.pi / w
    smooth = (context / wavelength - low) / (high - low)
    mixed = (1 - smooth) * w / factor + smooth * w
    return np.where(wavelength > context / low, w / factor, np.where(wavelength < context / high, w, mixed))


def yarn(base, rotary, factor, context, fast=32, slow=1):
    def pair(turns):
        return rotary * math.log(context / (turns * 2 * math.pi)) / (2 * math.log(base))
    low, high = max(math.floor(pair(fast)), 0), min(math.ceil(pair(slow)), rotary - 1)
    ramp = np.clip((np.arange(rotary // 2) - low) / max(high - low, 0.001), 0, 1)
    w = plain(base, rotary)
    return w / factor * ramp + w * (1 - ramp)


# ---- making weights ----

class Maker:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def matrix(self, n, k):
        return (self.rng.normal(size=(n, k)) / math.sqrt(k)).astype(np.float32)

    def vector(self, n, around=0.0):
        return (around + 0.2 * self.rng.normal(size=n)).astype(np.float32)

    def weights(self, s):
        """Everything that the sizes ask for, by our own names."""
        w, width, d = {}, s["width"], s["d"]
        w["embed"] = (self.rng.normal(size=(s["vocab"], width)) * s.get("embed_by", 1)).astype(np.float32)
        if not s.get("tied"):
            w["output"] = self.matrix(s["vocab"], width)
        if s.get("positions"):
            w["positions"] = self.matrix(s["positions"], width)
        one = 0.0 if s.get("norm_add") else 1.0

        def norm(name, n=width, beta=None):
            w[name + ".g"] = self.vector(n, one)
            if s.get("layer_norm") if beta is None else beta:
                w[name + ".b"] = self.vector(n)

        def linear(name, n, k, bias=False):
            w[name] = self.matrix(n, k)
            if bias:
                w[name + ".bias"] = self.vector(n)

        def mlp(name, inner):
            if not s.get("ungated"):
                linear(name + "gate", inner, width, s.get("mlp_bias"))
            linear(name + "up", inner, width, s.get("mlp_bias"))
            linear(name + "down", width, inner, s.get("mlp_bias"))

        norm("norm")
        for i in range(s["layers"]):
            p = f"{i}."
            for name in s["norms"]:
                norm(p + name)
            linear(p + "q", s["heads"] * d, width, s.get("qkv_bias"))
            linear(p + "k", s["kv"] * d, width, s.get("qkv_bias"))
            linear(p + "v", s["kv"] * d, width, s.get("qkv_bias"))
            linear(p + "o", width, s["heads"] * d, s.get("o_bias"))
            for name, heads in (("q_norm", s["heads"]), ("k_norm", s["kv"])):
                if s.get("qk_norm"):
                    norm(p + name, d if s["qk_norm"] == "head" else heads * d, False)
            if s.get("experts") and i not in s.get("dense", ()):
                linear(p + "router", s["experts"], width)
                for e in range(s["experts"]):
                    mlp(f"{p}{e}.", s["expert_inner"])
                if s.get("shared_inner"):
                    mlp(p + "shared.", s["shared_inner"])
                    linear(p + "shared_gate", 1, width)
            else:
                mlp(p, s["inner"])
        return w


# ---- writing ----

def bf16(x):
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7fff + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def as_stored(x, dtype):
    if dtype == "BF16":
        return (bf16(x).astype(np.uint32) << 16).view(np.float32)
    return x.astype({"F32": np.float32, "F16": np.float16}[dtype]).astype(np.float32)


def write_safetensors(path, tensors, dtype):
    header, blobs, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, x in tensors.items():
        blob = (bf16(x) if dtype == "BF16" else x.astype({"F32": "<f4", "F16": "<f2"}[dtype])).tobytes()
        header[name] = {"dtype": dtype, "shape": list(x.shape), "data_offsets": [at, at + len(blob)]}
        at += len(blob)
        blobs.append(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def write(name, config, s, tensors_of, seed, dtype="F32", shards=1, generation=None):
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    w = {k: as_stored(v, dtype) for k, v in Maker(seed).weights(s).items()}
    tensors = tensors_of(w, s)
    names = list(tensors)
    if shards == 1:
        write_safetensors(f"{folder}/model.safetensors", tensors, dtype)
    else:
        files = [f"model-{i + 1:05d}-of-{shards:05d}.safetensors" for i in range(shards)]
        place = {n: files[i * shards // len(names)] for i, n in enumerate(names)}
        for file in files:
            write_safetensors(f"{folder}/{file}", {n: tensors[n] for n in names if place[n] == file}, dtype)
        json.dump({"metadata": {}, "weight_map": place}, open(f"{folder}/model.safetensors.index.json", "w"))
    json.dump(config, open(f"{folder}/config.json", "w"), indent=1)
    json.dump(generation or {"bos_token_id": 1, "eos_token_id": [2, 3]},
              open(f"{folder}/generation_config.json", "w"))
    model = Model(s, {k: v.astype(np.float64) for k, v in w.items()})
    ids = np.random.default_rng(seed + 1000).integers(0, s["vocab"], 21)
    logits, greedy, margin = model.logits(ids), [], []
    text = list(ids)
    for _ in range(16):
        last = model.logits(np.array(text))[-1]
        two = np.sort(last)[-2:]
        greedy.append(int(last.argmax()))
        margin.append((two[1] - two[0]) / np.abs(last).max())
        text.append(greedy[-1])
    np.savez_compressed(f"{folder}/golden.npz", ids=ids.astype(np.int64), logits=logits.astype(np.float32),
                        greedy=np.array(greedy, np.int64), margin=np.array(margin, np.float32))


# ---- names of the hub ----

def put(t, w, name, ours):
    t[name + ".weight"] = w[ours]
    if ours + ".bias" in w:
        t[name + ".bias"] = w[ours + ".bias"]


def put_norm(t, w, name, ours):
    if ours + ".g" in w:
        t[name + ".weight"] = w[ours + ".g"]
    if ours + ".b" in w:
        t[name + ".bias"] = w[ours + ".b"]


def put_mlp(t, w, name, ours, names=("gate_proj", "up_proj", "down_proj")):
    for theirs, our in zip(names, ("gate", "up", "down")):
        put(t, w, f"{name}.{theirs}", ours + our)


def llama_names(root="model.", norms=None, moe=None, stacked=False):
    """Names as Llama has them. norms: ours -> theirs; moe: (router, experts, three products)."""
    norms = norms or {"attn_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm"}

    def tensors(w, s):
        t = {root + "embed_tokens.weight": w["embed"]}
        for i in range(s["layers"]):
            at, p = f"{root}layers.{i}.", f"{i}."
            for our, theirs in norms.items():
                put_norm(t, w, at + theirs, p + our)
            for x in "qkvo":
                put(t, w, f"{at}self_attn.{x}_proj", p + x)
            for x in "qk":
                if s.get("qk_norm") == "heads":
                    for h, g in enumerate(w[f"{p}{x}_norm.g"].reshape(-1, s["d"])):
                        t[f"{at}self_attn.{x}_layernorm.norms.{h}.weight"] = g
                else:
                    put_norm(t, w, f"{at}self_attn.{x}_norm", f"{p}{x}_norm")
            if p + "router" not in w:
                put_mlp(t, w, at + "mlp", p)
                continue
            router, experts, products = moe
            put(t, w, at + router, p + "router")
            many = range(s["experts"])
            if stacked:
                both = [np.concatenate([w[f"{p}{e}.gate"], w[f"{p}{e}.up"]]) for e in many]
                t[at + experts + ".gate_up_proj"] = np.stack(both)
                t[at + experts + ".down_proj"] = np.stack([w[f"{p}{e}.down"] for e in many])
            else:
                for e in many:
                    put_mlp(t, w, f"{at}{experts}.{e}", f"{p}{e}.", products)
            if p + "shared_gate" in w:
                put_mlp(t, w, at + "mlp.shared_expert", p + "shared.")
                put(t, w, at + "mlp.shared_expert_gate", p + "shared_gate")
        put_norm(t, w, root + "norm", "norm")
        if "output" in w:
            t["lm_head.weight"] = w["output"]
        return t
    return tensors


def phi3_names(w, s):
    t = llama_names()({k: v for k, v in w.items()}, s)
    for i in range(s["layers"]):
        at = f"model.layers.{i}."
        t[at + "self_attn.qkv_proj.weight"] = np.concatenate(
            [t.pop(f"{at}self_attn.{x}_proj.weight") for x in "qkv"])
        t[at + "mlp.gate_up_proj.weight"] = np.concatenate(
            [t.pop(f"{at}mlp.{x}_proj.weight") for x in ("gate", "up")])
    return t


def neox_names(w, s):
    t = {"gpt_neox.embed_in.weight": w["embed"], "embed_out.weight": w["output"]}
    put_norm(t, w, "gpt_neox.final_layer_norm", "norm")
    for i in range(s["layers"]):
        at, p = f"gpt_neox.layers.{i}.", f"{i}."
        put_norm(t, w, at + "input_layernorm", p + "attn_norm")
        put_norm(t, w, at + "post_attention_layernorm", p + "mlp_norm")
        for end in ("", ".bias"):
            parts = [w[f"{p}{x}{end}"].reshape(s["heads"], s["d"], -1) for x in "qkv"]
            both = np.stack(parts, 1)  # [heads, 3, d, k]
            kind = ".bias" if end else ".weight"
            t[f"{at}attention.query_key_value{kind}"] = both.reshape(-1) if end else both.reshape(-1, s["width"])
        put(t, w, at + "attention.dense", p + "o")
        put(t, w, at + "mlp.dense_h_to_4h", p + "up")
        put(t, w, at + "mlp.dense_4h_to_h", p + "down")
        t[at + "attention.rotary_emb.inv_freq"] = np.zeros(4, np.float32)  # old checkpoints have it
    return t


def gpt2_names(root):
    def tensors(w, s):
        t = {root + "wte.weight": w["embed"], root + "wpe.weight": w["positions"]}
        put_norm(t, w, root + "ln_f", "norm")
        for i in range(s["layers"]):
            at, p = f"{root}h.{i}.", f"{i}."
            put_norm(t, w, at + "ln_1", p + "attn_norm")
            put_norm(t, w, at + "ln_2", p + "mlp_norm")
            t[at + "attn.c_attn.weight"] = np.concatenate([w[p + x].T for x in "qkv"], 1)
            t[at + "attn.c_attn.bias"] = np.concatenate([w[f"{p}{x}.bias"] for x in "qkv"])
            for theirs, our in (("attn.c_proj", "o"), ("mlp.c_fc", "up"), ("mlp.c_proj", "down")):
                t[f"{at}{theirs}.weight"] = np.ascontiguousarray(w[p + our].T)
                t[f"{at}{theirs}.bias"] = w[p + our + ".bias"]
        return t
    return tensors


# ---- the checkpoints ----

def sizes(width=20, heads=4, kv=2, d=6, inner=28, vocab=53, layers=2, rotary=None, base=10000.0, **more):
    rope = None if base is None else (plain(base, rotary or d), 1.0)
    s = dict(width=width, heads=heads, kv=kv, d=d, inner=inner, vocab=vocab, layers=layers, eps=1e-5, act="silu",
             norms=("attn_norm", "mlp_norm"), rope=[rope] * layers, window=[0] * layers)
    s.update(more)
    return s


def config(kind, s, **more):
    c = dict(model_type=kind, hidden_size=s["width"], num_attention_heads=s["heads"], num_key_value_heads=s["kv"],
             head_dim=s["d"], intermediate_size=s["inner"], vocab_size=s["vocab"], num_hidden_layers=s["layers"],
             max_position_embeddings=128, rms_norm_eps=s["eps"], hidden_act="silu",
             tie_word_embeddings=bool(s.get("tied")))
    c.update(more)
    return {k: v for k, v in c.items() if v != "absent"}


def llamas():
    s = sizes(kv=1, vocab=61, tied=True)
    write("llama-mqa", config("llama", s, rope_theta=10000.0, torch_dtype="bfloat16"), s, llama_names(), 1, "BF16", 3)
    s = sizes(width=24, heads=3, kv=3, d=8, qkv_bias=True, o_bias=True, mlp_bias=True,
              rope=[(llama3(5e5, 8, 8.0, 1.0, 4.0, 32), 1.0)] * 2)
    write("llama-rope3", config("llama", s, head_dim="absent", attention_bias=True, mlp_bias=True, rope_theta=5e5,
                                num_key_value_heads="absent",
                                rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0,
                                                  high_freq_factor=4.0, original_max_position_embeddings=32)),
          s, llama_names(), 2, "F16")
    by = 1.25
    s = sizes(d=16, rope=[(yarn(10000.0, 16, 4.0, 32), by)] * 2)
    write("llama-yarn", config("llama", s, rope_parameters=dict(rope_type="yarn", rope_theta=10000.0, factor=4.0,
                                                                attention_factor=by,
                                                                original_max_position_embeddings=32)),
          s, llama_names(root=""), 3)
    s = sizes(d=8, rope=[(plain(1e4, 8) / 3, 1.0)] * 2, window=[5, 5])
    write("mistral-linear", config("mistral", s, sliding_window=5, rope_scaling=dict(type="linear", factor=3)),
          s, llama_names(), 4)


def qwens():
    s = sizes(d=5 * 2, qkv_bias=True, layers=3, window=[0, 0, 4])
    write("qwen2-late", config("qwen2", s, head_dim=10, use_sliding_window=True, sliding_window=4, max_window_layers=2,
                               rope_parameters=dict(rope_theta=1e4, rope_type="default")), s, llama_names(), 5)
    moe = dict(experts=5, expert_inner=9, top=2, shared_inner=11)
    theirs = ("mlp.gate", "mlp.experts", ("gate_proj", "up_proj", "down_proj"))
    s = sizes(qkv_bias=True, renormalise=False, dense=(0,), layers=3, **moe)
    write("qwen2-moe", config("qwen2_moe", s, num_experts=5, num_experts_per_tok=2, moe_intermediate_size=9,
                              shared_expert_intermediate_size=11, mlp_only_layers=[0], norm_topk_prob=False),
          s, llama_names(moe=theirs), 6)
    s = sizes(kv=4, qk_norm="head", tied=True)
    write("qwen3", config("qwen3", s, layer_types=["full_attention"] * 2), s, llama_names(), 7)
    del moe["shared_inner"]
    s = sizes(qk_norm="head", renormalise=True, **moe)
    write("qwen3-moe", config("qwen3_moe", s, num_local_experts=5, num_experts_per_tok=2, moe_intermediate_size=9,
                              norm_topk_prob=True), s, llama_names(moe=theirs, stacked=True), 8)
    s = sizes(renormalise=True, window=[3, 3], **moe)
    write("mixtral", config("mixtral", s, num_local_experts=5, num_experts_per_tok=2, sliding_window=3,
                            intermediate_size=9, rope_theta=10000.0), s,
          llama_names(moe=("block_sparse_moe.gate", "block_sparse_moe.experts", ("w1", "w3", "w2"))), 9)


def gemmas():
    both = ("attn_norm", "attn_post", "mlp_norm", "mlp_post")
    norms = {"attn_norm": "input_layernorm", "attn_post": "post_attention_layernorm",
             "mlp_norm": "pre_feedforward_layernorm", "mlp_post": "post_feedforward_layernorm"}
    common = dict(norm_add=1, act="gelu_tanh", tied=True, embed_scale=math.sqrt(20), embed_by=0.3)
    s = sizes(kv=1, **common)
    write("gemma", config("gemma", s, tie_word_embeddings="absent", hidden_act="gelu"), s, llama_names(), 10)
    s = sizes(norms=both, layers=3, window=[4, 0, 4], attn_cap=5.0, final_cap=7.0, scale=[10 ** -0.5] * 3, **common)
    write("gemma2", config("gemma2", s, tie_word_embeddings="absent", hidden_activation="gelu_pytorch_tanh",
                           sliding_window=4, attn_logit_softcapping=5.0, final_logit_softcapping=7.0,
                           query_pre_attn_scalar=10), s, llama_names(norms=norms), 11)
    near, far = (plain(1e4, 6), 1.0), (plain(1e6, 6) / 8, 1.0)
    s = sizes(norms=both, layers=3, window=[4, 4, 0], rope=[near, near, far], qk_norm="head",
              scale=[6 ** -0.5] * 3, **common)
    text = config("gemma3_text", s, tie_word_embeddings="absent", hidden_activation="gelu_pytorch_tanh",
                  sliding_window=4, sliding_window_pattern=3, query_pre_attn_scalar=6, rope_theta=1e6,
                  rope_local_base_freq=1e4, rope_scaling=dict(rope_type="linear", factor=8.0))
    write("gemma3-images", dict(model_type="gemma3", architectures=["Gemma3ForConditionalGeneration"], text_config=text),
          s, llama_names(root="language_model.model.", norms=norms), 12, "BF16")


def others():
    short = [1.0 + 0.25 * i for i in range(2)]
    s = sizes(rope=[(plain(1e4, 4) / np.array(short, np.float32).astype(np.float64),
                     math.sqrt(1 + math.log(4) / math.log(32)))] * 2)
    write("phi3-long", config("phi3", s, num_key_value_heads=2, partial_rotary_factor=0.7,
                              original_max_position_embeddings=32, sliding_window=None,
                              rope_scaling=dict(type="longrope", short_factor=short, long_factor=[9.0, 9.0])),
          s, phi3_names, 13)
    s = sizes(norms=("attn_post", "mlp_post"), qk_norm="whole")
    write("olmo2", config("olmo2", s), s,
          llama_names(norms={"attn_post": "post_attention_layernorm", "mlp_post": "post_feedforward_layernorm"}), 14)
    s = sizes(d=8, rotary=4, layer_norm=True, qkv_bias=True)
    write("stablelm", config("stablelm", s, layer_norm_eps=1e-5, use_qkv_bias=True, partial_rotary_factor=0.5),
          s, llama_names(), 15)
    s = sizes(d=8, rotary=2, layer_norm=True, parallel=True, qk_norm="heads", norms=("attn_norm",))
    write("stablelm-parallel", config("stablelm", s, layer_norm_eps=1e-5, qk_layernorm=True,
                                      use_parallel_residual=True), s, llama_names(), 16)
    s = sizes(width=21, inner=27, embed_scale=3.0, residual_scale=0.3, scale=[0.4] * 2, logit_scale=1 / 5, o_bias=True, qkv_bias=True)
    write("granite", config("granite", s, embedding_multiplier=3.0, residual_multiplier=0.3, attention_multiplier=0.4,
                            logits_scaling=5.0, attention_bias=True), s, llama_names(), 17)
    for name, parallel, rotary, seed in (("gpt-neox", True, 4, 18), ("gpt-neox-serial", False, 3, 19)):
        s = sizes(heads=3, kv=3, width=24, d=8, rotary=rotary, layer_norm=True, parallel=parallel, ungated=True, act="gelu",
                  qkv_bias=True, o_bias=True, mlp_bias=True)
        write(name, config("gpt_neox", s, hidden_act="gelu", layer_norm_eps=1e-5, use_parallel_residual=parallel,
                           rotary_pct=rotary / 8, rotary_emb_base=10000, head_dim="absent", num_key_value_heads="absent"),
              s, neox_names, seed)
    for name, root, by_layer, seed in (("gpt2", "transformer.", False, 20), ("gpt2-by-layer", "", True, 21)):
        s = sizes(heads=4, kv=4, width=20, d=5, base=None, layer_norm=True, ungated=True, act="gelu_tanh", tied=True,
                  qkv_bias=True, o_bias=True, mlp_bias=True, positions=64, inner=30,
                  scale=[5 ** -0.5 / (i + 1 if by_layer else 1) for i in range(2)])
        write(name, dict(model_type="gpt2", n_embd=20, n_head=4, n_layer=2, n_positions=64, n_inner=30,
                         vocab_size=s["vocab"], layer_norm_epsilon=1e-5, activation_function="gelu_new",
                         scale_attn_by_inverse_layer_idx=by_layer, eos_token_id=50256), s, gpt2_names(root), seed)


if __name__ == "__main__":
    llamas()
    qwens()
    gemmas()
    others()
