"""make_encoders.py - the small encoders of this folder, with random weights: `encoder`, as sentence-transformers keep one, and
`reranker`, a cross-encoder with one class, for the tests of embedders and of the commands (their tokenizer is
tests/text/data/wordpiece.json); and one of each other family, for fuzzing. Run in this folder."""
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


def small(folder, config, parts):
    """parts: name -> shape; a norm's weight is 1."""
    save(folder, {k: np.ones(n, np.float16) if "orm.weight" in k else rng.normal(0, 0.3, n).astype(np.float16) for k, n in parts.items()},
         {"vocab_size": 24, "max_position_embeddings": 12, "hidden_size": 8, "num_hidden_layers": 1, "intermediate_size": 12, "pad_token_id": 1, **config})


def bias(*parts): return {k + e: n if e == ".weight" else n[:1] for k, n in parts for e in (".weight", ".bias")}


D, I = 8, 12
EMBED = {"embeddings.word_embeddings.weight": (24, D), "embeddings.position_embeddings.weight": (12, D), **bias(("embeddings.LayerNorm", (D,)))}
TYPES = {"embeddings.token_type_embeddings.weight": (1, D)}


def layer(at, qkvo, norms, up, down):
    return bias(*[(at + z, (D, D)) for z in qkvo], *[(at + z, (D,)) for z in norms], (at + up, (I, D)), (at + down, (D, I)))


BERT = layer("encoder.layer.0.", ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"],
             ["attention.output.LayerNorm", "output.LayerNorm"], "intermediate.dense", "output.dense")
small("roberta-tokens", {"model_type": "roberta", "architectures": ["RobertaForTokenClassification"], "id2label": {"0": "O", "1": "B"}},
      {**{"roberta." + k: n for k, n in {**EMBED, **TYPES, **BERT}.items()}, **bias(("classifier", (2, D)))})
small("distilbert", {"model_type": "distilbert", "architectures": ["DistilBertForSequenceClassification"], "dim": D, "n_heads": 2, "n_layers": 1},
      {**{"distilbert." + k: n for k, n in {**EMBED, **layer("transformer.layer.0.", ["attention.q_lin", "attention.k_lin", "attention.v_lin",
       "attention.out_lin"], ["sa_layer_norm", "output_layer_norm"], "ffn.lin1", "ffn.lin2")}.items()},
       **bias(("pre_classifier", (D, D)), ("classifier", (2, D)))})
small("mpnet", {"model_type": "mpnet", "architectures": ["MPNetForMaskedLM"]},
      {**{"mpnet." + k: n for k, n in {**EMBED, **layer("encoder.layer.0.", ["attention.attn.q", "attention.attn.k", "attention.attn.v",
       "attention.attn.o"], ["attention.LayerNorm", "output.LayerNorm"], "intermediate.dense", "output.dense")}.items()},
       "mpnet.encoder.relative_attention_bias.weight": (32, 2)})
small("modernbert", {"model_type": "modernbert", "architectures": ["ModernBertForSequenceClassification"], "num_hidden_layers": 2, "local_attention": 4,
                     "global_attn_every_n_layers": 2, "classifier_pooling": "mean", "hidden_activation": "gelu"},
      {"model.embeddings.tok_embeddings.weight": (24, D), "model.embeddings.norm.weight": (D,), "model.final_norm.weight": (D,), "model.layers.1.attn_norm.weight": (D,),
       **{f"model.layers.{i}.{k}": n for i in range(2) for k, n in {"mlp_norm.weight": (D,), "attn.Wqkv.weight": (3 * D, D), "attn.Wo.weight": (D, D),
          "mlp.Wi.weight": (2 * I, D), "mlp.Wo.weight": (D, I)}.items()},
       "head.dense.weight": (D, D), "head.norm.weight": (D,), **bias(("classifier", (2, D)))})
