#!/usr/bin/env python3
"""Makes tests/onnx/cases.tar.xz: small models of our own, with inputs and the outputs that they must give.

Run it with a Python that has onnx and numpy: `python3 tests/onnx/make_cases.py`. The outputs come from onnx's
reference evaluator, or from numpy where a case gives them itself. The same versions give the same archive.
"""
import io, lzma, os, tarfile
import numpy as np
import onnx
from onnx import TensorProto as T, helper as h, numpy_helper as nh
from onnx.reference import ReferenceEvaluator

HERE = os.path.dirname(os.path.abspath(__file__))
files = {}
rng = np.random.default_rng(7)
f32 = lambda *shape: rng.standard_normal(shape).astype(np.float32)


def value(name, dtype, shape):
    return h.make_tensor_value_info(name, dtype, shape)


def model(nodes, inputs, outputs, opset=17, ir=8, functions=(), domains=(), **graph):
    g = h.make_graph(nodes, "g", inputs, outputs, **graph)
    imports = [h.make_opsetid("", opset)] + [h.make_opsetid(d, 1) for d in domains]
    return h.make_model(g, opset_imports=imports, ir_version=ir, functions=list(functions), producer_name="make_cases")


def case(name, m, *feeds, want=None, extra=()):
    """feeds: one list of input arrays a data set. want: likewise the outputs; None: ask the reference."""
    files[f"{name}/model.onnx"] = m.SerializeToString()
    for path, data in extra:
        files[f"{name}/{path}"] = data
    given = [i for i in m.graph.input if i.name not in {t.name for t in m.graph.initializer}]
    for k, feed in enumerate(feeds):
        out = want[k] if want else ReferenceEvaluator(m).run(None, {i.name: v for i, v in zip(given, feed)})
        for kind, infos, arrays in (("input", given, feed), ("output", m.graph.output, out)):
            for i, (info, a) in enumerate(zip(infos, arrays)):
                t = a if isinstance(a, onnx.TensorProto) else nh.from_array(np.asarray(a), info.name)
                files[f"{name}/test_data_set_{k}/{kind}_{i}.pb"] = t.SerializeToString()


def perceptron():
    w1, b1, w2 = f32(12, 16), f32(16), f32(16, 5)
    nodes = [h.make_node("Einsum", ["x", "w1"], ["h0"], equation="bi,ij->bj"), h.make_node("Add", ["h0", "b1"], ["h1"]),
             h.make_node("Relu", ["h1"], ["h2"]), h.make_node("Einsum", ["h2", "w2"], ["z"], equation="bi,ij->bj"),
             h.make_node("Softmax", ["z"], ["y"], axis=-1)]
    init = [nh.from_array(v, n) for n, v in (("w1", w1), ("b1", b1), ("w2", w2))]
    m = model(nodes, [value("x", T.FLOAT, ["batch", 12])], [value("y", T.FLOAT, ["batch", 5])], initializer=init)
    case("perceptron", m, [f32(1, 12)], [f32(9, 12)], [f32(3, 12)])


def constants():
    forms = [("value", nh.from_array(np.arange(6, dtype=np.float32).reshape(2, 3)), T.FLOAT, [2, 3]),
             ("value_int", -5, T.INT64, []), ("value_ints", [1, -2, 3], T.INT64, [3]), ("value_float", 0.25, T.FLOAT, []),
             ("value_floats", [0.5, -1.5], T.FLOAT, [2]), ("value_string", "one", T.STRING, []),
             ("value_strings", ["a", "", "bc"], T.STRING, [3])]
    nodes, outs, want = [], [], []
    for i, (attr, v, dtype, shape) in enumerate(forms):
        nodes.append(h.make_node("Constant", [], [f"c{i}"], **{attr: v}))
        outs.append(value(f"c{i}", dtype, shape))
        a = nh.to_array(v) if attr == "value" else np.array(v, {T.INT64: np.int64, T.FLOAT: np.float32, T.STRING: object}[dtype])
        want.append(a)
    sparse = h.make_sparse_tensor(h.make_tensor("v", T.FLOAT, [2], [4, 7]), h.make_tensor("i", T.INT64, [2, 2], [0, 1, 2, 0]), [3, 2])
    nodes.append(h.make_node("Constant", [], ["s"], sparse_value=sparse))
    outs.append(value("s", T.FLOAT, [3, 2]))
    want.append(np.array([[0, 4], [0, 0], [7, 0]], np.float32))
    nodes.append(h.make_node("Neg", ["x"], ["y"]))
    x = f32(2)
    case("constants", model(nodes, [value("x", T.FLOAT, [2])], outs + [value("y", T.FLOAT, [2])]), [x], want=[want + [-x]])


def encodings():
    """Narrow types in typed fields and in raw bytes, cast to f32."""
    kinds = [(T.INT4, [-8, 7, 3, -1, 5]), (T.UINT4, [0, 15, 7, 1, 9]), (T.INT2, [-2, -1, 0, 1, 1]), (T.UINT2, [0, 1, 2, 3, 2]),
             (T.FLOAT8E4M3FN, [0.5, -448, 3, 0, 1]), (T.FLOAT8E5M2, [0.25, 57344, -3, 0, 1]), (T.FLOAT4E2M1, [0.5, -6, 3, 0, 1]),
             (T.FLOAT16, [0.5, -2, 65504, 0, 1]), (T.BFLOAT16, [0.5, -2, 3, 0, 1]), (T.INT8, [-128, 127, 0, 1, 2]),
             (T.UINT16, [0, 65535, 3, 4, 5]), (T.BOOL, [1, 0, 1, 1, 0]), (T.DOUBLE, [0.5, -2, 3, 0, 1]), (T.UINT64, [0, 1, 2, 3, 4])]
    nodes, outs, init, want = [], [], [], []
    for i, (dtype, v) in enumerate(kinds):
        typed = h.make_tensor(f"t{i}", dtype, [5], v)
        raw = nh.from_array(nh.to_array(typed), f"r{i}")
        for t in (typed, raw):
            init.append(t)
            nodes.append(h.make_node("Cast", [t.name], [t.name + "y"], to=T.FLOAT))
            outs.append(value(t.name + "y", T.FLOAT, [5]))
            want.append(np.array(v, np.float32))
    nodes.append(h.make_node("Abs", ["x"], ["y"]))
    m = model(nodes, [value("x", T.FLOAT, [1])], outs + [value("y", T.FLOAT, [1])], opset=25, ir=12, initializer=init)
    case("encodings", m, [np.array([-3], np.float32)], want=[want + [np.array([3], np.float32)]])


def functions():
    """Nested calls, attributes by reference with and without a default, an omitted optional input, nodes out of order."""
    ref = lambda name, to: onnx.AttributeProto(name=name, ref_attr_name=to, type=onnx.AttributeProto.FLOAT)
    inner = h.make_node("Clip", ["p", "low", "high"], ["q"])
    clip = h.make_function("our", "Limit", ["p", "low", "high"], ["q"], [inner], [h.make_opsetid("", 17)])
    leaky = h.make_node("LeakyRelu", ["a"], ["t"])
    leaky.attribute.append(ref("alpha", "slope"))
    elu = h.make_node("Elu", ["u"], ["b"])
    elu.attribute.append(ref("alpha", "bend"))
    act = h.make_function("our", "Act", ["a"], ["b"], [elu, leaky, h.make_node("Limit", ["t", "", "top"], ["u"], domain="our"),
                          h.make_node("Constant", [], ["top"], value_float=1.5)],
                          [h.make_opsetid("", 17), h.make_opsetid("our", 1)], attributes=["slope"],
                          attribute_protos=[h.make_attribute("bend", 0.5)])
    nodes = [h.make_node("Act", ["x"], ["t"], domain="our", slope=0.1), h.make_node("Act", ["t"], ["y"], domain="our", slope=2.0, bend=3.0)]
    m = model(nodes, [value("x", T.FLOAT, [8])], [value("y", T.FLOAT, [8])], functions=[clip, act], domains=["our"])
    x = f32(8) * 2

    def apply(v, slope, bend):
        v = np.minimum(np.where(v < 0, slope * v, v), 1.5)
        return np.where(v < 0, bend * (np.exp(v) - 1), v).astype(np.float32)
    case("functions", m, [x], want=[[apply(apply(x, 0.1, 0.5), 2.0, 3.0)]])


def names():
    """Unsorted nodes; outputs that are an input, a constant, the same twice; a default; an omitted input."""
    nodes = [h.make_node("Sub", ["b", "w"], ["y"]), h.make_node("Mul", ["a", "a"], ["b"]), h.make_node("Identity", ["x"], ["a"]),
             h.make_node("Clip", ["x", "", "top"], ["c"]), h.make_node("Neg", ["x"], ["unused"])]
    init = [nh.from_array(np.array([1, 2, 3], np.float32), "w"), nh.from_array(np.array(0.5, np.float32), "top")]
    ins = [value("w", T.FLOAT, [3]), value("x", T.FLOAT, [3])]
    outs = [value(n, T.FLOAT, [3]) for n in ("y", "x", "w", "b", "b", "c")]
    x = f32(3)
    w = np.array([1, 2, 3], np.float32)
    case("names", model(nodes, ins, outs, ir=3, initializer=init), [x], want=[[x * x - w, x, w, x * x, x * x, np.minimum(x, 0.5)]])


def external():
    w = f32(40)
    t = onnx.TensorProto(name="w", data_type=T.FLOAT, dims=[40], data_location=onnx.TensorProto.EXTERNAL)
    for k, v in (("location", "data/w.bin"), ("offset", "12"), ("length", "160")):
        t.external_data.add(key=k, value=v)
    m = model([h.make_node("Add", ["x", "w"], ["y"])], [value("x", T.FLOAT, [40])], [value("y", T.FLOAT, [40])], initializer=[t])
    x = f32(40)
    case("external", m, [x], want=[[x + w]], extra=[("data/w.bin", b"x" * 12 + w.tobytes())])


def shapes():
    """A target shape that is computed; unknown sizes; tensors without elements; scalars."""
    nodes = [h.make_node("Shape", ["x"], ["s"]), h.make_node("Gather", ["s", "zero"], ["n"]), h.make_node("Unsqueeze", ["n", "zero1"], ["n1"]),
             h.make_node("Concat", ["n1", "minus"], ["target"], axis=0), h.make_node("Reshape", ["x", "target"], ["flat"]),
             h.make_node("ReduceSum", ["flat", "one1"], ["sum"], keepdims=0), h.make_node("Transpose", ["flat"], ["y"])]
    ints = lambda n, v: nh.from_array(np.array(v, np.int64), n)
    init = [ints("zero", 0), ints("zero1", [0]), ints("one1", [1]), ints("minus", [-1])]
    m = model(nodes, [value("x", T.FLOAT, ["n", "c", 4])], [value("y", T.FLOAT, None), value("sum", T.FLOAT, ["n"])], initializer=init)
    case("shapes", m, [f32(2, 3, 4)], [f32(1, 5, 4)], [f32(7, 1, 4)])
    empty = model([h.make_node("Concat", ["a", "b"], ["c"], axis=0), h.make_node("Exp", ["a"], ["e"])],
                  [value("a", T.FLOAT, ["n", 2]), value("b", T.FLOAT, ["m", 2])], [value("c", T.FLOAT, ["k", 2]), value("e", T.FLOAT, ["n", 2])])
    case("empty", empty, [f32(0, 2), f32(3, 2)], [f32(2, 2), f32(0, 2)], [f32(0, 2), f32(0, 2)])


def old_opsets():
    nodes = [h.make_node("Add", ["x", "w"], ["a"], broadcast=1, axis=1), h.make_node("Reshape", ["a"], ["y"], shape=[0, -1])]
    x, w = f32(2, 3, 4), f32(3)
    m = model(nodes, [value("x", T.FLOAT, [2, 3, 4])], [value("y", T.FLOAT, [2, 12])], opset=1, ir=3, initializer=[nh.from_array(w, "w")])
    m.graph.input.append(value("w", T.FLOAT, [3]))
    case("opset_1", m, [x], want=[[(x + w[None, :, None]).reshape(2, 12)]])
    nodes = [h.make_node("Clip", ["x"], ["c"], min=-0.5, max=0.5), h.make_node("ReduceMean", ["c"], ["m"], axes=[1], keepdims=0),
             h.make_node("Unsqueeze", ["m"], ["u"], axes=[0, 2]), h.make_node("Slice", ["u"], ["y"], axes=[1], starts=[1], ends=[9])]
    m = model(nodes, [value("x", T.FLOAT, [4, 5])], [value("y", T.FLOAT, [1, 3, 1])], opset=9, ir=4)
    x = f32(4, 5)
    case("opset_9", m, [x], want=[[np.clip(x, -0.5, 0.5).mean(1)[None, 1:, None].astype(np.float32)]])


def arithmetic():
    """The same graph over every numeric type."""
    for name, dtype in (("f32", np.float32), ("f64", np.float64), ("f16", np.float16), ("i8", np.int8), ("i16", np.int16), ("i32", np.int32),
                        ("i64", np.int64), ("u8", np.uint8), ("u16", np.uint16), ("u32", np.uint32), ("u64", np.uint64)):
        code = h.np_dtype_to_tensor_dtype(np.dtype(dtype))
        nodes = [h.make_node("Mul", ["a", "b"], ["p"]), h.make_node("Add", ["p", "a"], ["q"]), h.make_node("Max", ["q", "b"], ["r"]),
                 h.make_node("Greater", ["r", "a"], ["g"]), h.make_node("Where", ["g", "r", "b"], ["y"])]
        m = model(nodes, [value("a", code, [2, 1, 3]), value("b", code, [4, 1])], [value("y", code, [2, 4, 3]), value("g", T.BOOL, [2, 4, 3])])
        a, b = (rng.integers(0, 9, s).astype(dtype) for s in ((2, 1, 3), (4, 1)))
        case(f"arithmetic_{name}", m, [a, b])


def random_graphs():
    one = ["Abs", "Neg", "Tanh", "Sigmoid", "Relu", "Softplus", "Floor", "Sin", "Erf"]
    two = ["Add", "Sub", "Mul", "Max", "Min"]
    for seed in range(12):
        r = np.random.default_rng(seed)
        nodes, have = [], ["x", "w"]
        for i in range(30):
            pick = lambda: have[int(r.integers(max(0, len(have) - 6), len(have)))]
            wide = r.random() < 0.5
            nodes.append(h.make_node(two[r.integers(5)] if wide else one[r.integers(9)], [pick(), pick()] if wide else [pick()], [f"v{i}"]))
            have.append(f"v{i}")
            if r.random() < 0.3:
                nodes.append(h.make_node("Tanh", [f"v{i}"], [f"n{i}"]))
                have.append(f"n{i}")
        nodes.append(h.make_node("ReduceMax", [have[-1]], ["y"], axes=[0], keepdims=1))
        rest = [n for n in have[2:] if n.startswith("n")][:2]
        m = model(nodes, [value("x", T.FLOAT, ["n", 6])], [value("y", T.FLOAT, None)] + [value(n, T.FLOAT, None) for n in rest],
                  initializer=[nh.from_array(r.standard_normal(6).astype(np.float32), "w")])
        case(f"graph_{seed}", m, [r.standard_normal((5, 6)).astype(np.float32)], [r.standard_normal((1, 6)).astype(np.float32)])


def low_bit():
    """MatMulNBits, against its definition in double: bits, blocks, and the forms of zero points."""
    r = np.random.default_rng(11)
    for name, bits, block, zeros, dtype, k in (("plain", 4, 32, None, np.float32, 96), ("zeros", 4, 64, "u8", np.float32, 150),
                                               ("half", 4, 128, "u8", np.float16, 256), ("real_zeros", 4, 32, "f", np.float32, 64),
                                               ("bytes", 8, 32, "u8", np.float32, 70), ("small", 4, 16, "u8", np.float32, 48),
                                               ("small_real", 4, 16, "f", np.float32, 40), ("half_real", 4, 16, "f", np.float16, 33)):
        n, blocks = 21, -(-k // block)
        q = r.integers(0, 1 << bits, (n, blocks * block), dtype=np.uint8)
        packed = q if bits == 8 else q[:, ::2] | q[:, 1::2] << 4
        scale = (r.random((n, blocks)) * 0.05 + 0.01).astype(dtype)
        init = [nh.from_array(packed.reshape(n, blocks, -1), "w"), nh.from_array(scale, "s")]
        zero = np.full((n, blocks), 1 << bits - 1)
        if zeros == "u8":
            zero = r.integers(0, 1 << bits, (n, blocks + blocks % 2), dtype=np.uint8)
            init.append(nh.from_array(zero[:, :blocks].copy() if bits == 8 else zero[:, ::2] | zero[:, 1::2] << 4, "z"))
        elif zeros:
            zero = (r.random((n, blocks)) * 15).astype(dtype)
            init.append(nh.from_array(zero, "z"))
        bias, x = r.standard_normal(n).astype(dtype), r.standard_normal((2, 3, k)).astype(dtype)
        init.append(nh.from_array(bias, "b"))
        node = h.make_node("MatMulNBits", ["x", "w", "s", "z" if zeros else "", "", "b"], ["y"], domain="com.microsoft",
                           N=n, K=k, bits=bits, block_size=block)
        wide = lambda t: np.repeat(t.astype(np.float64)[:, :blocks], block, axis=1)
        w = ((q - wide(zero)) * wide(scale))[:, :k]
        t = h.np_dtype_to_tensor_dtype(np.dtype(dtype))
        m = model([node], [value("x", t, [2, "m", k])], [value("y", t, [2, "m", n])], domains=["com.microsoft"], initializer=init)
        case(f"nbits_{name}", m, [x], want=[[(x.astype(np.float64) @ w.T + bias).astype(dtype)]])


def overhanging_windows():
    """Pools whose only window is wider than the padded image: ceil_mode rounds their count up to 1."""
    x = f32(2, 3, 4, 5)
    for name, op, pads, more in (("max", "MaxPool", [0, 0, 0, 0], {}), ("average", "AveragePool", [1, 0, 0, 0], {"count_include_pad": 1})):
        node = h.make_node(op, ["x"], ["y"], kernel_shape=[6, 3], strides=[3, 2], pads=pads, ceil_mode=1, **more)
        m = model([node], [value("x", T.FLOAT, ["n", 3, 4, 5])], [value("y", T.FLOAT, ["n", 3, 1, 2])])
        take = (lambda v: v.max((2, 3))) if op == "MaxPool" else (lambda v: v.sum((2, 3)) / np.float32(15))
        case(f"overhanging_{name}", m, [x], want=[[np.stack([take(v) for v in (x[..., 0:3], x[..., 2:5])], -1)[:, :, None]]])


def grouped_queries():
    """GroupQueryAttention, against its definition in double: packed prompts, caches that grow or have room, rows of different lengths."""
    r = np.random.default_rng(13)
    real = lambda *shape: r.standard_normal(shape).astype(np.float32)
    heads, kv, size, turned = 4, 2, 8, 4
    cos, sin = real(40, turned), real(40, turned)

    def turn(x, at):  # x [B, S, heads, D], at [B, S]
        a, b, co, si = x[..., :turned], x[..., turned:], cos[at][:, :, None], sin[at][:, :, None]
        return np.concatenate([a * co - b * si, a * si + b * co], -1)

    for name, s, lengths, room, packed, more in (("prompt", 5, [5, 5], 0, True, {"local_window_size": 3}), ("grown", 1, [7, 7], 6, False, {}),
                                                 ("uneven", 1, [4, 9], 11, False, {"softcap": 5.0}), ("behind", 3, [8], 5, True, {"scale": 0.3})):
        b, total = len(lengths), max(lengths)
        q, k, v = (real(b, s, h * size) for h in (heads, kv, kv))
        past = [real(b, kv, room, size) for _ in range(2)] if room else []
        kept = np.array(lengths) - s
        at = kept[:, None] + np.arange(s)
        part = [x.astype(np.float64).reshape(b, s, -1, size) for x in (q, k, v)]
        part[:2] = [turn(x, at) for x in part[:2]]
        present = [np.zeros((b, kv, max(room, total), size)) for _ in range(2)]
        for have, old, new in zip(present, past or [np.zeros((b, kv, 0, size))] * 2, part[1:]):
            have[:, :, :room] = old
            for i in range(b):
                have[i, :, kept[i]:lengths[i]] = new[i].transpose(1, 0, 2)
        key, val = (np.repeat(x, heads // kv, 1) for x in present)
        score = part[0].transpose(0, 2, 1, 3) @ key.transpose(0, 1, 3, 2) * more.get("scale", size ** -0.5)
        if "softcap" in more:
            score = more["softcap"] * np.tanh(score / more["softcap"])
        there, last = np.arange(key.shape[2]), at[:, None, :, None]
        hidden = (there > last) | (there <= last - more.get("local_window_size", 99))
        e = np.where(hidden, 0, np.exp(score))
        y = (e / e.sum(-1, keepdims=True) @ val).transpose(0, 2, 1, 3).reshape(b, s, -1)
        feeds = {"q": np.concatenate([q, k, v], -1)} if packed else {"q": q, "k": k, "v": v}
        feeds |= dict(zip(("pk", "pv"), past))
        feeds |= {"lengths": np.array(lengths, np.int32) - 1, "total": np.array([total], np.int32)}
        names = ["q", "k", "v", "pk", "pv", "lengths", "total"]
        node = h.make_node("GroupQueryAttention", [n if n in feeds else "" for n in names] + ["cos", "sin"], ["y", "yk", "yv"],
                           domain="com.microsoft", num_heads=heads, kv_num_heads=kv, do_rotary=1, **more)
        types = {"lengths": T.INT32, "total": T.INT32}
        inputs = [value(n, types.get(n, T.FLOAT), ["b"] + [None] * (x.ndim - 2) + [x.shape[-1]] if x.ndim > 1 else x.shape) for n, x in feeds.items()]
        m = model([node], inputs, [value(n, T.FLOAT, None) for n in ("y", "yk", "yv")], domains=["com.microsoft"],
                  initializer=[nh.from_array(cos, "cos"), nh.from_array(sin, "sin")])
        case(f"gqa_{name}", m, list(feeds.values()), want=[[x.astype(np.float32) for x in (y, *present)]])

    x, places = real(2, 3, 2 * 2 * turned), np.array([[3, 0, 7], [1, 2, 3]])
    node = h.make_node("RotaryEmbedding", ["x", "places", "cos", "sin"], ["y"], domain="com.microsoft")
    m = model([node], [value("x", T.FLOAT, [2, "s", 16]), value("places", T.INT64, [2, "s"])], [value("y", T.FLOAT, [2, "s", 16])],
              domains=["com.microsoft"], initializer=[nh.from_array(cos, "cos"), nh.from_array(sin, "sin")])
    case("rotary_contrib", m, [x, places], want=[[turn(x.reshape(2, 3, 2, 8), places).reshape(2, 3, 16).astype(np.float32)]])


for make in (perceptron, constants, encodings, functions, names, external, shapes, old_opsets, arithmetic, random_graphs, low_bit,
             overhanging_windows, grouped_queries):
    make()
plain = io.BytesIO()
with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
    for name in sorted(files):
        info = tarfile.TarInfo("cases/" + name)
        info.size = len(files[name])
        tar.addfile(info, io.BytesIO(files[name]))
packed = lzma.compress(plain.getvalue(), preset=9 | lzma.PRESET_EXTREME)
with open(os.path.join(HERE, "cases.tar.xz"), "wb") as f:
    f.write(packed)
print(f"{len({n.split('/')[0] for n in files})} cases, {len(packed)} bytes")
