// Products with weights of 4 and 8 bits on the emulator: every format against sums in double with
// the CPU's weights, rounded activations against the CPU's product with them.
#include "kernels/gemm_q/gemm_q_cuda.h"
#include "tests/cuda/harness.hpp"
#pragma GCC diagnostic ignored "-Wextra" // a C header that compares enums and numbers
extern "C" {
#include "kernels/gemm_q/q_tiles.h"
}

using namespace cuda_test;

struct Weights {
    const ig_q_format *f;
    int n, k;
    uint8_t *panels;
    std::vector<float> w; // [n][k] as the CPU has them
    ig_q_tiles t;
    cu_q_weights device;
};

static Weights weights(const ig_q_format *f, int n, int k)
{
    Weights w{f, n, k, nullptr, std::vector<float>((size_t)n * k), {}, {}};
    size_t bytes;
    ig_q_bytes(f, n, k, &bytes);
    w.panels = zeros<uint8_t>(bytes + 64);
    std::vector<uint8_t> q((size_t)n * k);
    const bool e4m3 = f->offset == IG_Q_E4M3;
    for (auto &x : q) x = (uint8_t)below(1 << f->bits);
    for (auto &x : q)
        if (e4m3 && (x & 0x7f) == 0x7f) x ^= 0x55; // no NaN
    const bool two = f->scale_bytes == IG_Q_TWO_LEVELS;
    const size_t step = two ? (size_t)IG_Q_SUPER : f->group ? f->group : k;
    const size_t groups = (k + step - 1) / step,
                 subs = f->group ? (k + f->group - 1) / f->group : 1;
    std::vector<float> d(n * groups), o(n * groups);
    std::vector<int8_t> s(n * subs), t(n * subs);
    for (auto &x : s) x = (int8_t)(below(255) - 127);
    for (auto &x : t) x = (int8_t)(below(255) - 127);
    for (size_t i = 0; i < d.size(); i++) {
        d[i] = (float)(uniform() * 0.01 * exp2(below(8) - 4));
        o[i] = f->offset == IG_Q_ZERO ? (float)below(1 << f->bits) : (float)(uniform() * 0.02);
    }
    ig_q_source src = {};
    src.q = q.data();
    src.q_n = k;
    src.q_k = 1;
    src.scale = d.data();
    src.scale_n = src.offset_n = groups;
    src.scale_g = src.offset_g = 1;
    src.offset = o.data();
    src.s = s.data();
    src.t = t.data();
    src.sub_n = subs;
    src.sub_g = 1;
    ig_q_pack(w.panels, f, &src, n, k, 0, ig_q_panels(n));
    ig_q_unpack(w.w.data(), 1, k, w.panels, f, n, k, 0, ig_q_panels(n));

    check(ig_q_tiles_of(&w.t, f, n, k), "%s: tiles", f->name);
    uint8_t *tiles = buffer<uint8_t>(w.t.bytes);
    ig_q_tiles_fill(tiles, &w.t, w.panels, f, n, k, 0, w.t.n / 64);
    w.device = {tiles,
                (const uint16_t *)(tiles + w.t.scales),
                w.t.has_offset ? (const uint16_t *)(tiles + w.t.offsets) : nullptr,
                (const float *)(tiles + w.t.row),
                (int)w.t.bits,
                (int)w.t.group_log2,
                (int)w.t.groups,
                (int)w.t.n,
                (int)w.t.k,
                0,
                w.t.e4m3};
    return w;
}

struct Product {
    cu_q_acts_args acts;
    cu_gemm_q_args gemm;
};

static bool few = true, hopper = true; // may those kernels be used?

static Product product(const Weights &w, const float *x, int m, cu_q_round round)
{
    const int rows = (m + 7) / 8 * 8;
    Product p = {};
    p.gemm.w = w.device;
    p.gemm.m = m;
    p.gemm.rows = rows;
    p.gemm.few = few && cu_gemm_q_is_few(m, w.device.k);
    const size_t tickets = cu_gemm_q_tickets(&p.gemm);
    uint16_t *tiles = buffer<uint16_t>((size_t)rows * w.device.k);
    float *factor = buffer<float>(rows);
    p.gemm.tickets = zeros<int>(tickets);
    p.gemm.partial = (float *)buffer<char>(cu_gemm_q_scratch(&p.gemm));
    p.gemm.x = tiles;
    p.gemm.factor = factor;
    p.acts = {tiles, factor, x, w.k, CU_F32, nullptr, m, rows, w.k, round};
    return p;
}

static int run(const Product &p)
{
    if (p.gemm.few) return cu_gemm_q_few(&p.gemm, &p.acts, nullptr);
    const int status = cu_q_acts(&p.acts, nullptr);
    return status   ? status
           : hopper ? cu_gemm_q(&p.gemm, nullptr)
                    : cu_gemm_q_sm80(&p.gemm, nullptr);
}

static double silu(double x) { return x / (1 + exp(-x)); }

static void plain(const ig_q_format *f, int m, int n, int k, bool all_modes, bool extra)
{
    const Weights w = weights(f, n, k);
    float *x = random_f32((size_t)m * k, exp2(below(40) - 20)), *y = buffer<float>((size_t)m * n);
    const float *bias = random_f32(n), *residual = random_f32((size_t)m * n);
    Product p = product(w, x, m, CU_Q_ASIS);
    p.gemm.finish.y = y;
    p.gemm.finish.ldy = n;
    p.gemm.finish.n_out = n;
    if (extra) {
        p.gemm.finish.bias = bias;
        p.gemm.finish.residual = residual;
        p.gemm.finish.ld_residual = n;
        p.gemm.finish.act = CU_ACT_silu;
        p.gemm.finish.a = 1;
    }
    char what[96];
    snprintf(what, sizeof what, "%s %dx%dx%d", f->name, m, n, k);
    if (all_modes)
        same_in_all_modes(what, y, (size_t)m * n * 4, [&] { return run(p); });
    else
        check(run(p) == 0, "%s", what);
    std::vector<double> want((size_t)m * n);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int c = 0; c < k; c++)
                sum += (double)x[(size_t)i * k + c] * w.w[(size_t)j * k + c];
            if (extra) sum = silu(sum + bias[j] + residual[(size_t)i * n + j]);
            want[(size_t)i * n + j] = sum;
        }
    const double err = distance(y, of_f32, want.data(), want.size());
    check(err < 8e-4, "%s: error %.2e", what, err);
}

// The CPU's sums with activations rounded to 8 bits, or to e4m3.
static std::vector<float> sums_of_a8(const Weights &w, const float *x, int m, const float *bias)
{
    std::vector<float> sums((size_t)m * w.n);
    size_t bytes;
    ig_q_acts_bytes(m, w.k, &bytes);
    std::vector<char> acts(bytes);
    gemm_q_acts_ref((ig_q_act *)acts.data(), x, m, w.k, w.k, nullptr, 0, m);
    ig_gemm_q_args g = {};
    g.c = sums.data();
    g.ldc = w.n;
    g.acts = (ig_q_act *)acts.data();
    g.panels = w.panels;
    g.format = w.f;
    g.m = m;
    g.n = w.n;
    g.k = w.k;
    g.epilogue.bias = bias;
    gemm_q_ref(&g, 0, m, 0, ig_q_panels(w.n));
    return sums;
}
static std::vector<float> sums_of_f8(const Weights &w, const float *x, int m, const float *bias)
{
    std::vector<float> sums((size_t)m * w.n), row(w.k);
    for (int i = 0; i < m; i++) {
        ig_q_e4m3_row(row.data(), x + (size_t)i * w.k, w.k, w.f);
        for (int j = 0; j < w.n; j++) {
            double sum = bias[j];
            for (int c = 0; c < w.k; c++) sum += (double)row[c] * w.w[(size_t)j * w.k + c];
            sums[(size_t)i * w.n + j] = (float)sum;
        }
    }
    return sums;
}

// Gated units and activations rounded to 8 bits, against the CPU's.
static void as_the_cpu(const ig_q_format *f, int m, int n, int k)
{
    const Weights w = weights(f, n, k);
    // small sums, where the gate is nearly linear and does not multiply errors
    float *x = random_f32((size_t)m * k, f->bits == 4 ? 0.01 : 0.0006);
    float *y = buffer<float>((size_t)m * n / 2);
    x[3] = 0;
    for (int i = 0; i < 32 && m > 1; i++) x[k + i] = 0; // a group of zeros
    float *bias = random_f32(n);
    const bool e4m3 = f->offset == IG_Q_E4M3;
    Product p = product(w, x, m, !e4m3 ? CU_Q_A8 : f->group ? CU_Q_F8_GROUPS : CU_Q_F8_ROWS);
    p.gemm.finish.bias = bias;
    p.gemm.finish.y = y;
    p.gemm.finish.ldy = p.gemm.finish.n_out = n / 2;
    p.gemm.finish.act = CU_ACT_gelu_tanh;
    p.gemm.finish.gated = 1;
    check(run(p) == 0, "%s gated", f->name);
    const auto sums = e4m3 ? sums_of_f8(w, x, m, bias) : sums_of_a8(w, x, m, bias);
    std::vector<double> want((size_t)m * n / 2);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n / 2; j++) {
            const double up = sums[(size_t)i * n + j / 8 * 16 + j % 8],
                         gate = sums[(size_t)i * n + j / 8 * 16 + j % 8 + 8];
            want[(size_t)i * n / 2 + j] =
                up * gate / 2 * (1 + tanh(sqrt(2 / M_PI) * (gate + 0.044715 * gate * gate * gate)));
        }
    const double err = distance(y, of_f32, want.data(), want.size());
    check(err < 8e-4, "%s gated %dx%dx%d: error %.2e", f->name, m, n, k, err);
}

// What no number has: infinities stay in their rows.
static void special()
{
    const Weights w = weights(ig_q_format_named("i4g32"), 64, 64);
    float *x = random_f32(3 * 64), *y = buffer<float>(3 * 64);
    x[5] = INFINITY;
    x[70] = NAN;
    Product p = product(w, x, 3, CU_Q_ASIS);
    p.gemm.finish.y = y;
    p.gemm.finish.ldy = p.gemm.finish.n_out = 64;
    check(run(p) == 0, "special");
    bool fine = true, poisoned = true;
    for (int j = 0; j < 64; j++) {
        poisoned &= !std::isfinite(y[j]) && std::isnan(y[64 + j]);
        fine &= std::isfinite(y[128 + j]);
    }
    check(poisoned && fine, "infinity and NaN leave their row or do not show");
}

int main()
{
    size_t n_formats;
    const ig_q_format *formats = ig_q_formats(&n_formats);
    for (size_t i = 0; i < n_formats; i++) {
        plain(&formats[i], 1 + below(20), 16 + below(150), 32 + below(300), false, false);
        as_the_cpu(&formats[i], 1 + below(10), 16 * (1 + below(8)), 32 + below(300));
    }
    static const char *const some[] = {"i4g32", "i4g128z", "i4g16ms", "i8g32",
                                       "i8cz",  "i8g16s",  "f8c",     "f8g128"};
    static const int tokens[] = {1, 9, 30, 70};
    for (const char *name : some)
        for (int m : tokens)
            plain(ig_q_format_named(name), m, 100 + below(100), 100 + below(700), m < 30, true);
    plain(ig_q_format_named("i4g64"), 3, 320, 1500, true, false);
    special();
    // many tokens: whole and ragged tiles, one row tile too few for a pair, more items than
    // processors
    for (const char *name : some)
        plain(ig_q_format_named(name), 65 + below(100), 64 * (1 + below(3)) - below(20),
              32 + below(200), false, true);
    plain(ig_q_format_named("i4g32m"), 130, 190, 600, true, false);
    plain(ig_q_format_named("i8g64"), 300, 500, 128, false, true); // 256 tokens at once
    as_the_cpu(ig_q_format_named("i4g32"), 70, 80, 100);
    as_the_cpu(ig_q_format_named("f8g128"), 70, 80, 200);
    as_the_cpu(ig_q_format_named("f8c"), 9, 48, 500);
    as_the_cpu(ig_q_format_named("f8g128"), 3, 48, 500);
    for (const char *name : some) // up to four tokens
        plain(ig_q_format_named(name), 1 + below(4), 64 * (1 + below(3)) - below(20),
              32 + below(1000), true, true);
    hopper = few = false;
    for (const char *name : some)
        plain(ig_q_format_named(name), 1 + below(4), 90, 333, false, true);
    plain(ig_q_format_named("i4g32m"), 130, 190, 200, false, false);
    return done();
}
