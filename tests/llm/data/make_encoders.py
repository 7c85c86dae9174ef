"""make_encoders.py - the two small encoders of this folder (random weights, for the tests of embedders and of the
commands): `encoder`, as sentence-transformers keep one, and `reranker`, a cross-encoder with one class. Their tokenizer is
tests/text/data/wordpiece.json. Run in this folder."""
import json, os, struct
import numpy as np

rng = np.random.default_rng(11)
WIDTH, INNER, VOCAB, CONTEXT, LAYERS = 16, 24, 600, 24, 2


def weights(root, pooler):
    w = {}
    def add(name, *shape, scale=0.3): w[name] = (rng.normal(0, scale, shape)).astype(np.float16)
    def norm(name): w[name + ".weight"] = np.ones(WIDTH, np.float16); add(name + ".bias", WIDTH, scale=0.1)
    def linear(name, n, k): add(name + ".weight", n, k); add(name + ".bias", n, scale=0.1)
    e = root + "embeddings."
    add(e + "word_embeddings.weight", VOCAB, WIDTH, scale=1); add(e + "position_embeddings.weight", CONTEXT, WIDTH)
    add(e + "token_type_embeddings.weight", 2, WIDTH); norm(e + "LayerNorm")
    for i in range(LAYERS):
        p = f"{root}encoder.layer.{i}."
        for z in ("self.query", "self.key", "self.value", "output.dense"): linear(p + "attention." + z, WIDTH, WIDTH)
        norm(p + "attention.output.LayerNorm"); norm(p + "output.LayerNorm")
        linear(p + "intermediate.dense", INNER, WIDTH); linear(p + "output.dense", WIDTH, INNER)
    if pooler: linear(root + "pooler.dense", WIDTH, WIDTH); linear("classifier", 1, WIDTH)
    return w


def save(folder, w, config):
    os.makedirs(folder, exist_ok=True)
    head, at = {}, 0
    for k, v in w.items():
        head[k] = {"dtype": "F16", "shape": list(v.shape), "data_offsets": [at, at + v.nbytes]}; at += v.nbytes
    text = json.dumps(head).encode(); text += b" " * (-len(text) % 8)
    with open(folder + "/model.safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for v in w.values(): f.write(v.tobytes())
    put(folder + "/config.json", {"model_type": "bert", "hidden_size": WIDTH, "num_attention_heads": 2, "num_hidden_layers": LAYERS,
        "intermediate_size": INNER, "hidden_act": "gelu", "vocab_size": VOCAB, "max_position_embeddings": CONTEXT, "type_vocab_size": 2,
        "layer_norm_eps": 1e-12, "pad_token_id": 0, **config})


def put(path, v):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f: f.write(json.dumps(v, indent=1) + "\n")


save("encoder", weights("", False), {"architectures": ["BertModel"]})
put("encoder/modules.json", [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                             {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
                             {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])
put("encoder/1_Pooling/config.json", {"word_embedding_dimension": WIDTH, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False})
put("encoder/sentence_bert_config.json", {"max_seq_length": 20, "do_lower_case": False})
save("reranker", weights("bert.", True), {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "relevant"}})
