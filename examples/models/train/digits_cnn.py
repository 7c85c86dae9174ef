"""Trains digits_cnn.onnx (8x8 digits, separable convolutions) and quantizes it to digits_cnn_int8.onnx.

The float model keeps BatchNorm as its own op, as an exporter in training mode leaves it: folding it
is the runtime's work. The int8 model has it folded, since quantizers run after that.
"""
import common
import numpy as np
from onnx import TensorProto
from tape import Adam, BatchNorm, Var, conv, cross_entropy, normal, relu

import onnx_graph

# kind, input channels, output channels, stride; "add" adds the value before the last two layers
LAYERS = [("full", 1, 24, 1), ("depth", 24, 24, 1), ("point", 24, 48, 1), ("depth", 48, 48, 2),
          ("point", 48, 64, 1), ("depth", 64, 64, 1), ("point", 64, 64, 1), ("add",)]
EPOCHS, BATCH = 60, 64


class Cnn:
    def __init__(self, rng):
        self.w, self.bn = [], []
        for kind, *size in LAYERS:
            if kind == "add":
                continue
            c, o, _ = size
            shape = {"full": (3, 3, c, o), "depth": (3, 3, c), "point": (1, 1, c, o)}[kind]
            fan = {"full": 9 * c, "depth": 9, "point": c}[kind]
            self.w.append(normal(rng, *shape, fan=fan / 2))
            self.bn.append(BatchNorm(o))
        self.fc = normal(rng, 64, 10)
        self.fc_bias = Var(np.zeros(10))

    def params(self):
        return self.w + [p for b in self.bn for p in (b.gain, b.shift)] + [self.fc, self.fc_bias]

    def __call__(self, x, training):
        """x [N, 8, 8] -> logits [N, 10]"""
        past = [Var(x[..., None])]
        i = 0
        for kind, *size in LAYERS:
            if kind == "add":
                past.append(past[-1] + past[-3])
                continue
            y = conv(past[-1], self.w[i], size[2], depthwise=kind == "depth")
            past.append(relu(self.bn[i](y, training)))
            i += 1
        return past[-1].mean((1, 2)) @ self.fc + self.fc_bias


def train():
    rng = np.random.default_rng(1)
    x, y, _, _ = common.digits()
    net = Cnn(rng)
    per_epoch = len(x) // BATCH
    adam = Adam(net.params(), 4e-3, EPOCHS * per_epoch, decay=0.01)
    for _ in range(EPOCHS):
        order = rng.permutation(len(x))
        for b in range(per_epoch):
            pick = order[b * BATCH:(b + 1) * BATCH]
            loss = cross_entropy(net(common.shift_images(x[pick], rng), True), y[pick], smooth=0.05)
            loss.backward()
            adam.step()
    return net


def onnx_weight(kind, w):
    """[k, k, C, O] or [k, k, C] -> ONNX's [O, C / group, k, k]"""
    return w[..., None].transpose(2, 3, 0, 1) if kind == "depth" else w.transpose(3, 2, 0, 1)


def export_float(net):
    g = onnx_graph.Graph("digits_cnn", 17, "8x8 digit classifier, separable convolutions")
    g.input("image", TensorProto.FLOAT, ["batch", 1, 8, 8])
    past, i = ["image"], 0
    for kind, *size in LAYERS:
        if kind == "add":
            past.append(g.op("Add", past[-1], past[-3]))
            continue
        c, o, stride = size
        x = g.conv(past[-1], onnx_weight(kind, net.w[i].value), stride=stride, group=c if kind == "depth" else 1)
        b = net.bn[i]
        past.append(g.op("Relu", g.batch_norm(x, b.gain.value, b.shift.value, b.mean, b.var, b.eps)))
        i += 1
    x = g.op("Flatten", g.op("GlobalAveragePool", past[-1]), axis=1)
    x = g.op("Gemm", x, g.weight("fc.weight", net.fc.value.T), g.weight("fc.bias", net.fc_bias.value), transB=1)
    g.op("Softmax", x, axis=-1, out=g.output("probabilities", TensorProto.FLOAT, ["batch", 10]))
    g.save(common.path_of("digits_cnn.onnx"))


# ---- quantization -------------------------------------------------------------------------------

class Quantizer:
    """Writes QuantizeLinear / DequantizeLinear pairs: uint8 activations, int8 weights by channel.

    `ranges` is filled while the float graph runs on calibration images (`see`) and read while the
    quantized graph is written (`pair`). Ranges are the 99.99 % points, widened to contain zero.
    """

    def __init__(self):
        self.ranges = {}

    def see(self, name, value):
        lo, hi = np.quantile(value, [0.0001, 0.9999])
        self.ranges[name] = min(float(lo), 0.0), max(float(hi), 0.0)

    def pair(self, g, x, name):
        """Round x to uint8 and back; returns the new name and the scale."""
        lo, hi = self.ranges[name]
        scale = np.float32((hi - lo) / 255)
        zero = np.uint8(np.clip(round(-lo / float(scale)), 0, 255))
        s, z = g.const(scale), g.const(zero)
        return g.op("DequantizeLinear", g.op("QuantizeLinear", x, s, z), s, z), scale

    @staticmethod
    def weight(g, name, w):
        """int8 with one scale per row of axis 0 -> (dequantized name, scales)"""
        scale = np.maximum(np.abs(w.reshape(len(w), -1)).max(1) / 127, 1e-8).astype(np.float32)
        q = np.rint(w / scale.reshape(-1, *[1] * (w.ndim - 1))).astype(np.int8)
        ins = g.weight(name + ".q", q), g.weight(name + ".scale", scale)
        return g.op("DequantizeLinear", *ins, g.weight(name + ".zero", np.zeros(len(w), np.int8)), axis=0), scale

    @staticmethod
    def bias(g, name, b, scale):
        """int32 at the product of activation and weight scale, as integer accumulators want it"""
        q = np.rint(b / scale).astype(np.int32)
        ins = g.weight(name + ".q", q), g.weight(name + ".scale", scale.astype(np.float32))
        return g.op("DequantizeLinear", *ins, g.weight(name + ".zero", np.zeros(len(b), np.int32)), axis=0)


def fold(net, i, kind):
    """Convolution weight in ONNX order and bias with BatchNorm multiplied in."""
    b = net.bn[i]
    k = b.gain.value / np.sqrt(b.var + b.eps)
    return onnx_weight(kind, net.w[i].value) * k[:, None, None, None], b.shift.value - b.mean * k


def calibrate(net, x):
    q = Quantizer()
    past, i = [Var(x[..., None])], 0
    q.see("v0", past[0].value)
    for kind, *size in LAYERS:
        if kind == "add":
            past.append(past[-1] + past[-3])
        else:
            y = conv(past[-1], net.w[i], size[2], depthwise=kind == "depth")
            past.append(relu(net.bn[i](y, False)))
            i += 1
        q.see(f"v{len(past) - 1}", past[-1].value)
    pooled = past[-1].mean((1, 2))
    q.see("pooled", pooled.value)
    q.see("logits", (pooled @ net.fc + net.fc_bias).value)
    return q


def export_int8(net, q):
    g = onnx_graph.Graph("digits_cnn_int8", 17, "digits_cnn quantized: QDQ, uint8 activations, int8 weights")
    g.input("image", TensorProto.FLOAT, ["batch", 1, 8, 8])
    past, i = [q.pair(g, "image", "v0")], 0
    for kind, *size in LAYERS:
        tag = f"v{len(past)}"
        if kind == "add":
            past.append(q.pair(g, g.op("Add", past[-1][0], past[-3][0]), tag))
            continue
        c, o, stride = size
        w, b = fold(net, i, kind)
        x, xs = past[-1]
        wn, ws = q.weight(g, f"conv{i}.weight", w)
        k = w.shape[2]
        y = g.op("Conv", x, wn, q.bias(g, f"conv{i}.bias", b, xs * ws), kernel_shape=[k, k],
                 strides=[stride] * 2, pads=[k // 2] * 4, group=c if kind == "depth" else 1)
        past.append(q.pair(g, g.op("Relu", y), tag))
        i += 1
    x, xs = q.pair(g, g.op("GlobalAveragePool", past[-1][0]), "pooled")
    wn, ws = q.weight(g, "fc.weight", net.fc.value.T)
    x = g.op("Gemm", g.op("Flatten", x, axis=1), wn, q.bias(g, "fc.bias", net.fc_bias.value, xs * ws), transB=1)
    x, _ = q.pair(g, x, "logits")
    g.op("Softmax", x, axis=-1, out=g.output("probabilities", TensorProto.FLOAT, ["batch", 10]))
    g.save(common.path_of("digits_cnn_int8.onnx"))


def main():
    net = train()
    x, _, tx, ty = common.digits()
    export_float(net)
    export_int8(net, calibrate(net, x[:200]))
    np.savez(common.path_of("digits_test.npz"), images=tx[:, None], labels=ty)
    for stem in "digits_cnn", "digits_cnn_int8":
        p = common.run_onnx(common.path_of(stem + ".onnx"), {"image": tx[:, None]})["probabilities"]
        common.write_golden(stem, {"image": tx[:7, None]})
        right = (p.argmax(1) == ty).mean()
        common.report(stem, right, 0.98, f"held-out accuracy {100 * right:.2f} % of {len(ty)}")


if __name__ == "__main__":
    main()
