// Sampling on the emulator against the CPU's sampler: the same tokens from the same random numbers.
#include "kernels/sample/sample_cuda.h"
#include "tests/cuda/cpu_sample.h"
#include "tests/cuda/harness.hpp"

using namespace cuda_test;

enum { BEFORE = 40, BIAS = 3 };

struct Batch {
    int rows, vocab;
    std::vector<cu_sample_row> row;
    float *logits, *bias_add, *logprob;
    int32_t *before, *token;
    uint32_t *bias_id;
    uint64_t *mask;
    int32_t *out; // token, status
    Batch(int rows_, int vocab_) : rows(rows_), vocab(vocab_), row(rows_)
    {
        const size_t words = (size_t)(vocab + 63) / 64;
        logits = random_f32((size_t)rows * vocab, 6);
        before = buffer<int32_t>((size_t)rows * BEFORE);
        bias_id = buffer<uint32_t>((size_t)rows * BIAS);
        bias_add = random_f32((size_t)rows * BIAS, 3);
        mask = buffer<uint64_t>((size_t)rows * words);
        out = buffer<int32_t>(3 * (size_t)rows);
        for (size_t i = 0; i < (size_t)rows * BEFORE; i++) before[i] = below(vocab + 2) - 1;
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < BIAS; i++) bias_id[r * BIAS + i] = (uint32_t)(7 * i + r) % vocab;
            row[r] = cu_sample_row{};
            row[r].seed = bits(), row[r].index = (uint64_t)below(1000), row[r].logprob = 1;
        }
        for (size_t i = 0; i < (size_t)rows * words; i++) mask[i] = bits() | bits();
    }

    // Under n_modes schedules; draws may differ from the CPU's in `off` of the rows.
    void run(const char *what, int n_modes, int off)
    {
        const int words = (vocab + 63) / 64;
        char *scratch = buffer<char>(cu_sample_scratch(rows, vocab));
        cu_sample_row *rows_there = buffer<cu_sample_row>(rows);
        memcpy(rows_there, row.data(), rows * sizeof *rows_there);
        cu_sample_args a{};
        a.logits = logits, a.row = rows_there, a.mask = mask, a.before = before;
        a.bias_id = bias_id, a.bias_add = bias_add, a.scratch = scratch;
        a.token = out, a.status = out + rows, a.logprob = (float *)(out + 2 * rows);
        a.logits_stride = vocab, a.mask_stride = words, a.before_stride = BEFORE,
        a.bias_stride = BIAS;
        a.rows = rows, a.vocab = vocab;
        std::vector<int32_t> first;
        for (int m = 0; m < n_modes; m++) {
            emu::g_mode = modes[m];
            memset(out, 0xff, 12 * (size_t)rows);
            check(cu_sample(&a, nullptr) == 0, "%s: launch", what);
            if (!m) first.assign(out, out + 3 * rows);
            check(!memcmp(first.data(), out, 12 * (size_t)rows), "%s: other bits in mode %s", what,
                  modes[m].name);
        }
        std::vector<double> p(vocab);
        int differ = 0;
        for (int r = 0; r < rows; r++) {
            int32_t token = -1;
            float logprob = 0;
            const int status =
                cpu_sample(&token, &logprob, p.data(), logits + (size_t)r * vocab, vocab, &row[r],
                           mask + (size_t)r * words, before + r * BEFORE, bias_id + r * BIAS,
                           bias_add + r * BIAS);
            if (!check(status == out[rows + r], "%s: row %d: status %d, the CPU's %d", what, r,
                       out[rows + r], status) ||
                status)
                continue;
            check(p[out[r]] > 0, "%s: row %d: token %d cannot be", what, r, out[r]);
            differ += out[r] != token;
            const float got = a.logprob[r];
            if (out[r] == token)
                check(fabsf(got - logprob) <= 2e-5f * (1 + fabsf(logprob)),
                      "%s: logprob %g, not %g", what, got, logprob);
        }
        check(differ <= off, "%s: %d of %d tokens differ", what, differ, rows);
    }
};

static void draws(const char *what, int vocab, int n_modes, void (*set)(cu_sample_row &r, int i))
{
    Batch b(24, vocab);
    for (int i = 0; i < b.rows; i++) set(b.row[i], i);
    b.run(what, n_modes, 1);
}

int main()
{
    draws("greedy", 1003, 10, [](cu_sample_row &, int) {});
    draws("temperature", 700, 3,
          [](cu_sample_row &r, int i) { r.temperature = 0.5f + 0.1f * (float)i; });
    draws("top_k", 1500, 3,
          [](cu_sample_row &r, int i) { r.temperature = 1.3f, r.top_k = (uint32_t)(1 + i * i); });
    draws("top_p", 1501, 4,
          [](cu_sample_row &r, int i) { r.temperature = 2, r.top_p = 0.04f * (float)(i + 1); });
    draws("all cuts", 4000, 4, [](cu_sample_row &r, int i) {
        r.temperature = 1.5f, r.top_k = 60, r.top_p = 0.9f, r.min_p = i % 2 ? 0.05f : 0;
    });
    draws("penalties", 300, 4, [](cu_sample_row &r, int i) {
        r.temperature = i % 2 ? 1.f : 0, r.n_before = BEFORE, r.n_prompt = 10;
        r.repetition = i % 3 ? 1.3f : 0, r.presence = 0.4f, r.frequency = i % 4 ? 0.2f : 0;
        r.window = i % 5 ? 0 : 12, r.n_bias = i % 2 ? BIAS : 0, r.masked = i % 4 == 1;
    });

    Batch ties(8, 5000); // more equal logits than a list holds, and only some may stay
    for (size_t i = 0; i < 8 * 5000; i++) ties.logits[i] = i % 7 ? 1.25f : -1;
    for (int i = 0; i < 8; i++)
        ties.row[i].temperature = 1, ties.row[i].top_k = 300, ties.row[i].top_p = i % 2 ? 0.5f : 0;
    ties.run("ties", 3, 1);

    Batch bad(4, 129);
    bad.logits[17] = NAN, bad.logits[129 + 3] = INFINITY;
    for (int i = 0; i < 129; i++) bad.logits[2 * 129 + i] = -INFINITY;
    bad.run("bad logits", 2, 0);
    return done();
}
