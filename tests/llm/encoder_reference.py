"""Random checkpoints of text encoders in sizes of all kinds, as folders of Hugging Face's hub, and what they must give:
plain NumPy in float64, written after the papers. `encoder_reference.py INGOT WORK` converts and runs them."""
import json, math, os, struct, subprocess, sys
import numpy as np

ingot, work = sys.argv[1:3]
rng = np.random.default_rng(5)


def gelu(x): return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
def gelu_tanh(x): return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))
ACTS = {"gelu": gelu, "gelu_new": gelu_tanh, "relu": lambda x: np.maximum(x, 0)}


def norm(x, w, name, eps):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * w[name + ".weight"] + w.get(name + ".bias", 0)


def linear(x, w, name): return x @ w[name + ".weight"].T + w.get(name + ".bias", 0)


def attend(q, k, v, heads, seen, bias=0):
    b, t, d = q.shape
    q, k, v = (z.reshape(b, t, heads, -1).transpose(0, 2, 1, 3) for z in (q, k, v))
    s = q @ k.transpose(0, 1, 3, 2) / math.sqrt(q.shape[-1]) + bias + np.where(seen, 0, -np.inf)
    p = np.exp(s - np.maximum(s.max(-1, keepdims=True), -1e30))  # a query of padding may see nothing
    return (p / np.maximum(p.sum(-1, keepdims=True), 1e-30) @ v).transpose(0, 2, 1, 3).reshape(b, t, d)


def distances(table, t):
    """T5's buckets: 32 of them, up to 128 tokens away."""
    out = np.zeros((t, t), int)
    for i in range(t):
        for j in range(t):
            n, at = abs(j - i), 0
            at = n if n < 8 else min(15, 8 + int(np.log(np.float32(n) / np.float32(8)) / np.float32(math.log(16)) * np.float32(8)))
            out[i, j] = at + (16 if j > i else 0)
    return table[out].transpose(2, 0, 1)[None]


def post_norm(w, c, n, ids, mask, types):
    """BERT and its descendants; n: names of the parts."""
    r, eps, t = n["root"], c.get("layer_norm_eps", 1e-12), ids.shape[1]
    at = np.arange(t)[None].repeat(len(ids), 0)
    if n["pad"] is not None:
        there = ids != n["pad"]
        at = np.cumsum(there, 1) * there + n["pad"]
    h = w[r + "embeddings.word_embeddings.weight"][ids] + w[r + "embeddings.position_embeddings.weight"][at]
    if r + "embeddings.token_type_embeddings.weight" in w: h = h + w[r + "embeddings.token_type_embeddings.weight"][types]
    h = norm(h, w, r + "embeddings.LayerNorm", eps)
    bias = distances(w[r + "encoder.relative_attention_bias.weight"], t) if "mpnet" == c["model_type"] else 0
    for i in range(n["layers"]):
        p = f"{r}{n['layer']}.{i}."
        a = attend(*(linear(h, w, p + n[z]) for z in "qkv"), n["heads"], mask[:, None, None].astype(bool), bias)
        h = norm(h + linear(a, w, p + n["o"]), w, p + n["norm1"], eps)
        h = norm(h + linear(ACTS[n["act"]](linear(h, w, p + n["up"])), w, p + n["down"]), w, p + n["norm2"], eps)
    return h


def modern(w, c, n, ids, mask, types):
    r, heads, d = n["root"], c["num_attention_heads"], c["hidden_size"] // c["num_attention_heads"]
    t, eps = ids.shape[1], c["norm_eps"]
    h = norm(w[r + "embeddings.tok_embeddings.weight"][ids], w, r + "embeddings.norm", eps)
    far = np.abs(np.arange(t)[:, None] - np.arange(t)[None]) > c["local_attention"] // 2
    for i in range(c["num_hidden_layers"]):
        p, local = f"{r}layers.{i}.", i % c["global_attn_every_n_layers"] != 0
        x = norm(h, w, p + "attn_norm", eps) if i else h
        q, k, v = np.split(linear(x, w, p + "attn.Wqkv"), 3, -1)
        angle = np.arange(t)[:, None] * (c["local_rope_theta"] if local else c["global_rope_theta"]) ** (-np.arange(0, d, 2) / d)
        def turn(z):
            z = z.reshape(*z.shape[:2], heads, d)
            a, b = z[..., :d // 2], z[..., d // 2:]
            cos, sin = np.cos(angle)[None, :, None], np.sin(angle)[None, :, None]
            return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1).reshape(*z.shape[:2], -1)
        seen = mask[:, None, None].astype(bool) & ~(far & local)[None, None]
        h = h + linear(attend(turn(q), turn(k), v, heads, seen), w, p + "attn.Wo")
        gate, up = np.split(linear(norm(h, w, p + "mlp_norm", eps), w, p + "mlp.Wi"), 2, -1)
        h = h + linear(gelu(gate) * up, w, p + "mlp.Wo")
    return norm(h, w, r + "final_norm", eps)


class Maker:
    def __init__(self, root): self.w, self.root = {}, root
    def matrix(self, name, n, k, bias=True):
        self.w[self.root + name + ".weight"] = rng.normal(0, 0.15, (n, k)).astype(np.float32)
        if bias: self.w[self.root + name + ".bias"] = rng.normal(0, 0.1, n).astype(np.float32)
    def norm(self, name, n, bias=True):
        self.w[self.root + name + ".weight"] = rng.normal(1, 0.1, n).astype(np.float32)
        if bias: self.w[self.root + name + ".bias"] = rng.normal(0, 0.1, n).astype(np.float32)


BERT = dict(layer="encoder.layer", q="attention.self.query", k="attention.self.key", v="attention.self.value",
            o="attention.output.dense", norm1="attention.output.LayerNorm", up="intermediate.dense", down="output.dense", norm2="output.LayerNorm")
MPNET = dict(BERT, q="attention.attn.q", k="attention.attn.k", v="attention.attn.v", o="attention.attn.o", norm1="attention.LayerNorm")
DISTIL = dict(layer="transformer.layer", q="attention.q_lin", k="attention.k_lin", v="attention.v_lin", o="attention.out_lin",
              norm1="sa_layer_norm", up="ffn.lin1", down="ffn.lin2", norm2="output_layer_norm")


def make_post(kind, width, heads, layers, inner, vocab, context, types, pad, act, head, labels):
    names = {"bert": BERT, "roberta": BERT, "xlm-roberta": BERT, "mpnet": MPNET, "distilbert": DISTIL}[kind]
    class_ = {"bert": "Bert", "roberta": "Roberta", "xlm-roberta": "XLMRoberta", "mpnet": "MPNet", "distilbert": "DistilBert"}[kind]
    base = {"bert": "bert.", "mpnet": "mpnet.", "distilbert": "distilbert."}.get(kind, "roberta.")
    m = Maker(base if head else "")
    m.matrix("embeddings.word_embeddings", vocab, width, False); m.matrix("embeddings.position_embeddings", context, width, False)
    if types: m.matrix("embeddings.token_type_embeddings", types, width, False)
    m.norm("embeddings.LayerNorm", width)
    if kind == "mpnet": m.matrix("encoder.relative_attention_bias", 32, heads, False)
    for i in range(layers):
        p = f"{names['layer']}.{i}."
        for z in "qkvo": m.matrix(p + names[z], width, width)
        m.norm(p + names["norm1"], width); m.norm(p + names["norm2"], width)
        m.matrix(p + names["up"], inner, width); m.matrix(p + names["down"], width, inner)
    if kind == "bert": m.matrix("pooler.dense", width, width)
    counts = {"pad": None if kind in ("bert", "distilbert") else 1 if kind == "mpnet" else pad, "layers": layers, "heads": heads, "act": act, "root": m.root}
    c = {"model_type": kind, "architectures": [class_ + (head or "Model")], "vocab_size": vocab, "pad_token_id": pad, "max_position_embeddings": context}
    if kind == "distilbert": c.update(dim=width, n_heads=heads, n_layers=layers, hidden_dim=inner, activation=act)
    else: c.update(hidden_size=width, num_attention_heads=heads, num_hidden_layers=layers, intermediate_size=inner, hidden_act=act, layer_norm_eps=1e-5)
    m.root = ""
    if head == "ForTokenClassification" or (head and kind == "bert"): m.matrix("classifier", labels, width)
    elif head and kind == "distilbert": m.matrix("pre_classifier", width, width); m.matrix("classifier", labels, width)
    elif head: m.matrix("classifier.dense", width, width); m.matrix("classifier.out_proj", labels, width)
    def answer(ids, mask, tt):
        h = post_norm(m.w, c, {**names, **counts}, ids, mask, tt)
        if not head: return h
        if head == "ForTokenClassification": return linear(h, m.w, "classifier")
        if kind == "bert": return linear(np.tanh(linear(h[:, 0], m.w, "bert.pooler.dense")), m.w, "classifier")
        if kind == "distilbert": return linear(np.maximum(linear(h[:, 0], m.w, "pre_classifier"), 0), m.w, "classifier")
        return linear(np.tanh(linear(h[:, 0], m.w, "classifier.dense")), m.w, "classifier.out_proj")
    return c, m.w, answer


def make_modern(width, heads, layers, inner, vocab, context, window, every, head, pooling, labels):
    m = Maker("model." if head else "")
    m.matrix("embeddings.tok_embeddings", vocab, width, False); m.norm("embeddings.norm", width, False); m.norm("final_norm", width, False)
    for i in range(layers):
        if i: m.norm(f"layers.{i}.attn_norm", width, False)
        m.norm(f"layers.{i}.mlp_norm", width, False)
        m.matrix(f"layers.{i}.attn.Wqkv", 3 * width, width, False); m.matrix(f"layers.{i}.attn.Wo", width, width, False)
        m.matrix(f"layers.{i}.mlp.Wi", 2 * inner, width, False); m.matrix(f"layers.{i}.mlp.Wo", width, inner, False)
    c = {"model_type": "modernbert", "architectures": ["ModernBert" + (head or "Model")], "vocab_size": vocab, "hidden_size": width,
         "num_attention_heads": heads, "num_hidden_layers": layers, "intermediate_size": inner, "max_position_embeddings": context, "norm_eps": 1e-5,
         "local_attention": window, "global_attn_every_n_layers": every, "global_rope_theta": 90000.0, "local_rope_theta": 5000.0,
         "hidden_activation": "gelu", "classifier_pooling": pooling, "pad_token_id": 0}
    root, m.root = m.root, ""
    if head: m.matrix("head.dense", width, width, False); m.norm("head.norm", width, False); m.matrix("classifier", labels, width)
    def answer(ids, mask, tt):
        h = modern(m.w, c, {"root": root}, ids, mask, tt)
        if not head: return h
        if head == "ForSequenceClassification":
            h = h[:, 0] if pooling == "cls" else (h * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        return linear(norm(gelu(linear(h, m.w, "head.dense")), m.w, "head.norm", 1e-5), m.w, "classifier")
    return c, m.w, answer


def safetensors(path, w):
    head, at = {}, 0
    for k, v in w.items():
        head[k] = {"dtype": "F32", "shape": list(v.shape), "data_offsets": [at, at + v.nbytes]}; at += v.nbytes
    text = json.dumps(head).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for v in w.values(): f.write(v.tobytes())


def check(name, made, pad, types, long=False):
    c, w, answer = made
    d = f"{work}/{name}"; os.makedirs(d)
    json.dump(c, open(d + "/config.json", "w")); safetensors(d + "/model.safetensors", w)
    subprocess.run([ingot, "convert", d, "-o", d + ".ingot", "-q"], check=True)
    b, t = 3, c["max_position_embeddings"] - pad - 1 if long else 21
    ids = rng.integers(pad + 1, c["vocab_size"], (b, t)); mask = np.ones_like(ids); mask[1, t // 2:] = 0; mask[2, 2:] = 0
    ids[mask == 0] = pad
    tt = rng.integers(0, types, ids.shape) if types else np.zeros_like(ids)
    given = {"input_ids": ids, "attention_mask": mask}
    if types > 1: given["token_type_ids"] = tt
    np.savez(d + ".npz", **given)
    subprocess.run([ingot, "run", d + ".ingot", "--inputs", d + ".npz", "--outputs", d + ".out.npz", "-q"], check=True)
    out = np.load(d + ".out.npz"); got = out[out.files[0]]; want = answer(ids, mask, tt)
    if want.ndim == 3: got, want = got[mask == 1], want[mask == 1]
    assert got.shape == want.shape, (name, got.shape, want.shape)
    off = np.abs(got - want).max() / np.abs(want).max()
    print(f"{name}: {off:.1e} of scale")
    assert off < 1e-5, name


S, T = "ForSequenceClassification", "ForTokenClassification"
check("bert-odd", make_post("bert", 36, 3, 2, 50, 101, 40, 2, 0, "gelu", "", 0), 0, 2)
check("bert-one-type", make_post("bert", 48, 2, 1, 96, 70, 64, 1, 0, "gelu_new", "", 0), 0, 1, long=True)
check("bert-classes", make_post("bert", 64, 8, 2, 33, 99, 32, 3, 5, "relu", S, 7), 5, 3)
check("bert-tokens", make_post("bert", 40, 5, 1, 64, 88, 32, 2, 0, "gelu", T, 2), 0, 2)
check("roberta-pad", make_post("roberta", 32, 4, 2, 70, 90, 44, 1, 3, "gelu", "", 0), 3, 1, long=True)
check("xlm-roberta", make_post("xlm-roberta", 24, 2, 2, 40, 90, 44, 1, 1, "gelu", S, 1), 1, 1)
check("roberta-tokens", make_post("roberta", 32, 1, 1, 40, 90, 44, 2, 1, "gelu", T, 3), 1, 2)
check("distilbert", make_post("distilbert", 56, 7, 3, 20, 77, 33, 0, 0, "gelu", "", 0), 0, 0)
check("distilbert-classes", make_post("distilbert", 32, 2, 1, 44, 77, 33, 0, 0, "relu", S, 2), 0, 0)
check("mpnet", make_post("mpnet", 48, 6, 2, 60, 80, 202, 0, 1, "gelu", "", 0), 1, 0, long=True)
check("mpnet-classes", make_post("mpnet", 48, 3, 1, 60, 80, 64, 0, 1, "gelu", S, 1), 1, 0)
check("modernbert", make_modern(48, 3, 5, 40, 80, 90, 6, 3, "", "cls", 0), 0, 0, long=True)
check("modernbert-cls", make_modern(32, 2, 2, 24, 80, 90, 16, 2, S, "cls", 3), 0, 0)
check("modernbert-mean", make_modern(64, 2, 2, 72, 80, 90, 4, 2, S, "mean", 2), 0, 0)
check("modernbert-tokens", make_modern(32, 4, 3, 24, 80, 90, 9, 2, T, "cls", 4), 0, 0)
