"""Trains digits_gru.onnx: a GRU reads the eight rows of a digit from top to bottom, then one matmul.

The gates follow ONNX with linear_before_reset = 1 (as cuDNN and PyTorch have it):
    z = sigmoid(x Wz + h Rz + b), r = sigmoid(x Wr + h Rr + b), n = tanh(x Wn + b + r (h Rn + c)),
    h' = (1 - z) n + z h.
"""
import common
import numpy as np
from onnx import TensorProto
from tape import Adam, Var, cross_entropy, dropout, normal, sigmoid, tanh

import onnx_graph

HIDDEN, EPOCHS, BATCH = 64, 60, 64


class Gru:
    def __init__(self, rng):
        self.wx, self.wh = normal(rng, 8, 3 * HIDDEN), normal(rng, HIDDEN, 3 * HIDDEN)  # z, r, n side by side
        self.bx, self.bh = Var(np.zeros(3 * HIDDEN)), Var(np.zeros(3 * HIDDEN))
        self.fc, self.fc_bias = normal(rng, HIDDEN, 10), Var(np.zeros(10))

    def params(self):
        return [self.wx, self.wh, self.bx, self.bh, self.fc, self.fc_bias]

    def __call__(self, x, rng=None):
        """x [N, 8, 8] -> logits [N, 10]; rng turns dropout on"""
        h = Var(np.zeros((len(x), HIDDEN)))
        z_at, r_at, n_at = (np.s_[:, i * HIDDEN:(i + 1) * HIDDEN] for i in range(3))
        for t in range(x.shape[1]):
            a = Var(x[:, t]) @ self.wx + self.bx
            b = h @ self.wh + self.bh
            z, r = sigmoid(a[z_at] + b[z_at]), sigmoid(a[r_at] + b[r_at])
            n = tanh(a[n_at] + r * b[n_at])
            h = n + z * (h - n)
        if rng is not None:
            h = dropout(h, 0.2, rng)
        return h @ self.fc + self.fc_bias


def train():
    rng = np.random.default_rng(2)
    x, y, _, _ = common.digits()
    net = Gru(rng)
    per_epoch = len(x) // BATCH
    adam = Adam(net.params(), 6e-3, EPOCHS * per_epoch, decay=0.01)
    for _ in range(EPOCHS):
        order = rng.permutation(len(x))
        for b in range(per_epoch):
            pick = order[b * BATCH:(b + 1) * BATCH]
            loss = cross_entropy(net(common.shift_images(x[pick], rng), rng), y[pick], smooth=0.05)
            loss.backward()
            adam.step()
    return net


def export(net):
    g = onnx_graph.Graph("digits_gru", 17, "8x8 digit classifier: a GRU over the rows")
    g.input("rows", TensorProto.FLOAT, ["seq", "batch", 8])
    ins = [g.weight("gru.W", net.wx.value.T[None]), g.weight("gru.R", net.wh.value.T[None]),
           g.weight("gru.B", np.concatenate([net.bx.value, net.bh.value])[None])]
    last = g.op("GRU", "rows", *ins, out=["", "gru_last"], hidden_size=HIDDEN, linear_before_reset=1)[1]
    x = g.op("Squeeze", last, g.const(np.array([0], np.int64)))
    x = g.op("Gemm", x, g.weight("fc.weight", net.fc.value.T), g.weight("fc.bias", net.fc_bias.value), transB=1)
    g.op("Softmax", x, axis=-1, out=g.output("probabilities", TensorProto.FLOAT, ["batch", 10]))
    g.save(common.path_of("digits_gru.onnx"))


def main():
    export(train())
    _, _, x, y = common.digits()
    rows = np.ascontiguousarray(x.transpose(1, 0, 2))
    p = common.run_onnx(common.path_of("digits_gru.onnx"), {"rows": rows})["probabilities"]
    common.write_golden("digits_gru", {"rows": rows[:, :7]})
    right = (p.argmax(1) == y).mean()
    common.report("digits_gru", right, 0.95, f"held-out accuracy {100 * right:.2f} % of {len(y)}")


if __name__ == "__main__":
    main()
