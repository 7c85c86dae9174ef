#!/usr/bin/env python3
"""A Hugging Face folder of float weights as a GGUF file in f32, with the names, keys and changes that
GGUF has for each family: hub_to_gguf.py FOLDER OUT.gguf. Needs numpy."""
import json
import math
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench"))
import numpy as np

from gguf_model import ALIGN, BOOL, F32, TEXT, U32, key, text

ARCHS = {"mistral": "llama", "mixtral": "llama", "gpt_neox": "gptneox", "qwen2_moe": "qwen2moe", "qwen3_moe": "qwen3moe",
         "gemma3_text": "gemma3"}
# what stands for the layers' names, most of them Llama's
NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "self_attn.qkv_proj": "attn_qkv", "self_attn.q_norm": "attn_q_norm",
         "self_attn.k_norm": "attn_k_norm", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "mlp.gate_up_proj": "ffn_up",
         "mlp.gate": "ffn_gate_inp", "block_sparse_moe.gate": "ffn_gate_inp", "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
         "mlp.shared_expert.gate_proj": "ffn_gate_shexp", "mlp.shared_expert.up_proj": "ffn_up_shexp",
         "mlp.shared_expert.down_proj": "ffn_down_shexp", "attention.query_key_value": "attn_qkv",
         "attention.dense": "attn_output", "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down",
         "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_1": "attn_norm", "ln_2": "ffn_norm",
         "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}
POST = {"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
        "post_feedforward_layernorm": "post_ffw_norm"}
ENDS = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "gpt_neox.embed_in": "token_embd",
        "gpt_neox.final_layer_norm": "output_norm", "embed_out": "output", "transformer.wte": "token_embd",
        "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm"}
EXPERTS = {"w1": "ffn_gate", "w2": "ffn_down", "w3": "ffn_up", "gate_proj": "ffn_gate", "up_proj": "ffn_up",
           "down_proj": "ffn_down"}


def load(folder):
    tensors = {}
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".safetensors")):
        with open(os.path.join(folder, name), "rb") as f:
            raw = f.read()
        size, = struct.unpack_from("<Q", raw)
        for k, v in json.loads(raw[8:8 + size]).items():
            if k != "__metadata__":
                a, b = (8 + size + i for i in v["data_offsets"])
                tensors[k] = np.frombuffer(raw[a:b], np.float32).reshape(v["shape"])
    return tensors


class Model:
    def __init__(self, folder):
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
            self.config = json.load(f)
        self.kind = self.config["model_type"]
        self.arch = ARCHS.get(self.kind, self.kind)
        self.heads = self.config.get("num_attention_heads") or self.config["n_head"]
        self.kv_heads = self.heads if self.kind in ("gpt2", "gpt_neox") else self.config.get("num_key_value_heads", self.heads)
        self.width = self.config.get("hidden_size") or self.config["n_embd"]
        self.d = self.config.get("head_dim") or self.width // self.heads
        self.tensors, self.experts = {}, {}

    def pairs(self, w, heads):
        """Rows of halves as neighbours: what GGUF does for Llama's queries and keys."""
        half = w.shape[0] // heads // 2
        return w.reshape(heads, 2, half, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)

    def change(self, name, w):
        """What GGUF's weights are of Hugging Face's."""
        if self.arch in ("llama", "granite") and name in ("attn_q", "attn_k"):
            return self.pairs(w, self.heads if name == "attn_q" else self.kv_heads)
        if self.arch in ("gemma2", "gemma3") and name.endswith("norm"):
            return w + 1
        if self.kind == "gpt2" and w.ndim == 2 and "embd" not in name:
            return w.T
        if self.kind == "gpt_neox" and name == "attn_qkv":
            return w.reshape(self.heads, 3, self.d, *w.shape[1:]).swapaxes(0, 1).reshape(w.shape)
        if name == "ffn_gate_inp_shexp":
            return w.reshape(-1)
        return w

    def add(self, full, w):
        stem, part = full.rsplit(".", 1)
        if stem in ENDS:
            self.tensors[f"{ENDS[stem]}.{part}"] = self.change(ENDS[stem], w)
            return
        words = stem.split(".")
        at = next(i for i, word in enumerate(words) if word.isdigit())
        layer, rest = words[at], ".".join(words[at + 1:])
        if ".experts." in stem:
            expert, name = int(words[-2]), EXPERTS[words[-1]]
            self.experts.setdefault(f"blk.{layer}.{name}", {})[expert] = w
            return
        post = self.arch in ("gemma2", "gemma3", "olmo2") and rest in POST
        name = POST[rest] if post else NAMES[rest]
        self.tensors[f"blk.{layer}.{name}.{part}"] = self.change(name, w)

    def finish(self, split):
        """Experts as one tensor, or, as older files have them, as one each."""
        for name, w in self.experts.items():
            if split:
                self.tensors.update({f"{name}.{e}.weight": w[e] for e in w})
            else:
                self.tensors[f"{name}_exps.weight"] = np.stack([w[e] for e in sorted(w)])
        rope = self.config.get("rope_parameters") or {}
        if rope.get("rope_type") == "llama3":
            self.tensors["rope_freqs.weight"] = self.llama3(rope)

    def llama3(self, rope):
        base, old = rope["rope_theta"], rope["original_max_position_embeddings"]
        low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
        divide = []
        for i in range(self.d // 2):
            turns = old * base ** (-2 * i / self.d) / (2 * math.pi)
            smooth = min(max((turns - low) / (high - low), 0), 1)
            divide.append(1 / ((1 - smooth) / factor + smooth))
        return np.array(divide, np.float32)

    def keys(self):
        c, rope = self.config, self.config.get("rope_parameters") or {}
        rope = rope.get("full_attention", rope)
        rms = "rms_norm_eps" in c
        eps = c.get("rms_norm_eps") or c.get("layer_norm_eps") or c.get("layer_norm_epsilon")
        turned = int(self.d * rope.get("partial_rotary_factor", 1))
        wanted = [("context_length", U32, c.get("max_position_embeddings") or c.get("n_positions")),
                  ("embedding_length", U32, self.width), ("block_count", U32, c.get("num_hidden_layers") or c.get("n_layer")),
                  ("vocab_size", U32, c["vocab_size"]),
                  ("feed_forward_length", U32, c.get("intermediate_size") or 4 * self.width),
                  ("attention.head_count", U32, self.heads), ("attention.head_count_kv", U32, self.kv_heads),
                  ("attention.key_length", U32, c.get("head_dim")), ("attention.value_length", U32, c.get("head_dim")),
                  ("attention.layer_norm_rms_epsilon" if rms else "attention.layer_norm_epsilon", F32, eps),
                  ("rope.dimension_count", U32, turned), ("rope.freq_base", F32, rope.get("rope_theta")),
                  ("attention.sliding_window", U32, c.get("sliding_window") or None),
                  ("use_parallel_residual", BOOL, c.get("use_parallel_residual")),
                  ("expert_count", U32, c.get("num_experts") or c.get("num_local_experts")),
                  ("expert_used_count", U32, c.get("num_experts_per_tok")),
                  ("expert_feed_forward_length", U32, c.get("moe_intermediate_size")),
                  ("expert_shared_feed_forward_length", U32, c.get("shared_expert_intermediate_size")),
                  ("attn_logit_softcapping", F32, c.get("attn_logit_softcapping")),
                  ("final_logit_softcapping", F32, c.get("final_logit_softcapping")),
                  ("embedding_scale", F32, c.get("embedding_multiplier")), ("residual_scale", F32, c.get("residual_multiplier")),
                  ("attention.scale", F32, c.get("attention_multiplier")), ("logit_scale", F32, c.get("logits_scaling"))]
        if self.arch.startswith("qwen") and self.arch.endswith("moe"):
            wanted.append(("expert_weights_norm", BOOL, c["norm_topk_prob"]))
        if rope.get("rope_type") == "yarn":
            wanted += [("rope.scaling.type", TEXT, "yarn"), ("rope.scaling.factor", F32, rope["factor"]),
                       ("rope.scaling.original_context_length", U32, rope["original_max_position_embeddings"])]
        fixed = [key("general.architecture", TEXT, self.arch), key("tokenizer.ggml.model", TEXT, "no_vocab")]
        return fixed + [key(f"{self.arch}.{n}", kind, v) for n, kind, v in wanted if v is not None]


def write(path, model):
    infos, at = [], 0
    for name, w in model.tensors.items():
        dims = w.shape[::-1]
        infos.append(text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, 0, at))
        at += -(-4 * w.size // ALIGN) * ALIGN
    keys = model.keys()
    with open(path, "wb") as f:
        f.write(b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(keys)) + b"".join(keys) + b"".join(infos))
        f.write(bytes(-f.tell() % ALIGN))
        for w in model.tensors.values():
            raw = np.ascontiguousarray(w, np.float32).tobytes()
            f.write(raw + bytes(-len(raw) % ALIGN))


def main():
    model = Model(sys.argv[1])
    for name, w in load(sys.argv[1]).items():
        model.add(name, w)
    model.finish("--split" in sys.argv[3:])
    write(sys.argv[2], model)


if __name__ == "__main__":
    main()
