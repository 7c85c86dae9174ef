// paged.hpp - a cache of keys and values as the tests of attention over pages want it: sequences of
// given lengths in scattered pages full of NaN, a step over them, and what it must give, in double.
#pragma once
#include "tests/cuda/harness.hpp"

extern "C" {
#include "kernels/attention/attention_cuda.h"
#include "kernels/rope/rope.h"
#include "runtime/device/cuda/kv_tables.h"
}

namespace paged_test
{
using namespace cuda_test;

struct sequence {
    int before, n;
};

struct shape {
    ig_page_type type;
    int heads, kv_heads, d, dv, half, interleaved, page_tokens;
};

inline double element(const unsigned char *row, ig_page_type t, int i)
{
    switch (t) {
    case IG_PAGE_F32:
        return ((const float *)(const void *)row)[i];
    case IG_PAGE_F16:
        return px_h2f(((const uint16_t *)(const void *)row)[i]);
    case IG_PAGE_BF16:
        return px_bf2f(((const uint16_t *)(const void *)row)[i]);
    case IG_PAGE_I8:
        return ((const int8_t *)row)[i];
    default:
        return px_e4m32f(row[i]);
    }
}

struct cache {
    shape s;
    ig_kv_layer layers[2];
    ig_kv_step step = {};
    std::vector<sequence> seqs;
    std::vector<ig_kv_span> spans;
    std::vector<std::vector<int32_t>> tables;
    cu_kv_tables tables_cuda = {};
    int rows = 0;
    size_t image_used = 0;
    std::vector<int32_t> image; // as filled

    cache(const shape &sh, std::vector<sequence> given) : s(sh), seqs(given)
    {
        size_t at = 128;
        for (ig_kv_layer &l : layers) {
            check(ig_page_format_init_device(&l.format, s.type, s.page_tokens, s.d, s.dv),
                  "page format");
            l.at = at;
            l.kv_heads = s.kv_heads;
            at += l.format.bytes * l.kv_heads;
        }
        int n_pages = 1;
        for (const sequence &q : seqs) n_pages += (q.before + q.n) / s.page_tokens + 1;
        std::vector<int32_t> order(n_pages);
        for (int i = 0; i < n_pages; i++) order[i] = i;
        for (int i = n_pages - 1; i > 0; i--) std::swap(order[i], order[below(i + 1)]);
        size_t next = 0;
        for (const sequence &q : seqs) {
            std::vector<int32_t> t;
            for (int i = 0; i * s.page_tokens < q.before + q.n; i++) t.push_back(order[next++]);
            tables.push_back(t);
        }
        for (size_t i = 0; i < seqs.size(); i++) {
            spans.push_back(
                {(size_t)rows, (size_t)seqs[i].n, (size_t)seqs[i].before, tables[i].data()});
            rows += seqs[i].n;
        }
        step.layers = layers;
        step.n_layers = 2;
        step.page_bytes = at;
        step.base = buffer<unsigned char>(at * n_pages);
        step.spans = spans.data();
        step.n_spans = spans.size();
    }

    const ig_page_format &format() const { return layers[1].format; }
    unsigned char *place(int seq, int token, int head) const
    {
        const size_t page = tables[seq][token / s.page_tokens];
        return step.base + page * step.page_bytes + layers[1].at + head * format().bytes;
    }
    // Element c of a token's key (0) or value (1), as the page has it.
    double at(int which, int seq, int token, int head, int c) const
    {
        const unsigned char *p = place(seq, token, head);
        const int slot = token % s.page_tokens;
        const ig_page_format &f = format();
        double scale = 1;
        if (s.type == IG_PAGE_I8 || s.type == IG_PAGE_F8)
            scale =
                ((const float *)(const void *)(p + (which ? f.v_scales_at : f.k_scales_at)))[slot];
        const unsigned char *row = which ? p + f.v_at + slot * f.v_row : p + slot * f.k_group;
        return scale * element(row, s.type, c);
    }

    // Fills the image for so many processors; poisons what lies behind it.
    void fill(int processors)
    {
        size_t bytes;
        ingot_error err;
        check(ig_cu_kv_measure(&bytes, &step, &err) == INGOT_OK, "measure");
        tables_cuda.image = buffer<int32_t>(bytes / 4);
        ig_cu_kv_fill(&tables_cuda, tables_cuda.image, &image_used, &step, processors);
        check(image_used <= bytes, "the image has %zu bytes of %zu", image_used, bytes);
        image.assign(tables_cuda.image, tables_cuda.image + image_used / 4);
    }
    bool image_kept() const { return !memcmp(image.data(), tables_cuda.image, image_used); }
};

// The inputs of a step over a cache; q, k and v side by side.
struct step_args {
    cu_paged_args a = {};
    const float *x;
    int64_t row;
    step_args(const cache &c, int rows, double scale = 1)
    {
        const shape &s = c.s;
        row = (int64_t)s.heads * s.d + (int64_t)s.kv_heads * (s.d + s.dv);
        x = random_f32((size_t)rows * row, scale);
        a.kv = c.tables_cuda;
        a.layer = 1;
        a.rows = rows;
        a.heads = s.heads;
        a.kv_heads = s.kv_heads;
        a.d = s.d;
        a.dv = s.dv;
        a.q = x;
        a.k = x + (int64_t)s.heads * s.d;
        a.v = x + (int64_t)(s.heads + s.kv_heads) * s.d;
        a.q_row = a.k_row = a.v_row = row;
        a.x_type = CU_ATT_F32;
        a.half = s.half;
        a.interleaved = s.interleaved;
        if (s.half) {
            float *t = buffer<float>((size_t)rows * 2 * s.half);
            for (int r = 0; r < rows; r++)
                for (int i = 0; i < s.half; i++) {
                    const double angle = uniform() * 3;
                    t[(r * 2) * s.half + i] = (float)cos(angle);
                    t[(r * 2 + 1) * s.half + i] = (float)sin(angle);
                }
            a.table = t;
        }
        int64_t turned, parts;
        cu_paged_scratch(&a, &turned, &parts);
        a.turned = buffer<unsigned char>(turned);
        a.parts = buffer<float>(parts / 4);
        a.y = buffer<float>((size_t)rows * s.heads * s.dv);
        a.rule.scale = (float)(1 / sqrt((double)s.d));
        a.rule.causal = 1;
        a.rule.left = a.rule.right = -1;
    }
    // A head turned, in double.
    void turned(double *to, const float *from, int r) const
    {
        for (int i = 0; i < a.d; i++) to[i] = from[i];
        for (int i = 0; i < a.half && a.table; i++) {
            const double co = a.table[r * 2 * a.half + i], si = a.table[(r * 2 + 1) * a.half + i];
            const int p = a.interleaved ? 2 * i : i, q = a.interleaved ? p + 1 : i + a.half;
            to[p] = from[p] * co - from[q] * si;
            to[q] = from[p] * si + from[q] * co;
        }
    }
};

// Keys and values of all tokens before the step, by steps of the kernel itself: what it writes is
// compared with the host's rounding elsewhere.
inline void write_past(cache &c)
{
    std::vector<sequence> past;
    std::vector<std::vector<int32_t>> tables;
    for (size_t i = 0; i < c.seqs.size(); i++) past.push_back({0, c.seqs[i].before});
    cache before(c.s, past);
    before.step.base = c.step.base;
    before.tables = c.tables;
    for (size_t i = 0; i < past.size(); i++) before.spans[i].pages = c.tables[i].data();
    before.fill(4);
    step_args args(before, before.rows);
    const emu::Mode mode = emu::g_mode;
    emu::g_mode = modes[0];
    if (before.rows) check(cu_paged_append(&args.a, nullptr) == 0, "append the past");
    emu::g_mode = mode;
}

// What row r must be: of the pages' content and the query as it is given.
inline std::vector<double> wanted(const cache &c, const step_args &s)
{
    const cu_paged_args &a = s.a;
    std::vector<double> y((size_t)a.rows * a.heads * a.dv, 0.0), q(a.d), z;
    for (size_t i = 0; i < c.seqs.size(); i++)
        for (int t = 0; t < c.seqs[i].n; t++)
            for (int h = 0; h < a.heads; h++) {
                const int r = (int)c.spans[i].row + t, at = c.seqs[i].before + t;
                const int hk = h / (a.heads / a.kv_heads);
                s.turned(q.data(), s.x + r * s.row + (int64_t)h * a.d, r);
                const int lo = a.rule.left >= 0 ? std::max(at - a.rule.left, 0) : 0;
                z.assign(at + 1, 0.0);
                double most = a.rule.sinks ? a.rule.sinks[h] : -INFINITY, sum = 0;
                for (int k = lo; k <= at; k++) {
                    double x = 0;
                    for (int e = 0; e < a.d; e++) x += q[e] * c.at(0, (int)i, k, hk, e);
                    x *= a.rule.scale;
                    if (a.rule.softcap > 0) x = a.rule.softcap * tanh(x / a.rule.softcap);
                    if (a.rule.slopes) x += (double)a.rule.slopes[h] * (k - at);
                    z[k] = x;
                    most = std::max(most, x);
                }
                if (a.rule.sinks) sum = exp(a.rule.sinks[h] - most);
                double *to = &y[((size_t)r * a.heads + h) * a.dv];
                for (int k = lo; k <= at; k++) {
                    const double p = exp(z[k] - most);
                    sum += p;
                    for (int e = 0; e < a.dv; e++) to[e] += p * c.at(1, (int)i, k, hk, e);
                }
                for (int e = 0; e < a.dv; e++) to[e] /= sum;
            }
    return y;
}
} // namespace paged_test
