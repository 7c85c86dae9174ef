"""The engines that vs_onnxruntime.py times: each has turn(k) -> seconds of k runs (median), outputs().

Peers say in `name` what they are and which version. OpenVINO is held to the model's arithmetic: left
alone it takes bfloat16 on processors that have it, and quantises what meets weights of 8 bits, which
are other results.
"""
import json
import os
import subprocess
import time

import numpy as np
import onnxruntime as ort

try:
    import openvino
except ImportError:
    openvino = None


class Failure(Exception):
    """One model cannot be measured; the text says why."""


def median_of(run, k):
    """Median seconds of k calls after one that is not counted."""
    run()
    times = []
    for _ in range(k):
        t = time.perf_counter()
        run()
        times.append(time.perf_counter() - t)
    return float(np.median(times))


class OnnxRuntime:
    name = f"onnxruntime {ort.__version__}"

    def __init__(self, path, feeds, threads, exact=False):
        opt = ort.SessionOptions()
        opt.intra_op_num_threads, opt.inter_op_num_threads = threads, 1
        opt.log_severity_level = 3
        if exact:
            opt.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
            opt.add_session_config_entry("session.x64quantprecision", "1")
        self.session = ort.InferenceSession(path, opt, providers=["CPUExecutionProvider"])
        self.feeds = feeds

    def turn(self, k):
        return median_of(lambda: self.session.run(None, self.feeds), k)

    def outputs(self):
        names = [o.name for o in self.session.get_outputs()]
        return {n: dense(v) for n, v in zip(names, self.session.run(None, self.feeds))}


class OpenVino:
    """Compiled for the shapes of the feeds, one stream, inputs and outputs shared with NumPy."""

    name = openvino and "openvino " + openvino.__version__.split("-")[0]

    def __init__(self, path, feeds, threads):
        core = openvino.Core()
        model = core.read_model(path)
        model.reshape({k: list(v.shape) for k, v in feeds.items()})
        self.request = core.compile_model(model, "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "f32",
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0}).create_infer_request()
        self.feeds = feeds

    def turn(self, k):
        return median_of(lambda: self.request.infer(self.feeds, share_inputs=True, share_outputs=True), k)


def peers():
    """The peers that this Python has; ONNX Runtime comes first."""
    return [OnnxRuntime] + ([OpenVino] if openvino else [])


class IngotCommand:
    """`ingot run --repeat K --json` in a process of its own; it prints the median of its runs."""

    name = "ingot"

    def __init__(self, ingot, model, feeds, threads, folder):
        inputs, self.result = os.path.join(folder, "in.npz"), os.path.join(folder, "out.npz")
        np.savez(inputs, **feeds)
        self.command = [ingot, "run", model, "--inputs", inputs, "--outputs", self.result, "--threads", str(threads)]

    def turn(self, k):
        # the runs before the first timed one, and opening the model, are the command's own affair
        text = call(self.command + ["--repeat", str(k), "--json"])
        try:
            return float(json.loads(text)["median_s"])
        except (ValueError, KeyError, TypeError):
            raise Failure(f"`ingot run --repeat --json` gave no median_s: {text[:120]!r}") from None

    def outputs(self):
        call(self.command)
        with np.load(self.result) as z:
            return {k: z[k] for k in z.files}


def call(command):
    p = subprocess.run(command, capture_output=True, text=True)
    if p.returncode:
        raise Failure(f"{os.path.basename(command[0])} {command[1]}: exit {p.returncode}: {p.stderr.strip()[:240]}")
    return p.stdout


def dense(value):
    """A sequence of maps (ZipMap) as [N, C] in class order, as `ingot run` writes it."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return np.array([[row[k] for k in sorted(row)] for row in value])
    return value
