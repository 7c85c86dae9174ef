// Sampling on the emulator against the CPU's sampler: from the same logits the same tokens and the
// same log probabilities, bit for bit.
#include "tests/cuda/cpu_sample.h"
#include "kernels/sample/sample_cuda.h"
#include "tests/cuda/harness.hpp"

using namespace cuda_test;

enum { BEFORE = 40, BIAS = 3, TOPS = 64 };

struct Batch {
    int n, vocab, words; // words of a draw's mask
    float *logits;
    ig_draw *draws;
    uint32_t *list; // of each draw: bias, mask, tokens before
    std::vector<char> first;

    Batch(int n_, int vocab_) : n(n_), vocab(vocab_), words((vocab_ + 63) / 64 * 2)
    {
        const int each = 2 * BIAS + words + BEFORE;
        logits = random_f32((size_t)n * vocab, 6);
        draws = buffer<ig_draw>(n);
        list = buffer<uint32_t>((size_t)n * each);
        const float *add = random_f32((size_t)n * BIAS, 3);
        for (int i = 0; i < n; i++) {
            const uint32_t at = (uint32_t)(i * each);
            ig_draw *d = &draws[i];
            *d = ig_draw{};
            d->row = (uint32_t)(n - 1 - i), d->scratch = (uint32_t)i;
            d->bias = at, d->mask = at + 2 * BIAS, d->before = d->mask + (uint32_t)words;
            d->tops = (uint32_t)(i * TOPS), d->seed = bits(), d->index = (uint64_t)below(1000);
            d->total = 1, d->n_top = i % 3 ? (uint32_t)below(TOPS) : 0;
            for (int b = 0; b < BIAS; b++) {
                list[d->bias + 2 * b] = (uint32_t)(7 * b + i) % vocab;
                memcpy(&list[d->bias + 2 * b + 1], &add[i * BIAS + b], 4);
            }
            for (int w = 0; w < words; w++) list[d->mask + w] = (uint32_t)(bits() | bits());
            for (int b = 0; b < BEFORE; b++) list[d->before + b] = (uint32_t)(below(vocab + 2) - 1);
        }
    }

    // Under n_modes schedules.
    void run(const char *what, int n_modes)
    {
        ig_draw_args a{};
        a.logits = logits, a.draws = draws, a.list = list, a.n = n, a.vocab = vocab;
        a.scratch = buffer<char>((size_t)n * vocab * IG_DRAW_SCRATCH);
        a.drawn = buffer<ig_drawn>(n);
        a.tops = buffer<ig_drawn_top>((size_t)n * TOPS);
        for (int m = 0; m < n_modes; m++) {
            emu::g_mode = modes[m];
            memset(a.drawn, 0xff, n * sizeof *a.drawn);
            check(cu_sample(&a, nullptr) == 0, "%s: launch", what);
            const char *bytes = (const char *)a.drawn;
            if (!m) first.assign(bytes, bytes + n * sizeof *a.drawn);
            check(!memcmp(first.data(), bytes, first.size()), "%s: other bits in mode %s", what,
                  modes[m].name);
            for (int i = 0; i < n; i++) compare(what, a, i);
        }
    }

    void compare(const char *what, const ig_draw_args &a, int i)
    {
        const ig_draw *d = &draws[i];
        int32_t token, want;
        float logprob, want_logprob;
        ig_drawn_top tops[TOPS] = {}, want_tops[TOPS] = {};
        const int status = cpu_sample(&want, &want_logprob, want_tops,
                                      logits + (size_t)d->row * vocab, vocab, d, list);
        if (!check(status == a.drawn[i].status, "%s: %d: status %d, the CPU's %d", what, i,
                   a.drawn[i].status, status) ||
            status)
            return;
        cpu_of_device(&token, &logprob, tops, d, &a.drawn[i], a.tops + d->tops);
        check(token == want, "%s: %d: token %d, the CPU's %d", what, i, token, want);
        check(logprob == want_logprob, "%s: %d: logprob %.9g, the CPU's %.9g", what, i, logprob,
              want_logprob);
        check(!memcmp(tops, want_tops, sizeof tops), "%s: %d: other likeliest tokens", what, i);
    }
};

static void draws(const char *what, int vocab, int n_modes, void (*set)(ig_draw &d, int i))
{
    Batch b(24, vocab);
    for (int i = 0; i < b.n; i++) set(b.draws[i], i);
    b.run(what, n_modes);
}

int main()
{
    draws("greedy", 1003, 10, [](ig_draw &, int) {});
    draws("temperature", 700, 3,
          [](ig_draw &d, int i) { d.temperature = 0.01f + 0.1f * (float)(i * i); });
    draws("top_k", 1500, 3,
          [](ig_draw &d, int i) { d.temperature = 1.3f, d.top_k = (uint32_t)(1 + i * i); });
    draws("top_p", 1501, 4,
          [](ig_draw &d, int i) { d.temperature = 2, d.top_p = 0.04f * (float)(i + 1); });
    draws("typical", 900, 4,
          [](ig_draw &d, int i) { d.temperature = 1.5f, d.typical_p = 0.04f * (float)(i + 1); });
    draws("all cuts", 4000, 4, [](ig_draw &d, int i) {
        d.temperature = 1.5f, d.top_k = 60, d.top_p = 0.9f, d.min_p = i % 2 ? 0.05f : 0;
        d.typical_p = i % 3 ? 0.7f : 1;
    });
    draws("penalties", 300, 4, [](ig_draw &d, int i) {
        d.temperature = i % 2 ? 1.f : 0, d.n_before = i % 5 ? BEFORE : 12, d.n_prompt = 10;
        d.repetition = i % 3 ? 1.3f : 0, d.presence = 0.4f, d.frequency = i % 4 ? 0.2f : 0;
        d.n_bias = i % 2 ? BIAS : 0, d.masked = i % 4 == 1;
    });
    draws("fewer tokens than are wanted", 7, 2,
          [](ig_draw &d, int i) { d.temperature = 1, d.n_top = TOPS, d.top_k = (uint32_t)i; });

    Batch ties(8, 5000); // more equal logits than a list holds, and only some may stay
    for (size_t i = 0; i < 8 * 5000; i++) ties.logits[i] = i % 7 ? 1.25f : -1;
    for (int i = 0; i < 8; i++) {
        ties.draws[i].temperature = 1, ties.draws[i].top_k = i == 5 ? 0 : 3000;
        ties.draws[i].top_p = i % 2 ? 0.5f : 0, ties.draws[i].typical_p = i % 3 ? 0 : 0.4f;
    }
    ties.run("ties", 3);

    Batch bad(4, 129);
    for (int i = 0; i < 4; i++) bad.draws[i].row = (uint32_t)i;
    bad.logits[17] = NAN, bad.logits[129 + 3] = INFINITY;
    for (int i = 0; i < 129; i++) bad.logits[2 * 129 + i] = -INFINITY;
    bad.run("bad logits", 2);
    return done();
}
