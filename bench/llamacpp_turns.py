"""llama.cpp's side of vs_llamacpp: a process that opens one GGUF file and times what it is told.

One JSON request a line on stdin, one answer a line on stdout. Requests: {"do": "open"}, {"do": "prompt", "n": 512},
{"do": "answer", "depth": 2048, "batch": 1, "steps": 16}, {"do": "memory"}. Answers are {"seconds": ...}, of a prompt, or of one
step of an answer; memory is {"bytes": ...}, the peak.
"""
import ctypes
import json
import os
import resource
import sys
import time

import llama_cpp as lc

CHUNK = 512


class Model:
    def __init__(self, path, threads, cache):
        self.path, self.threads, self.cache, self.contexts = path, threads, cache, {}
        self.model = self.load()
        self.vocab = lc.llama_vocab_n_tokens(lc.llama_model_get_vocab(self.model))

    def load(self):
        return lc.llama_model_load_from_file(self.path.encode(), lc.llama_model_default_params())

    def context(self, tokens, sequences):
        """A context for so many sequences of so many tokens; kept."""
        if (tokens, sequences) not in self.contexts:
            p = lc.llama_context_default_params()
            p.n_ctx, p.n_seq_max, p.n_batch, p.n_ubatch = tokens * sequences, sequences, CHUNK, CHUNK
            p.n_threads = p.n_threads_batch = self.threads
            self.contexts[tokens, sequences] = lc.llama_init_from_model(self.model, p)
        return self.contexts[tokens, sequences]

    def token(self, i):
        return 300 + i * 7919 % (self.vocab - 300)

    def decode(self, context, tokens, positions, sequences):
        """One batch; the last token wants logits, with several sequences all do."""
        n = len(tokens)
        batch = lc.llama_batch_init(n, 0, 1)
        batch.n_tokens = n
        for i in range(n):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = tokens[i], positions[i], 1
            batch.seq_id[i][0] = sequences[i]
            batch.logits[i] = i == n - 1 or sequences[-1] > 0
        t = time.perf_counter()
        failed = lc.llama_decode(context, batch)
        lc.llama_get_logits(context)
        t = time.perf_counter() - t
        lc.llama_batch_free(batch)
        if failed:
            raise RuntimeError(f"llama_decode: {failed}")
        return t

    def prompt(self, context, n):
        lc.llama_memory_clear(lc.llama_get_memory(context), False)
        return sum(self.decode(context, [self.token(i) for i in range(at, min(n, at + CHUNK))],
                               list(range(at, min(n, at + CHUNK))), [0] * (min(n, at + CHUNK) - at))
                   for at in range(0, n, CHUNK))

    def fill(self, context, depth):
        """A text of `depth` tokens: computed once, then restored from a file."""
        saved = os.path.join(self.cache, os.path.basename(self.path) + f".{depth}.state").encode()
        room = (lc.llama_token * depth)()
        count = ctypes.c_size_t()
        if os.path.exists(saved) and lc.llama_state_load_file(context, saved, room, depth, ctypes.byref(count)):
            return
        self.prompt(context, depth)
        lc.llama_state_save_file(context, saved, (lc.llama_token * depth)(*map(self.token, range(depth))), depth)

    def answer(self, depth, batch, steps):
        context = self.context(depth + 256, batch)
        memory = lc.llama_get_memory(context)
        lc.llama_memory_clear(memory, False)
        if depth:
            self.fill(context, depth)
        at, times = depth, []
        for _ in range(steps + 1):
            times.append(self.decode(context, [self.token(at + s) for s in range(batch)], [at] * batch, list(range(batch))))
            at += 1
        return sum(times[1:]) / steps


def answer(m, r):
    if r["do"] == "open":
        t = time.perf_counter()
        model = m.load()
        p = lc.llama_context_default_params()
        p.n_ctx, p.n_threads = 512, m.threads
        context = lc.llama_init_from_model(model, p)
        t = time.perf_counter() - t
        lc.llama_free(context)
        lc.llama_model_free(model)
        return {"seconds": t}
    if r["do"] == "prompt":
        return {"seconds": m.prompt(m.context(r["n"] + 256, 1), r["n"])}
    if r["do"] == "answer":
        return {"seconds": m.answer(r["depth"], r["batch"], r["steps"])}
    return {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def main():
    path, threads, cache = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    quiet = lc.llama_log_callback(lambda level, text, data: None)
    lc.llama_log_set(quiet, ctypes.c_void_p(0))
    lc.llama_backend_init()
    m = Model(path, threads, cache)
    print(json.dumps({"version": lc.__version__}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(m, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
