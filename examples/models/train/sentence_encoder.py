"""Trains sentence_encoder.onnx: a BERT-shaped encoder that puts sentences of one meaning close together.

Two layers, 64 wide, 4 heads, over hashed words (words.py). Training draws pairs of sentences from the
templates of phrases.txt that mean the same (same intent, same slot values, other words) and asks each
to find its partner among the batch (InfoNCE, van den Oord et al. 2018). It is a demonstration: it
knows the topics of phrases.txt, and treats unknown words as random vectors.
"""
import json
import re

import common
import numpy as np
from onnx import TensorProto
from tape import Adam, Var, cross_entropy, dropout, embed, gelu, layer_norm, normal, softmax, unit_rows

import onnx_graph
import words

DIM, HEADS, LAYERS, INNER, EPS = 64, 4, 2, 128, 1e-5
STEPS, PAIRS, HEAT = 1200, 64, 0.12
DROP = 0.3  # share of words that a training step hides
SMALL = 0.3  # scale of what a layer adds at the start: training begins near a mean of word vectors
HELD_OUT = 2  # lines at the end of an intent


class Phrases:
    def __init__(self, path):
        self.slots, self.intents = {}, {}
        lines = None
        for line in open(path, encoding="utf-8"):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            if m := re.match(r"\$(\w+) = (.*)", line):
                self.slots[m[1]] = [[f.strip() for f in v.split("/")] for v in m[2].split("|")]
            elif m := re.match(r"\[(.+)\]", line):
                lines = self.intents[m[1]] = []
            else:
                lines.append(line)

    def draw(self, rng, templates):
        """The templates with one common choice of slot values, each in its own choice of forms."""
        values = {k: v[rng.integers(len(v))] for k, v in self.slots.items()}
        return [re.sub(r"\{(\w+)\}", lambda m: str(rng.choice(values[m[1]])), t) for t in templates]

    def pairs(self, rng, n, held_out=False):
        """n sentences, n partners and their intents"""
        names = sorted(self.intents)
        pick = rng.integers(len(names), size=n)
        left, right = [], []
        for i in pick:
            lines = self.intents[names[i]]
            lines = lines[-HELD_OUT:] if held_out else lines[:-HELD_OUT]
            a, b = self.draw(rng, [lines[j] for j in rng.permutation(len(lines))[:2]])
            left.append(a)
            right.append(b)
        return left, right, pick


class Encoder:
    def __init__(self, rng):
        self.table = Var(rng.standard_normal((words.VOCAB, DIM)))
        self.pos = Var(rng.standard_normal((words.MAX_WORDS, DIM)) * 0.02)
        norm = lambda: (Var(np.ones(DIM)), Var(np.zeros(DIM)))
        dense = lambda i, o, k=1.0: (normal(rng, i, o, fan=i / k ** 2), Var(np.zeros(o)))
        self.norm = norm()
        self.layers = [{"q": dense(DIM, DIM), "k": dense(DIM, DIM), "v": dense(DIM, DIM), "o": dense(DIM, DIM, SMALL),
                        "norm1": norm(), "up": dense(DIM, INNER), "down": dense(INNER, DIM, SMALL), "norm2": norm()}
                       for _ in range(LAYERS)]

    def params(self):
        return [self.table, self.pos, *self.norm] + [v for p in self.layers for pair in p.values() for v in pair]

    def __call__(self, ids, mask, rng=None):
        """ids, mask [B, T] -> unit vectors [B, DIM]"""
        b, t = ids.shape
        bias = Var((1 - mask[:, None, None, :]) * -1e4)
        x = layer_norm(embed(self.table, ids) + self.pos[:t], *self.norm, EPS)
        for p in self.layers:
            lin = lambda v, part: v @ p[part][0] + p[part][1]
            split = lambda v: v.reshape(b, t, HEADS, DIM // HEADS)
            q, k = split(lin(x, "q")).transpose(0, 2, 1, 3), split(lin(x, "k")).transpose(0, 2, 3, 1)
            v = split(lin(x, "v")).transpose(0, 2, 1, 3)
            y = softmax((q @ k) * (DIM // HEADS) ** -0.5 + bias) @ v
            y = lin(y.transpose(0, 2, 1, 3).reshape(b, t, DIM), "o")
            x = layer_norm(y + x, *p["norm1"], EPS)
            y = lin(gelu(lin(x, "up")), "down")
            if rng is not None:
                y = dropout(y, 0.1, rng)
            x = layer_norm(y + x, *p["norm2"], EPS)
        share = mask / mask.sum(1, keepdims=True)
        return unit_rows((x * Var(share[:, :, None])).mean((1,)))


def train(phrases):
    rng = np.random.default_rng(4)
    net = Encoder(rng)
    adam = Adam(net.params(), 2e-3, STEPS)
    for _ in range(STEPS):
        left, right, _ = phrases.pairs(rng, PAIRS)
        ids, mask = words.batch_of(left + right)
        mask *= np.maximum(rng.random(mask.shape) >= DROP, np.arange(mask.shape[1]) == 0)
        e = net(ids, mask, rng)
        scores = (e[:PAIRS] @ e[PAIRS:].transpose(1, 0)) * (1 / HEAT)
        same = np.arange(PAIRS)
        loss = cross_entropy(scores, same) + cross_entropy(scores.transpose(1, 0), same)
        loss.backward()
        adam.step()
    return net


def export(net):
    g = onnx_graph.Graph("sentence_encoder", 17, "sentence embedding over hashed words, 2 layers of BERT's shape")
    ids = g.input("input_ids", TensorProto.INT64, ["batch", "seq"])
    mask = g.input("attention_mask", TensorProto.INT64, ["batch", "seq"])
    value = lambda pair: (pair[0].value, pair[1].value)
    x = g.op("Gather", g.weight("word_embeddings", net.table.value), ids)
    x = g.layer_norm(g.op("Add", x, g.positions(ids, net.pos.value)), *value(net.norm), eps=EPS)
    bias = g.mask_bias(mask)
    for p in net.layers:
        x = g.encoder_layer(x, bias, HEADS, {k: value(v) for k, v in p.items()}, eps=EPS)
    g.pool_and_normalise(x, mask, g.output("embedding", TensorProto.FLOAT, ["batch", DIM]))
    g.save(common.path_of("sentence_encoder.onnx"))


def embed_all(texts):
    ids, mask = words.batch_of(texts)
    feeds = {"input_ids": ids, "attention_mask": mask}
    return common.run_onnx(common.path_of("sentence_encoder.onnx"), feeds)["embedding"]


def measure(phrases):
    """On held-out lines: how often the partner beats every sentence of another intent, and mean cosines."""
    left, right, intent = phrases.pairs(np.random.default_rng(5), 400, held_out=True)
    s = embed_all(left) @ embed_all(right).T
    other = intent[:, None] != intent[None]
    best_other = np.where(other, s, -1).max(1)
    return (s.diagonal() > best_other).mean(), s.diagonal().mean(), s[other].mean()


SAMPLES = [
    "Heavy showers are expected in London tonight.", "Wet weather with rain is coming to London this evening!",
    "My sister performs beautiful music with the violin.", "What a gifted player my sister is on the fiddle",
    "My card is missing, please stop it at once.", "Please cancel my stolen bank card; someone took it.",
    "Which ingredients do I need to cook curry in my kitchen?", "A simple recipe to prepare curry at home",
    "The engine of my car is broken and needs a mechanic.", "My automobile does not start, someone must repair it.",
]


def main():
    phrases = Phrases(common.HERE + "/phrases.txt")
    net = train(phrases)
    export(net)
    got = embed_all(SAMPLES)
    ids, mask = words.batch_of(SAMPLES)
    own = net(ids, mask.astype(np.float32)).value
    if np.abs(own - got).max() > 1e-4:
        raise SystemExit(f"sentence_encoder: the graph differs from training by {np.abs(own - got).max():.1e}")
    with open(common.path_of("sentence_test.json"), "w", encoding="utf-8") as f:
        rows = [{"text": t, "ids": words.ids_of(t)} for t in SAMPLES]
        f.write('{"about": "lines 2k and 2k+1 mean the same; sentence_test.npz holds their embeddings",\n')
        f.write(' "sentences": [\n  ')
        f.write(",\n  ".join(json.dumps(r) for r in rows) + "\n]}\n")
    np.savez(common.path_of("sentence_test.npz"), input_ids=ids, attention_mask=mask, embedding=got,
             text=np.array(SAMPLES))
    common.write_golden("sentence_encoder", {"input_ids": ids[:5], "attention_mask": mask[:5]})
    hit, same, other = measure(phrases)
    common.report("sentence_encoder", hit, 0.95, f"held-out partner first {100 * hit:.1f} %, "
                                                 f"cosine {same:.2f} (same) {other:.2f} (other)")


if __name__ == "__main__":
    main()
