"""Ingot, ONNX Runtime and, where it is installed, OpenVINO on the same models, inputs and threads.

For each model the engines take turns (A B C A B C ...): a turn runs the model often enough to fill a
slice of time and gives the median of its runs. Ratios are taken within a round of neighbouring
turns, where the machine was in one state, and the median of these ratios is reported; above 1 Ingot
is the faster one. `ratio` is to ONNX Runtime, `best` to the faster peer of the whole measurement.
Errors are against ONNX Runtime without graph optimisation and with exact int8 products, relative to
the output's largest value.

Without ONNX Runtime there is nothing to compare with: a message, exit 0.
"""
import argparse
import glob
import json
import os
import platform
import re
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

try:
    import numpy as np
    import onnx
    import onnxruntime as ort
except ImportError as missing:
    print(f"vs_onnxruntime: skipped: {missing} (pip install numpy onnx onnxruntime)")
    sys.exit(0)

import models
from engines import Failure, IngotCommand, OnnxRuntime, call, peers

SYMBOLS = {"batch": 1, "seq": 128}  # sizes of named dimensions when inputs are made up; others are 1
SCALARS = {"sr": 16000}  # scalar inputs whose value picks a branch
DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16,
          "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(uint8)": np.uint8,
          "tensor(int8)": np.int8, "tensor(bool)": np.bool_}
PAUSE = 0.05  # seconds between turns, so that the other engine's spinning threads have gone to sleep


# ---- models and inputs ---------------------------------------------------------------------------

def default_models(wanted, cache):
    """[(name, path)]: the repository's own, the shared real ones where they lie beside it, the classics."""
    found = [(os.path.basename(p)[:-5], p) for p in sorted(glob.glob(ROOT + "/examples/models/*.onnx"))]
    shared = os.path.join(os.path.dirname(ROOT), "shared/models/onnx/*/model.onnx")
    found += [(os.path.basename(os.path.dirname(p)), p) for p in sorted(glob.glob(shared))]
    found = [(n, p) for n, p in found if wanted(n)]
    return found + [(n, models.cached(n, cache)) for n in models.names() if wanted(n)]


def golden_inputs(path):
    """The first case of NAME.golden.npz or golden.npz beside the model; {} where there is none."""
    for g in path[:-5] + ".golden.npz", os.path.join(os.path.dirname(path), "golden.npz"):
        if os.path.exists(g):
            with np.load(g) as z:
                return {k[4:]: z[k] for k in z.files if k.startswith("in0.")}
    return {}


def inputs_for(path):
    """Golden inputs, and for inputs without one: seeded noise, ids, ones for masks, zeros for state."""
    feeds, rng = golden_inputs(path), np.random.default_rng(1)
    for i in ort.InferenceSession(path, providers=["CPUExecutionProvider"]).get_inputs():
        if i.name in feeds:
            continue
        if i.type not in DTYPES:
            raise Failure(f"input {i.name} is {i.type}: no rule to make one")
        dtype = DTYPES[i.type]
        shape = [d if isinstance(d, int) else SYMBOLS.get(d, 1) for d in i.shape]
        if "mask" in i.name:
            x = np.ones(shape)
        elif "state" in i.name or "type_ids" in i.name:
            x = np.zeros(shape)
        elif not shape:
            x = np.array(SCALARS.get(i.name, 1))
        elif np.issubdtype(dtype, np.floating):
            x = rng.standard_normal(shape)
        else:
            x = rng.integers(0, 100, shape)
        feeds[i.name] = x.astype(dtype)
    return feeds


def error_between(got, want):
    """Largest difference over all outputs relative to each output's scale; labels differ: infinite."""
    worst = 0.0
    for name, w in want.items():
        g, w = got.get(name), np.asarray(w)
        if g is None or g.shape != w.shape:
            shape = None if g is None else list(g.shape)
            raise Failure(f"output {name}: Ingot gives {shape}, ONNX Runtime {list(w.shape)}")
        if w.dtype.kind != "f":
            worst = max(worst, 0.0 if [str(v) for v in g.ravel()] == [str(v) for v in w.ravel()] else np.inf)
        elif w.size:
            g, w = g.astype(np.float64), w.astype(np.float64)
            if (np.isnan(g) != np.isnan(w)).any():
                return np.inf
            worst = max(worst, float(np.nanmax(np.abs(g - w)) / max(np.nanmax(np.abs(w)), 1e-6)))
    return worst


# ---- measuring -----------------------------------------------------------------------------------

def take_turns(engines, rounds, slice_s):
    """Median seconds [rounds, engines]; who begins changes from round to round."""
    once = engines[-1].turn(3)
    k = int(np.clip(slice_s / max(once, 1e-6), 3, 2000))
    seconds = np.zeros((rounds, len(engines)))
    for r in range(rounds):
        for i in np.roll(np.arange(len(engines)), r):
            time.sleep(PAUSE)
            seconds[r, i] = engines[i].turn(k)
    return seconds


def against(ours, theirs, name):
    """Ingot's seconds beside a peer's, round by round."""
    low, ratio, high = (float(v) for v in np.quantile(theirs / ours, [0.1, 0.5, 0.9]))
    return {"name": name, "median": float(np.median(theirs) * 1e3), "ratio": ratio, "p10": low, "p90": high}


def measure(name, path, threads, a, folder):
    """One result row, in the shape that all of Ingot's benches write."""
    feeds = inputs_for(path)
    converted = os.path.join(folder, name + ".ingot")
    if not os.path.exists(converted):
        call([a.ingot, "convert", path, "-o", converted])
    ours = IngotCommand(a.ingot, converted, feeds, threads, folder)
    error = error_between(ours.outputs(), OnnxRuntime(path, feeds, 1, exact=True).outputs())
    others, missing = [], {}
    for peer in peers():
        try:
            others.append(peer(path, feeds, threads))
        except Exception as why:  # OpenVINO knows fewer ops than ONNX Runtime and throws what it likes
            if peer is OnnxRuntime:
                raise
            missing[peer.name] = str(why).strip().splitlines()[-1][:120]
    t = take_turns([ours] + others, a.rounds, a.slice)
    ms = [float(v) for v in np.quantile(t[:, 0] * 1e3, [0.5, 0.1, 0.9])]
    beside = [against(t[:, 0], t[:, 1 + i], e.name) for i, e in enumerate(others)]
    best = min(beside, key=lambda p: p["median"])
    shape = ",".join(f"{k}={'x'.join(map(str, v.shape)) or 'scalar'}" for k, v in feeds.items())
    return {"bench": "vs_onnxruntime", "model": name, "shape": shape, "threads": threads, "median": ms[0], "p10": ms[1],
            "p90": ms[2], "unit": "ms", "peer": beside[0]["name"], "peer_median": beside[0]["median"],
            "ratio": beside[0]["ratio"], "ratio_p10": beside[0]["p10"], "ratio_p90": beside[0]["p90"],
            "peers": beside, "best_peer": best["name"], "best_ratio": best["ratio"], "missing": missing,
            "error": error if np.isfinite(error) else "inf"}


def machine():
    cpu = platform.processor()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            cpu = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), cpu)
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "system": f"{platform.system()} {platform.machine()}"}


def options():
    ap = argparse.ArgumentParser(prog="vs_onnxruntime", description="Ingot, ONNX Runtime and OpenVINO side by side.")
    ap.add_argument("models", nargs="*", help="ONNX files (default: the repository's, shared real ones, classics)")
    ap.add_argument("--threads", default="1", help="thread counts, as 1,2")
    ap.add_argument("--filter", default="", metavar="RE", help="only models whose name matches")
    ap.add_argument("--json", metavar="F", help="write the results here")
    ap.add_argument("--rounds", type=int, default=7, help="rounds of turns a model (7)")
    ap.add_argument("--slice", type=float, default=0.3, metavar="S", help="seconds of a turn (0.3)")
    ap.add_argument("--ingot", default=ROOT + "/build/bin/ingot", help="the command (build/bin/ingot)")
    ap.add_argument("--cache", default=ROOT + "/build/bench-models", help="where built models are kept")
    a = ap.parse_args()
    try:
        a.wanted = re.compile(a.filter)
        a.counts = [int(t) for t in a.threads.split(",")]
    except (re.error, ValueError) as why:
        ap.error(str(why))
    if min(a.counts) < 1 or a.rounds < 1 or a.slice <= 0:
        ap.error("--threads, --rounds and --slice must be positive")
    if not os.access(a.ingot, os.X_OK):
        ap.error(f"{a.ingot} is not there: build Ingot first (cmake --build build), or name it with --ingot")
    return a


def head():
    names = "".join(f" {p.name.split()[0][:11]:>11}" for p in peers())
    return f"{'model':32} {'thr':>3} {'ingot ms':>10}{names} {'ratio':>6} {'best':>6} {'p10..p90':>12} {'error':>8}"


def line_of(r):
    times = {p["name"]: p for p in r["peers"]}
    ms = "".join(f" {times[p.name]['median']:11.3f}" if p.name in times else f" {'-':>11}" for p in peers())
    best = times[r["best_peer"]]
    return (f"{r['model']:32} {r['threads']:3d} {r['median']:10.3f}{ms} {r['ratio']:6.2f} {best['ratio']:6.2f} "
            f"{best['p10']:5.2f}..{best['p90']:<5.2f} {float(r['error']):8.1e}")


def main():
    a = options()
    ort.set_default_logger_severity(3)
    if a.models:
        chosen = [(os.path.basename(p).removesuffix(".onnx"), p) for p in a.models]
        chosen = [(n if n != "model" else os.path.basename(os.path.dirname(os.path.abspath(p))), p)
                  for n, p in chosen]
        chosen = [(n, p) for n, p in chosen if a.wanted.search(n)]
    else:
        chosen = default_models(a.wanted.search, a.cache)
    if not chosen:
        sys.exit("vs_onnxruntime: no model matches")
    print(head(), flush=True)
    results, failed = [], 0
    for name, path in chosen:
        with tempfile.TemporaryDirectory() as folder:
            for threads in a.counts:
                try:
                    r = measure(name, path, threads, a, folder)
                except Exception as why:  # one bad model must not end the table; ORT has many error types
                    failed += 1
                    print(f"{name:32} {threads:3d} FAILED {why}", flush=True)
                    continue
                results.append(r)
                print(line_of(r), flush=True)
    if results:
        mean, best = (np.exp(np.mean([np.log(r[k]) for r in results])) for k in ("ratio", "best_ratio"))
        print(f"{len(results)} measured, {failed} failed; geometric mean ratio {mean:.2f}, to the best {best:.2f} "
              "(above 1: Ingot is faster)")
    if a.json:
        with open(a.json, "w", encoding="utf-8") as f:
            json.dump({"machine": machine(), "results": results, "failed": failed}, f, indent=1)
            f.write("\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
