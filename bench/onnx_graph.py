"""Writing ONNX graphs node by node: what the benchmark's models and the example models share.

A Graph collects nodes and initializers and names them; `model()` returns a checked ModelProto. The
transformer blocks follow what PyTorch's exporter writes for BERT: weights of linear layers as
MatMul + Add, heads split by Shape/Gather/Concat/Reshape, GELU through Erf.
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

F32 = np.float32


class Graph:
    def __init__(self, name, opset, doc=""):
        self.name, self.opset, self.doc = name, opset, doc
        self.nodes, self.inits, self.inputs, self.outputs = [], [], [], []
        self.counts = {}

    def fresh(self, kind):
        n = self.counts[kind] = self.counts.get(kind, -1) + 1
        return f"{kind}_{n}"

    def input(self, name, dtype, dims):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, dims))
        return name

    def output(self, name, dtype, dims):
        self.outputs.append(helper.make_tensor_value_info(name, dtype, dims))
        return name

    def weight(self, name, array):
        self.inits.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def const(self, array):
        """A small constant that needs no telling name."""
        return self.weight(self.fresh("const"), np.asarray(array))

    def op(self, kind, *inputs, out=None, n_out=1, domain="", **attrs):
        """Append a node; returns the name of its output, or the names when there are several."""
        name = self.fresh(kind)
        outs = out if isinstance(out, list) else [out] if out else [name + "_out"]
        if n_out > 1 and not out:
            outs = [f"{name}_out{i}" for i in range(n_out)]
        self.nodes.append(helper.make_node(kind, list(inputs), outs, name=name, domain=domain, **attrs))
        return outs[0] if len(outs) == 1 else outs

    def model(self, ml_opset=0):
        opsets = [helper.make_opsetid("", self.opset)]
        if ml_opset:
            opsets.append(helper.make_opsetid("ai.onnx.ml", ml_opset))
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.inits)
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8,
                                  producer_name="ingot-models", doc_string=self.doc)
        onnx.checker.check_model(model, full_check=True)
        return model

    def save(self, path, **kw):
        onnx.save(self.model(**kw), path)

    # ---- layers ------------------------------------------------------------------------------

    def conv(self, x, w, bias=None, stride=1, pad=None, group=1):
        """w is [O, C / group, k, k]; pad None keeps the size at stride 1."""
        k = w.shape[2]
        p = k // 2 if pad is None else pad
        name = self.fresh("conv")
        ins = [x, self.weight(name + ".weight", w)]
        if bias is not None:
            ins.append(self.weight(name + ".bias", bias))
        return self.op("Conv", *ins, kernel_shape=[k, k], strides=[stride] * 2, pads=[p] * 4,
                       dilations=[1, 1], group=group)

    def batch_norm(self, x, gain, shift, mean, var, eps=1e-5):
        name = self.fresh("bn")
        ws = [self.weight(f"{name}.{part}", a) for part, a in
              (("weight", gain), ("bias", shift), ("running_mean", mean), ("running_var", var))]
        return self.op("BatchNormalization", x, *ws, epsilon=eps)

    def linear(self, x, w, b, name=None):
        """x @ w + b with w [in, out], as the exporter writes a Linear over 3-D input."""
        name = name or self.fresh("linear")
        y = self.op("MatMul", x, self.weight(name + ".weight", w))
        return self.op("Add", self.weight(name + ".bias", b), y)

    def gelu(self, x):
        e = self.op("Erf", self.op("Div", x, self.const(F32(np.sqrt(2)))))
        y = self.op("Mul", x, self.op("Add", e, self.const(F32(1))))
        return self.op("Mul", y, self.const(F32(0.5)))

    def layer_norm(self, x, gain, shift, eps=1e-5):
        """One op where the opset has it (17), else the primitives that exporters wrote before."""
        name = self.fresh("norm")
        g, b = self.weight(name + ".weight", gain), self.weight(name + ".bias", shift)
        if self.opset >= 17:
            return self.op("LayerNormalization", x, g, b, axis=-1, epsilon=eps)
        xc = self.op("Sub", x, self.op("ReduceMean", x, axes=[-1]))
        var = self.op("ReduceMean", self.op("Pow", xc, self.const(F32(2))), axes=[-1])
        std = self.op("Sqrt", self.op("Add", var, self.const(F32(eps))))
        return self.op("Add", self.op("Mul", self.op("Div", xc, std), g), b)

    def dim(self, x, axis):
        """The size of one axis as a one-element tensor, as exporters compute it."""
        d = self.op("Gather", self.op("Shape", x), self.const(np.int64(axis)), axis=0)
        return self.op("Unsqueeze", d, self.const(np.array([0], np.int64)))

    def mask_bias(self, mask):
        """[B, T] of 1 and 0 -> [B, 1, 1, T] of 0 and -10000, to add to attention scores."""
        m = self.op("Unsqueeze", mask, self.const(np.array([1], np.int64)))
        m = self.op("Unsqueeze", m, self.const(np.array([2], np.int64)))
        m = self.op("Cast", m, to=TensorProto.FLOAT)
        return self.op("Mul", self.op("Sub", self.const(F32(1)), m), self.const(F32(-10000)))

    def self_attention(self, x, bias, heads, p):
        """p maps q, k, v, o to (weight [D, D], bias [D])."""
        d = p["q"][0].shape[1] // heads

        def split(part, perm):
            y = self.linear(x, *p[part])
            parts = [self.dim(y, 0), self.dim(y, 1), self.const(np.array([heads, d], np.int64))]
            y = self.op("Reshape", y, self.op("Concat", *parts, axis=0))
            return self.op("Transpose", y, perm=perm)

        q, k = split("q", [0, 2, 1, 3]), split("k", [0, 2, 3, 1])
        v = split("v", [0, 2, 1, 3])
        s = self.op("Div", self.op("MatMul", q, k), self.const(F32(np.sqrt(d))))
        s = self.op("Softmax", self.op("Add", s, bias), axis=-1)
        y = self.op("Transpose", self.op("MatMul", s, v), perm=[0, 2, 1, 3])
        parts = [self.dim(y, 0), self.dim(y, 1), self.const(np.array([heads * d], np.int64))]
        y = self.op("Reshape", y, self.op("Concat", *parts, axis=0))
        return self.linear(y, *p["o"])

    def encoder_layer(self, x, bias, heads, p, eps=1e-5):
        """A BERT layer, norm after each residual. p: q k v o up down (weight, bias), norm1 norm2."""
        y = self.self_attention(x, bias, heads, p)
        x = self.layer_norm(self.op("Add", y, x), *p["norm1"], eps=eps)
        y = self.linear(self.gelu(self.linear(x, *p["up"])), *p["down"])
        return self.layer_norm(self.op("Add", y, x), *p["norm2"], eps=eps)

    def positions(self, ids, table):
        """Rows 0..T-1 of a learned table [max, D] as [1, T, D], T read from ids [B, T]."""
        all_ids = self.weight("position_ids", np.arange(table.shape[0], dtype=np.int64)[None])
        here = self.op("Slice", all_ids, self.const(np.array([0], np.int64)), self.dim(ids, 1),
                       self.const(np.array([1], np.int64)))
        return self.op("Gather", self.weight("position_embeddings", table), here)

    def pool_and_normalise(self, x, mask, out):
        """Mean of x [B, T, D] over the tokens that mask [B, T] keeps, divided by its length."""
        m = self.op("Unsqueeze", mask, self.const(np.array([2], np.int64)))
        m = self.op("Cast", self.op("Expand", m, self.op("Shape", x)), to=TensorProto.FLOAT)
        one = self.const(np.array([1], np.int64))
        total = self.op("ReduceSum", self.op("Mul", x, m), one, keepdims=0)
        count = self.op("Clip", self.op("ReduceSum", m, one, keepdims=0), self.const(F32(1e-9)))
        mean = self.op("Div", total, count)
        norm = self.op("ReduceL2", mean, axes=[1], keepdims=1)
        norm = self.op("Expand", self.op("Clip", norm, self.const(F32(1e-12))), self.op("Shape", mean))
        return self.op("Div", mean, norm, out=out)
