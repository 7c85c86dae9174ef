"""Ingot and llama.cpp side by side on the same GGUF files and thread counts.

The two engines take turns: a turn of Ingot is one `ingot bench generate --quick`, a turn of llama.cpp the same cases in a
process of its own (llamacpp_turns.py). The ratio is taken within a pair of neighbouring turns, where the machine was in one
state, and the median of these ratios is reported; above 1 Ingot is the faster one. Models are random weights of two shapes
(gguf_model.py) unless files are given. Without llama-cpp-python there is nothing to compare with: a message, exit 0.
"""
import argparse
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if not all(map(importlib.util.find_spec, ("numpy", "llama_cpp"))):
    print("vs_llamacpp: skipped: numpy or llama-cpp-python is missing (pip install numpy llama-cpp-python)")
    sys.exit(0)

import numpy as np

import gguf_model

PAUSE = 0.1  # seconds between turns, so that the other engine's spinning threads have gone to sleep
# name and shape as `ingot bench generate` has them: the request, tokens of a call, unit
CASES = {("open", ""): ({"do": "open"}, None, "ms"),
         ("prompt", "tokens=512"): ({"do": "prompt", "n": 512}, 512, "tok/s"),
         ("answer", "depth=0,batch=1"): ({"do": "answer", "depth": 0, "batch": 1, "steps": 16}, 1, "tok/s"),
         ("answer", "depth=0,batch=8"): ({"do": "answer", "depth": 0, "batch": 8, "steps": 8}, 8, "tok/s"),
         ("answer", "depth=2048,batch=1"): ({"do": "answer", "depth": 2048, "batch": 1, "steps": 8}, 1, "tok/s")}


class Failure(Exception):
    """One model cannot be measured; the text says why."""


def call(command, **more):
    p = subprocess.run(command, capture_output=True, text=True, **more)
    if p.returncode:
        raise Failure(f"{os.path.basename(command[0])} {command[1]}: exit {p.returncode}: {p.stderr.strip()[:240]}")
    return p.stdout


# ---- the two engines: turn() -> {case: seconds} ---------------------------------------------------

class Ingot:
    def __init__(self, a, path, threads, folder):
        self.command, self.threads, self.limits = a.ingot, threads, {}
        self.model, self.json = os.path.join(folder, "m.ingot"), os.path.join(folder, "bench.json")
        if not os.path.exists(self.model):
            call([a.ingot, "convert", path, "-o", self.model, "--quiet"])

    def turn(self):
        call([self.command, "bench", "generate", self.model, "--quick", "--quiet", "--threads", str(self.threads),
              "--json", self.json])
        with open(self.json, encoding="utf-8") as f:
            results = json.load(f)["results"]
        times = {}
        for r in results:
            key = (r["bench"], "" if r["bench"] == "open" else r["shape"])
            times[key] = r["seconds"]
            self.limits.setdefault(key, []).append((r.get("limit"), r.get("limit_pct")))
        return times

    def limit(self, case):
        found = [pct for _, pct in self.limits[case] if pct is not None]
        return (self.limits[case][0][0], float(np.median(found))) if found else (None, None)

    def memory(self):
        """The peak of a prompt of 512 tokens and a short answer, in a process of its own."""
        ids = ",".join(str(300 + i) for i in range(512))
        probe = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
                 "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        return 1024 * int(call([sys.executable, "-c", probe, self.command, "generate", self.model, "--ids", ids, "-n", "8",
                                "--temp", "0", "--ignore-eos", "--threads", str(self.threads)]))


class LlamaCpp:
    def __init__(self, path, threads, folder):
        self.process = subprocess.Popen([sys.executable, os.path.join(ROOT, "bench/llamacpp_turns.py"), path, str(threads),
                                         folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.version = self.read()["version"]

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure("llama.cpp's process ended")
        return json.loads(line)

    def ask(self, request):
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return self.read()

    def turn(self):
        return {case: self.ask(request)["seconds"] for case, (request, _, _) in CASES.items()}

    def memory(self):
        """The peak of a process that does what Ingot's does."""
        self.ask({"do": "prompt", "n": 512})
        self.ask({"do": "answer", "depth": 0, "batch": 1, "steps": 8})
        peak = self.ask({"do": "memory"})["bytes"]
        self.close()
        return peak

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# ---- measuring -------------------------------------------------------------------------------------

def result(name, threads, case, pairs, ours, version):
    """One result row, in the shape that all of Ingot's benches write."""
    _, tokens, unit = CASES[case]
    t = np.array(pairs)
    figures = tokens / t[:, 0] if tokens else 1e3 * t[:, 0]
    median, low, high = (float(v) for v in np.quantile(figures, [0.5, 0.1, 0.9]))
    ratio_low, ratio, ratio_high = (float(v) for v in np.quantile(t[:, 1] / t[:, 0], [0.1, 0.5, 0.9]))
    theirs = float(np.median(t[:, 1]))
    row = {"bench": "vs_llamacpp", "model": name, "case": case[0], "shape": case[1], "threads": threads, "median": median,
           "p10": low, "p90": high, "unit": unit, "peer": f"llama-cpp-python {version}",
           "peer_median": tokens / theirs if tokens else 1e3 * theirs, "ratio": ratio, "ratio_p10": ratio_low,
           "ratio_p90": ratio_high}
    limit, pct = ours.limit(case)
    if limit:
        row |= {"limit": limit, "limit_pct": pct}
    return row


def show(r):
    limit = f"{r['limit_pct']:5.1f} % of {r['limit']}" if "limit" in r else ""
    print(f"{r['model']:12} {r['threads']:3d} {r['case']:6} {r['shape']:20} {r['median']:10.2f} {r['peer_median']:10.2f} "
          f"{r['unit']:5} {r['ratio']:6.2f} {r['ratio_p10']:5.2f}..{r['ratio_p90']:<5.2f} {limit}", flush=True)


def measure(name, path, threads, a, folder):
    ours, theirs = Ingot(a, path, threads, folder), LlamaCpp(path, threads, a.cache)
    pairs = {case: [] for case in CASES}
    try:
        theirs.ask(CASES["answer", "depth=2048,batch=1"][0])  # computes a long text and keeps it in a file
        for i in range(a.rounds):
            times = {}
            for engine in (ours, theirs) if i % 2 == 0 else (theirs, ours):
                time.sleep(PAUSE)
                times[engine] = engine.turn()
            for case in CASES:
                pairs[case].append((times[ours][case], times[theirs][case]))
        rows = [result(name, threads, case, pairs[case], ours, theirs.version) for case in CASES]
        mine, its = ours.memory(), LlamaCpp(path, threads, a.cache).memory()
    finally:
        theirs.close()
    rows.append({"bench": "vs_llamacpp", "model": name, "case": "memory", "shape": f"file={os.path.getsize(path)}",
                 "threads": threads, "median": mine / 1e6, "p10": mine / 1e6, "p90": mine / 1e6, "unit": "MB",
                 "peer": f"llama-cpp-python {theirs.version}", "peer_median": its / 1e6, "ratio": its / mine,
                 "ratio_p10": its / mine, "ratio_p90": its / mine})
    for r in rows:
        show(r)
    return rows


def machine():
    cpu = platform.processor()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            cpu = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), cpu)
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "system": f"{platform.system()} {platform.machine()}"}


def default_models(a):
    """[(name, path)] of random weights, made where they are not there yet."""
    chosen = []
    for shape in ("125M", "1.1B"):
        for kind in ("q4_0", "q8_0", "q4_K", "f16"):
            name = f"{shape}-{kind}"
            path = os.path.join(a.cache, name + ".gguf")
            if not a.wanted.search(name):
                continue
            if not os.path.exists(path):
                gguf_model.write(path, shape, kind)
            chosen.append((name, path))
    return chosen


def options():
    ap = argparse.ArgumentParser(prog="vs_llamacpp", description="Ingot and llama.cpp side by side.")
    ap.add_argument("models", nargs="*", help="GGUF files (default: random weights of 125M and 1.1B in four types)")
    ap.add_argument("--threads", default="1", help="thread counts, as 1,2")
    ap.add_argument("--filter", default="", metavar="RE", help="only models whose name matches")
    ap.add_argument("--json", metavar="F", help="write the results here")
    ap.add_argument("--rounds", type=int, default=3, help="pairs of turns a model (3)")
    ap.add_argument("--ingot", default=ROOT + "/build/bin/ingot", help="the command (build/bin/ingot)")
    ap.add_argument("--cache", default=ROOT + "/build/bench-models", help="where made models and texts are kept")
    a = ap.parse_args()
    try:
        a.wanted = re.compile(a.filter)
        a.counts = [int(t) for t in a.threads.split(",")]
    except (re.error, ValueError) as why:
        ap.error(str(why))
    if min(a.counts) < 1 or a.rounds < 1:
        ap.error("--threads and --rounds must be positive")
    if not os.access(a.ingot, os.X_OK):
        ap.error(f"{a.ingot} is not there: build Ingot first (cmake --build build), or name it with --ingot")
    return a


def main():
    a = options()
    os.makedirs(a.cache, exist_ok=True)
    chosen = [(os.path.basename(p).removesuffix(".gguf"), p) for p in a.models] or default_models(a)
    chosen = [(n, p) for n, p in chosen if a.wanted.search(n)]
    if not chosen:
        sys.exit("vs_llamacpp: no model matches")
    print(f"{'model':12} {'thr':>3} {'case':6} {'shape':20} {'ingot':>10} {'llama.cpp':>10} {'unit':5} {'ratio':>6} p10..p90")
    results, failed = [], 0
    for name, path in chosen:
        with tempfile.TemporaryDirectory() as folder:
            for threads in a.counts:
                try:
                    results += measure(name, path, threads, a, folder)
                except (Failure, OSError, KeyError, ValueError) as why:
                    failed += 1
                    print(f"{name:12} {threads:3d} FAILED {why}", flush=True)
    if a.json:
        with open(a.json, "w", encoding="utf-8") as f:
            json.dump({"machine": machine(), "results": results, "failed": failed}, f, indent=1)
            f.write("\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
