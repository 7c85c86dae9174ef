"""Writes tests/data/tiny_lm: a Llama of 23,000 random weights (f16) over bytes, as a Hugging Face folder.

What it says is noise, but the same noise everywhere: enough to test how text is asked for and given.
Needs nothing but Python.
"""
import json
import os
import random
import struct

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tiny_lm")
DIM, HEADS, KV, INNER, LAYERS, BYTES = 32, 4, 2, 48, 2, 256
SPECIAL = ["<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>"]
TEMPLATE = ("{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}"
            "{% if add_generation_prompt %}<|assistant|>{% endif %}")


def byte_names():
    """GPT-2's printable stand-ins for the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    names, spare = {b: chr(b) for b in plain}, 256
    for b in range(256):
        if b not in names:
            names[b], spare = chr(spare), spare + 1
    return [names[b] for b in range(256)]


def tokenizer():
    vocab = {n: i for i, n in enumerate(byte_names())}
    added = [{"id": BYTES + i, "content": t, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for i, t in enumerate(SPECIAL)]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    begin = {"id": "<s>", "ids": [BYTES], "tokens": ["<s>"]}
    post = {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": begin}}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
            "pre_tokenizer": level, "post_processor": post, "decoder": level,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                      "vocab": {**vocab, **{t: BYTES + i for i, t in enumerate(SPECIAL)}}, "merges": []}}


def tensors():
    r = random.Random(12)
    d, vocab = DIM // HEADS, BYTES + len(SPECIAL)

    def normal(rows, cols, scale):
        return (rows, cols), [r.gauss(0, scale) for _ in range(rows * cols)]

    yield "model.embed_tokens.weight", *normal(vocab, DIM, 1)
    for n in range(LAYERS):
        at = f"model.layers.{n}."
        for name, rows, cols in (("self_attn.q_proj", HEADS * d, DIM), ("self_attn.k_proj", KV * d, DIM),
                                 ("self_attn.v_proj", KV * d, DIM), ("self_attn.o_proj", DIM, HEADS * d),
                                 ("mlp.gate_proj", INNER, DIM), ("mlp.up_proj", INNER, DIM),
                                 ("mlp.down_proj", DIM, INNER)):
            yield at + name + ".weight", *normal(rows, cols, 0.4)
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield at + name + ".weight", (DIM,), [1.0] * DIM
    yield "model.norm.weight", (DIM,), [0.5] * DIM


def safetensors(path):
    head, data = {}, b""
    for name, shape, v in tensors():
        packed = struct.pack(f"<{len(v)}e", *v)
        head[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def write(name, value):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as f:
        json.dump(value, f, indent=1, ensure_ascii=True)
        f.write("\n")


os.makedirs(HERE, exist_ok=True)
write("config.json", {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": DIM,
                      "num_attention_heads": HEADS, "num_key_value_heads": KV, "num_hidden_layers": LAYERS,
                      "intermediate_size": INNER, "hidden_act": "silu", "rms_norm_eps": 1e-6,
                      "rope_theta": 10000.0, "max_position_embeddings": 256, "vocab_size": BYTES + len(SPECIAL),
                      "bos_token_id": BYTES, "eos_token_id": BYTES + 1, "tie_word_embeddings": True,
                      "torch_dtype": "float16"})
write("generation_config.json", {"temperature": 0.7, "top_p": 0.9, "do_sample": True})
write("tokenizer.json", tokenizer())
write("tokenizer_config.json", {"bos_token": "<s>", "eos_token": "</s>", "chat_template": TEMPLATE,
                                "tokenizer_class": "PreTrainedTokenizerFast"})
safetensors(os.path.join(HERE, "model.safetensors"))
