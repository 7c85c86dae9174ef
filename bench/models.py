"""Classic architectures as ONNX files with random weights, for benchmarks.

Speed does not depend on what a network has learned, so these are built, not downloaded: MobileNetV2
(Sandler et al. 2018) at width 1.0, ResNet-18 and -50 (He et al. 2015), all 224 x 224 with BatchNorm
left as its own op, and a six-layer MiniLM-sized BERT encoder (Wang et al. 2020) as PyTorch exports it at
opset 14. From these ONNX Runtime's quantiser makes the int8 ones: NAME-qdq (static, u8 activations, s8
weights a channel, QuantizeLinear and DequantizeLinear around every op) and NAME-dynamic. Weights are drawn so that activations keep their scale through the depth; seeds are fixed.
"""
import os

import numpy as np
import onnx
from onnx import TensorProto

from onnx_graph import F32, Graph


class Draw:
    """Random weights of the usual kinds."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def normal(self, *shape, std):
        return (self.rng.standard_normal(shape, dtype=F32) * F32(std)).astype(F32)

    def conv_bn(self, g, x, c, o, k, stride=1, group=1):
        w = self.normal(o, c // group, k, k, std=np.sqrt(2 * group / (c * k * k)))
        x = g.conv(x, w, stride=stride, group=group)
        return g.batch_norm(x, 1 + self.normal(o, std=0.1), self.normal(o, std=0.1), self.normal(o, std=0.1),
                            1 + np.abs(self.normal(o, std=0.1)))

    def classifier(self, g, x, c):
        x = g.op("Flatten", g.op("GlobalAveragePool", x), axis=1)
        w, b = self.normal(1000, c, std=1 / np.sqrt(c)), np.zeros(1000, F32)
        g.op("Gemm", x, g.weight("classifier.weight", w), g.weight("classifier.bias", b), transB=1,
             out=g.output("logits", TensorProto.FLOAT, ["batch", 1000]))


def mobilenet_v2():
    g, d = Graph("mobilenet_v2", 17), Draw(11)
    x = g.input("image", TensorProto.FLOAT, ["batch", 3, 224, 224])

    def relu6(x):
        return g.op("Clip", x, g.const(F32(0)), g.const(F32(6)))

    x, c = relu6(d.conv_bn(g, x, 3, 32, 3, stride=2)), 32
    for widen, o, repeats, first_stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                            (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
        for i in range(repeats):
            stride, inner, y = first_stride if i == 0 else 1, c * widen, x
            if widen > 1:
                y = relu6(d.conv_bn(g, y, c, inner, 1))
            y = relu6(d.conv_bn(g, y, inner, inner, 3, stride=stride, group=inner))
            y = d.conv_bn(g, y, inner, o, 1)
            x, c = (g.op("Add", x, y) if stride == 1 and c == o else y), o
    d.classifier(g, relu6(d.conv_bn(g, x, c, 1280, 1)), 1280)
    return g.model()


def resnet18():
    g, d = Graph("resnet18", 17), Draw(12)
    x = g.input("image", TensorProto.FLOAT, ["batch", 3, 224, 224])
    x, c = g.op("Relu", d.conv_bn(g, x, 3, 64, 7, stride=2)), 64
    x = g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for o in 64, 128, 256, 512:
        for i in range(2):
            stride = 2 if i == 0 and o > 64 else 1
            y = g.op("Relu", d.conv_bn(g, x, c, o, 3, stride=stride))
            y = d.conv_bn(g, y, o, o, 3)
            past = d.conv_bn(g, x, c, o, 1, stride=stride) if stride > 1 else x
            x, c = g.op("Relu", g.op("Add", y, past)), o
    d.classifier(g, x, 512)
    return g.model()


def resnet50():
    g, d = Graph("resnet50", 17), Draw(14)
    x = g.input("image", TensorProto.FLOAT, ["batch", 3, 224, 224])
    x, c = g.op("Relu", d.conv_bn(g, x, 3, 64, 7, stride=2)), 64
    x = g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for inner, repeats in (64, 3), (128, 4), (256, 6), (512, 3):
        for i in range(repeats):
            o, stride = 4 * inner, 2 if i == 0 and inner > 64 else 1
            y = g.op("Relu", d.conv_bn(g, x, c, inner, 1))
            y = g.op("Relu", d.conv_bn(g, y, inner, inner, 3, stride=stride))
            y = d.conv_bn(g, y, inner, o, 1)
            past = d.conv_bn(g, x, c, o, 1, stride=stride) if i == 0 else x
            x, c = g.op("Relu", g.op("Add", y, past)), o
    d.classifier(g, x, 2048)
    return g.model()


def minilm_l6(dim=384, heads=12, inner=1536, layers=6, vocab=30522, longest=512):
    g, d = Graph("minilm_l6", 14), Draw(13)
    ids, mask, kinds = (g.input(n, TensorProto.INT64, ["batch", "seq"])
                        for n in ("input_ids", "attention_mask", "token_type_ids"))

    def dense(i, o):
        return d.normal(i, o, std=1 / np.sqrt(i)), d.normal(o, std=0.02)

    def norm():
        return 1 + d.normal(dim, std=0.1), d.normal(dim, std=0.1)

    bias = g.mask_bias(mask)
    x = g.op("Gather", g.weight("word_embeddings", d.normal(vocab, dim, std=1)), ids)
    x = g.op("Add", x, g.op("Gather", g.weight("token_type_embeddings", d.normal(2, dim, std=0.1)), kinds))
    x = g.layer_norm(g.op("Add", x, g.positions(ids, d.normal(longest, dim, std=0.1))), *norm(), eps=1e-12)
    for _ in range(layers):
        p = {k: dense(dim, dim) for k in "qkvo"}
        p |= {"up": dense(dim, inner), "down": dense(inner, dim), "norm1": norm(), "norm2": norm()}
        x = g.encoder_layer(x, bias, heads, p, eps=1e-12)
    g.op("Identity", x, out=g.output("last_hidden_state", TensorProto.FLOAT, ["batch", "seq", dim]))
    return g.model()


BUILDERS = {"mobilenet_v2": mobilenet_v2, "resnet18": resnet18, "resnet50": resnet50, "minilm_l6": minilm_l6}
QUANTIZED = {"mobilenet_v2-qdq": "mobilenet_v2", "resnet18-qdq": "resnet18", "resnet50-qdq": "resnet50",
             "minilm_l6-dynamic": "minilm_l6"}


def quantize(path, source, dynamic):
    """The int8 model `path` from the fp32 one at `source`."""
    from onnxruntime import quantization as q
    from onnxruntime.quantization.shape_inference import quant_pre_process

    if dynamic:
        q.quantize_dynamic(source, path, weight_type=q.QuantType.QInt8)
        return

    class Noise(q.CalibrationDataReader):
        def __init__(self):
            rng = np.random.default_rng(15)
            self.left = [{"image": rng.standard_normal((1, 3, 224, 224), dtype=F32)} for _ in range(4)]

        def get_next(self):
            return self.left.pop() if self.left else None

    folded = path + ".folded"  # the quantiser wants BatchNorm gone
    quant_pre_process(source, folded, skip_symbolic_shape=True)
    q.quantize_static(folded, path, Noise(), quant_format=q.QuantFormat.QDQ, per_channel=True,
                      activation_type=q.QuantType.QUInt8, weight_type=q.QuantType.QInt8)
    os.remove(folded)


def names():
    return [*BUILDERS, *QUANTIZED]


def cached(name, folder):
    """Path of a built model in `folder`, made on first use (about 350 MB for all of them)."""
    path = os.path.join(folder, name + ".onnx")
    if os.path.exists(path):
        return path
    os.makedirs(folder, exist_ok=True)
    part = f"{path}.{os.getpid()}.part"
    if name in QUANTIZED:
        quantize(part, cached(QUANTIZED[name], folder), dynamic=name.endswith("-dynamic"))
    else:
        onnx.save(BUILDERS[name](), part)
    os.replace(part, path)
    return path
