#!/usr/bin/env python3
"""Our CUDA kernels beside torch's (cuBLAS, SDPA, _int_mm) in one run, on one device.

    bench.py LIBRARY [--json F] [--only NAME] [--seconds S]

LIBRARY is libingot_bench_gpu.so. Each case is checked first (a float64 product of sampled rows, or
torch on upcast inputs; poisoned outputs), then both sides are captured in CUDA graphs and replayed in
turns, so that they meet the same clocks; inputs are random and rotate among sets larger than the L2.
A line says: time of ours, of the peer, ratio (more than 1: ours is faster), share of the ceiling that
was measured at the start of this run, spread of our own times. The JSON is written after every case; a
case that loses the device's context is told as failed, and a new process goes on behind it. Exit code:
0, 1 (a case failed), 77 (no torch, or no device).
"""
import argparse
import ctypes
import json
import math
import os
import statistics
import sys
import time

try:
    import torch
except ImportError:
    torch = None  # main tells

P, I, L, Z = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_size_t
SETS_BYTES = 256 << 20  # of inputs that are rotated: four times an H200's L2
REPEATS = 20


def ptr(t):
    return None if t is None else t.data_ptr()


def stream():
    return torch.cuda.current_stream().cuda_stream


def done(status):
    if status:
        raise RuntimeError(f"a launcher returned {status}")


# ---- timing --------------------------------------------------------------------------------------

def capture(calls):
    """A graph of all calls, after a warm-up of each."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for call in calls:
            call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=side):
        for call in calls:
            call()
    return graph


def replay_ms(graph, n):
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    graph.replay()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / n


def race(ours, theirs):
    """Median times in ms of one call, ours and theirs, in turns; and the spread of ours."""
    sides = [(capture(c), len(c), []) for c in (ours, theirs) if c]
    for graph, n, _ in sides:
        for _ in range(3):
            replay_ms(graph, n)
    for _ in range(REPEATS):
        for graph, n, times in sides:
            times.append(replay_ms(graph, n))
    medians = [statistics.median(times) for _, _, times in sides]
    first = sorted(sides[0][2])
    spread = (first[-len(first) // 10] - first[len(first) // 10]) / medians[0]
    return medians[0], medians[1] if len(medians) > 1 else None, spread


def error(got, want):
    got, want = got.double(), want.double()
    e = (got - want).norm() / want.norm()
    return float("inf") if torch.isnan(e) else float(e)


# ---- the bench -----------------------------------------------------------------------------------

class Bench:
    def __init__(self, library, only, until, file):
        self.lib = ctypes.CDLL(library)
        for name in ("bench_gemm_room", "bench_w4_scratch", "bench_paged_open"):
            getattr(self.lib, name).restype = Z
        self.lib.bench_gemm_name.restype = ctypes.c_char_p
        self.only, self.until, self.file = only, until, file
        self.results = []
        self.chip = torch.cuda.get_device_properties(0)

    def ceilings(self):
        a = torch.empty(1 << 32, dtype=torch.uint8, device="cuda").random_()
        b = torch.empty_like(a)
        ms, _, _ = race([lambda: b.copy_(a)], None)
        self.bandwidth = 2 * a.numel() / ms / 1e9  # TB/s
        del a, b
        x, w = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
        ms, _, _ = race([lambda: x @ w.T], None)
        self.flops = 2 * 8192**3 / ms / 1e9  # TFLOP/s
        print(f"{self.chip.name}: copy {self.bandwidth:.2f} TB/s, torch bf16 8192^3 {self.flops:.0f} TFLOP/s")

    def case(self, name, ours, theirs, err, bound, flops=0, nbytes=0, peer="torch"):
        ok = err < bound
        us, them, spread = race(ours, theirs)
        limit = nbytes / us / 1e9 / self.bandwidth if nbytes else flops / us / 1e9 / self.flops
        line = {"case": name, "ms": us, "peer": peer if them else None, "peer_ms": them,
                "ratio": them / us if them else None, "limit": "bandwidth" if nbytes else "torch bf16 8192^3",
                "share": limit, "spread": spread, "error": err, "ok": ok}
        if flops:
            line["tflops"] = flops / us / 1e9
        self.results.append(line)
        print(f"{name:38} {us:9.4f} ms  {'%9.4f ms %5.2fx' % (them, them / us) if them else ' ' * 19}  "
              f"{100 * limit:5.1f} %  spread {100 * spread:4.1f} %  error {err:.1e}{'' if ok else '  WRONG'}")

    def run(self, name, fn, *args):
        if self.only and self.only not in name:
            return
        if time.time() > self.until:
            print(f"{name:38} left out: no time")
            return
        try:
            fn(name, *args)
        except Exception as e:  # one case that fails must not hide the others
            self.results.append({"case": f"{name} {' '.join(map(str, args))}", "ok": False, "exception": str(e)})
            print(f"{name:38} FAILED: {e}")
        self.write()
        torch.cuda.synchronize()  # fails where the context is lost
        torch.cuda.empty_cache()

    def write(self):
        if not self.file:
            return
        report = {"device": self.chip.name, "torch": torch.__version__, "cuda": torch.version.cuda,
                  "date": time.strftime("%Y-%m-%d"), "copy_TBps": self.bandwidth,
                  "torch_bf16_TFLOPs": self.flops, "results": self.results}
        with open(self.file + ".part", "w") as f:
            json.dump(report, f, indent=1)
        os.replace(self.file + ".part", self.file)

    # ---- products ----

    def gemm(self, name, m, n, k, dtype=None):
        dtype = dtype or torch.bfloat16
        kind = 2 if dtype == torch.bfloat16 else 1
        sets = max(1, min(8, SETS_BYTES // (2 * (m * k + n * k))))
        x = [torch.randn(m, k, device="cuda", dtype=dtype) for _ in range(sets)]
        w = [torch.randn(n, k, device="cuda", dtype=dtype) / math.sqrt(k) for _ in range(sets)]
        c = torch.full((m, n), float("nan"), device="cuda", dtype=dtype)
        room = self.lib.bench_gemm_room(I(kind), I(m), I(n), I(k))
        space = torch.empty(max(room, 1), dtype=torch.uint8, device="cuda")
        tickets = torch.zeros(4096, dtype=torch.int32, device="cuda")

        def one(i):
            done(self.lib.bench_gemm(I(kind), P(ptr(c)), P(ptr(x[i])), P(ptr(w[i])), I(m), I(n), I(k),
                                     P(ptr(space)) if room else None, P(ptr(tickets)), I(0), P(stream())))
        one(0)
        rows = torch.randint(0, m, (min(m, 64),), device="cuda")
        err = error(c[rows], x[0][rows].double() @ w[0].double().T)
        nbytes = 2 * (m * k + n * k + m * n) if m <= 64 else 0
        self.case(f"{name} {m}x{n}x{k}", [lambda i=i: one(i) for i in range(sets)],
                  [lambda i=i: torch.mm(x[i], w[i].T, out=c) for i in range(sets)], err, 6e-3,
                  2 * m * n * k, nbytes)

    def gemv(self, name, m, n, k):
        sets = max(2, SETS_BYTES // (2 * n * k) + 1)
        x = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
        w = [torch.randn(n, k, device="cuda", dtype=torch.bfloat16) / math.sqrt(k) for _ in range(sets)]
        y = torch.full((m, n), float("nan"), device="cuda", dtype=torch.bfloat16)

        def one(i):
            done(self.lib.bench_gemv(P(ptr(y)), P(ptr(x)), P(ptr(w[i])), I(m), I(n), I(k), P(stream())))
        one(0)
        self.case(f"{name} {m}x{n}x{k}", [lambda i=i: one(i) for i in range(sets)],
                  [lambda i=i: torch.mm(x, w[i].T, out=y) for i in range(sets)],
                  error(y, x.double() @ w[0].double().T), 6e-3, nbytes=2 * n * k)

    def i8(self, name, m, n, k):
        a = torch.randint(-127, 128, (m, k), device="cuda", dtype=torch.int8)
        w = torch.randint(-127, 128, (n, k), device="cuda", dtype=torch.int8)
        y = torch.full((m, n), -1, device="cuda", dtype=torch.int32)

        def one():
            done(self.lib.bench_i8(P(ptr(y)), P(ptr(a)), P(ptr(w)), I(m), I(n), I(k), P(stream())))
        one()
        wrong = float((y != torch._int_mm(a, w.T)).sum())
        self.case(f"{name} {m}x{n}x{k}", [one], [lambda: torch._int_mm(a, w.T, out=y)], wrong, 0.5,
                  2 * m * n * k)

    def w4(self, name, m, n, k, group_log2=5):
        sets = max(2, SETS_BYTES // (n * k // 2) + 1)
        x = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
        quants = [torch.randint(0, 256, (n * k // 2,), device="cuda", dtype=torch.uint8) for _ in range(sets)]
        scales = (torch.rand(n * (k >> group_log2), device="cuda") + 0.5).half()
        row = torch.full((n,), 2.0**-8, device="cuda")
        dense = torch.randn(n, k, device="cuda", dtype=torch.bfloat16) / math.sqrt(k)
        y = torch.full((m, n), float("nan"), device="cuda", dtype=torch.bfloat16)
        rows = (m + 7) // 8 * 8
        tiles = torch.empty(rows * k, device="cuda", dtype=torch.float16)
        factor = torch.empty(rows, device="cuda")
        partial = torch.empty(self.lib.bench_w4_scratch(I(m), I(n), I(k)) + 256, dtype=torch.uint8, device="cuda")
        tickets = torch.zeros(1 << 16, dtype=torch.int32, device="cuda")

        def one(i):
            done(self.lib.bench_w4(P(ptr(y)), P(ptr(x)), P(ptr(quants[i])), P(ptr(scales)), P(ptr(row)),
                                   I(group_log2), I(m), I(n), I(k), P(ptr(tiles)), P(ptr(factor)),
                                   P(ptr(partial)), P(ptr(tickets)), P(stream())))
        one(0)
        finite = 0.0 if torch.isfinite(y).all() else 1.0  # its values are the native tests' affair
        self.case(f"{name} {m}x{n}x{k}", [lambda i=i: one(i) for i in range(sets)],
                  [lambda: torch.mm(x, dense.T, out=y)], finite, 0.5,
                  nbytes=n * k // 2 + 2 * n * (k >> group_log2), peer="torch bf16")

    # ---- attention ----

    def attention(self, name, heads, hkv, t, d, causal):
        q = torch.randn(1, heads, t, d, device="cuda", dtype=torch.bfloat16)
        k, v = (torch.randn(1, hkv, t, d, device="cuda", dtype=torch.bfloat16) for _ in range(2))
        y = torch.full_like(q, float("nan"))
        sdpa = torch.nn.functional.scaled_dot_product_attention

        def one():
            done(self.lib.bench_attention(P(ptr(y)), P(ptr(q)), P(ptr(k)), P(ptr(v)), I(heads), I(hkv), I(t),
                                          I(d), I(causal), P(stream())))

        def peer():
            return sdpa(q, k, v, is_causal=bool(causal), enable_gqa=heads != hkv)
        one()
        err = error(y[:, :2], sdpa(q[:, :2].float(), k[:, :1].float().expand(-1, 2, -1, -1),
                                   v[:, :1].float().expand(-1, 2, -1, -1), is_causal=bool(causal)))
        self.case(f"{name} {heads}/{hkv} heads, {t} x {d}{' causal' if causal else ''}", [one], [peer], err,
                  1e-2, 4 * heads * t * t * d // (2 if causal else 1))

    def decode(self, name, seqs, length, heads, hkv, d, kind, each):
        pages = (length + 63) // 64
        order = torch.randperm(seqs * pages, dtype=torch.int32)
        page_bytes = L()
        def fill(host):
            return self.lib.bench_paged_open(host, P(ptr(order)), I(seqs), I(length), I(hkv), I(d), I(kind),
                                             I(self.chip.multi_processor_count), ctypes.byref(page_bytes))
        nbytes = fill(None)
        host = torch.zeros(nbytes, dtype=torch.uint8)
        fill(P(ptr(host)))
        image = host.cuda()
        pool = torch.empty(seqs * pages * page_bytes.value // 2, device="cuda", dtype=torch.int16)
        pool.random_(0x3c00 if each == 2 else 0, 0x3f80 if each == 2 else 0x3030)  # finite whatever the type
        q = torch.randn(seqs, heads, d, device="cuda", dtype=torch.bfloat16)
        y = torch.full((seqs, heads, d), float("nan"), device="cuda")
        turned, parts = L(), L()
        self.lib.bench_paged_scratch(I(seqs), I(heads), I(hkv), I(d), ctypes.byref(turned), ctypes.byref(parts))
        room = [torch.zeros(b.value + 256, dtype=torch.uint8, device="cuda") for b in (turned, parts)]
        room[0][: q.numel() * 2] = q.view(torch.uint8).flatten()

        def one():
            done(self.lib.bench_paged(P(ptr(y)), P(ptr(pool)), P(ptr(image)), P(ptr(q)), P(ptr(room[0])),
                                      P(ptr(room[1])), I(seqs), I(heads), I(hkv), I(d), P(stream())))
        one()
        finite = 0.0 if torch.isfinite(y).all() else 1.0
        self.case(f"{name} B={seqs} {length} tokens {heads}/{hkv} x {d}", [one], None, finite, 0.5,
                  nbytes=2 * seqs * length * hkv * d * each)

    # ---- rows ----

    def norm(self, name, rows, cols):
        x, r = (torch.randn(rows, cols, device="cuda", dtype=torch.bfloat16) for _ in range(2))
        gamma = torch.rand(cols, device="cuda") + 0.5
        y = torch.full_like(x, float("nan"))

        def one():
            done(self.lib.bench_norm(P(ptr(y)), P(ptr(x)), P(ptr(r)), P(ptr(gamma)), L(rows), L(cols), I(4),
                                     P(stream())))

        def peer():
            return torch.nn.functional.rms_norm(x + r, (cols,), gamma.bfloat16(), 1e-5)
        one()
        s = x.double() + r.double()
        want = s * torch.rsqrt((s * s).mean(-1, keepdim=True) + 1e-5) * gamma.double()
        self.case(f"{name} {rows}x{cols}", [one], [peer], error(y, want), 6e-3, nbytes=3 * rows * cols * 2)


def cases(b):
    for m, n, k in ((8192, 8192, 8192), (4096, 4096, 4096), (8192, 28672, 8192), (2048, 4096, 14336),
                    (512, 6144, 4096), (256, 8192, 8192), (64, 8192, 8192), (16, 8192, 8192)):
        yield "bf16", b.gemm, m, n, k
    yield "f16", b.gemm, 4096, 4096, 4096, torch.float16
    for m in (1, 4):
        yield "gemv bf16", b.gemv, m, 28672, 8192
    yield "int8", b.i8, 8192, 8192, 8192
    for m in (1, 8, 16, 64, 2048):
        yield "w4", b.w4, m, 28672, 8192
    for t in (2048, 16384):
        for causal in (1, 0):
            yield "attention", b.attention, 16, 16, t, 128, causal
    yield "attention", b.attention, 32, 8, 8192, 64, 1
    for seqs, length in ((1, 32768), (32, 8192), (128, 2048)):
        yield "decode bf16", b.decode, seqs, length, 32, 8, 128, 2, 2
    yield "decode i8", b.decode, 32, 8192, 32, 8, 128, 3, 1
    yield "rms norm + residual", b.norm, 8192, 8192


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("--json", help="write the results there")
    parser.add_argument("--only", help="cases whose name holds this")
    parser.add_argument("--seconds", type=float, default=240, help="begin no case after so long (240)")
    parser.add_argument("--resume", help=argparse.SUPPRESS)  # CASE,TIME: go on there, with the JSON's results
    a = parser.parse_args()
    if not torch or not torch.cuda.is_available():
        print("skipped: " + ("torch finds no device" if torch else "no torch to compare with (pip install torch)"))
        sys.exit(77)
    torch.manual_seed(1)
    begin, until = a.resume.split(",") if a.resume else (0, time.time() + a.seconds)
    b = Bench(a.library, a.only, float(until), a.json)
    if a.resume and a.json and os.path.exists(a.json):
        with open(a.json) as f:
            b.results = json.load(f)["results"]
    b.ceilings()
    for i, (name, fn, *args) in enumerate(cases(b)):
        if i < int(begin):
            continue
        try:
            b.run(name, fn, *args)
        except RuntimeError as e:
            print(f"the context is lost, a new process goes on: {e}", flush=True)
            os.execv(sys.executable, [sys.executable, __file__, a.library, *(["--json", a.json] if a.json else []),
                                      *(["--only", a.only] if a.only else []), "--resume", f"{i + 1},{until}"])
    failed = sum(not r["ok"] for r in b.results)
    print(f"{len(b.results)} cases, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
