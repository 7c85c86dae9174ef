// Products of 8-bit floats by 8-bit floats on the emulator: activations against the CPU's rounding,
// products against sums in double of the CPU's numbers.
#include "kernels/gemm_q/gemm_f8_cuda.h"
#include "tests/cuda/harness.hpp"
#pragma GCC diagnostic ignored "-Wextra" // a C header that compares enums and numbers
extern "C" {
#include "kernels/gemm_q/q_tiles.h"
}

using namespace cuda_test;

// Random weights [n][k] in tiles, and as the CPU has them.
struct Weights {
    std::vector<float> w;
    cu_q_weights device;
};
static Weights weights(const ig_q_format *f, int n, int k)
{
    Weights w{std::vector<float>((size_t)n * k), {}};
    const size_t groups = f->group ? (k + f->group - 1) / f->group : 1;
    std::vector<uint8_t> q((size_t)n * k);
    std::vector<float> d(n * groups);
    for (auto &x : q) x = (uint8_t)below(256);
    for (auto &x : q)
        if ((x & 0x7f) == 0x7f) x ^= 0x55; // no NaN
    for (auto &x : d) x = (float)(uniform() * 0.01 * exp2(below(8) - 4));
    ig_q_source from = {};
    from.q = q.data(), from.q_n = k, from.q_k = 1;
    from.scale = d.data(), from.scale_n = groups, from.scale_g = 1;
    size_t bytes;
    ig_q_bytes(f, n, k, &bytes);
    std::vector<uint8_t> panels(bytes);
    ig_q_pack(panels.data(), f, &from, n, k, 0, ig_q_panels(n));
    ig_q_unpack(w.w.data(), 1, k, panels.data(), f, n, k, 0, ig_q_panels(n));
    ig_q_tiles t;
    check(ig_q_tiles_of(&t, f, n, k), "tiles");
    uint8_t *tiles = buffer<uint8_t>(t.bytes);
    ig_q_tiles_fill(tiles, &t, panels.data(), f, n, k, 0, t.n / 64);
    w.device.quants = tiles;
    w.device.scales = (const uint16_t *)(tiles + t.scales);
    w.device.row = (const float *)(tiles + t.row);
    w.device.bits = 8, w.device.e4m3 = 1;
    w.device.group_log2 = (int)t.group_log2, w.device.groups = (int)t.groups;
    w.device.n = (int)t.n, w.device.k = (int)t.k;
    return w;
}

// x as tiles, and as the CPU rounds it.
struct Rows {
    cu_f8_acts_args args;
    std::vector<float> x; // [m][k]
};
static Rows rows(const ig_q_format *f, int m, int k, cu_float type, bool hopper)
{
    const int room = (m + 7) / 8 * 8, blocks = (k + 127) / 128, groups = f->group ? blocks : 1;
    const float *wide = random_f32((size_t)m * k, exp2(below(30) - 15));
    void *x = buffer<char>((size_t)m * k * (type == CU_F32 ? 4 : 2));
    Rows r = {{}, std::vector<float>((size_t)m * k)};
    for (size_t i = 0; i < r.x.size(); i++) {
        if (type == CU_F32) ((float *)x)[i] = wide[i];
        if (type == CU_F16) ((uint16_t *)x)[i] = px_f2h(wide[i]);
        if (type == CU_BF16) ((uint16_t *)x)[i] = px_f2bf(wide[i]);
        r.x[i] = type == CU_F32   ? wide[i]
                 : type == CU_F16 ? px_h2f(px_f2h(wide[i]))
                                  : px_bf2f(px_f2bf(wide[i]));
    }
    for (int i = 0; i < m; i++) ig_q_e4m3_row(&r.x[(size_t)i * k], &r.x[(size_t)i * k], k, f);
    r.args = {buffer<uint8_t>((size_t)room * blocks * 128),
              buffer<float>((size_t)room * groups),
              x,
              k,
              type,
              nullptr,
              m,
              room,
              k,
              f->group ? CU_Q_F8_GROUPS : CU_Q_F8_ROWS};
    check((hopper ? cu_f8_acts(&r.args, nullptr) : cu_f8_acts_sm89(&r.args, nullptr)) == 0, "acts");
    bool same = true;
    for (int i = 0; i < room; i++)
        for (int c = 0; c < blocks * 128; c++) {
            // 16 k are pairs 0 4 1 5 2 6 3 7; 16 bytes c lie at c ^ row
            const int in = c % 16, at = in % 8 / 2 * 4 + in / 8 * 2 + in % 2;
            const uint8_t q = r.args.tiles[((size_t)(c / 128) * room + i) * 128 +
                                           ((c / 16 % 8) ^ (i % 8)) * 16 + at];
            const float d = r.args.scale[(size_t)(f->group ? c / 128 : 0) * room + i];
            const float want = i < m && c < k ? r.x[(size_t)i * k + c] : 0;
            same &= px_e4m32f(q) * d == want;
        }
    check(same, "%s: %dx%d rounded as on the CPU", f->name, m, k);
    return r;
}

static void product(const char *format, int m, int n, int k, bool hopper, bool all_modes,
                    bool gated)
{
    const ig_q_format *f = ig_q_format_named(format);
    const Weights w = weights(f, n, k);
    const Rows x = rows(f, m, k, (cu_float)below(3), hopper);
    const int columns = gated ? n / 2 : n;
    const float *bias = random_f32(n), *residual = random_f32((size_t)m * n);
    float *y = buffer<float>((size_t)m * columns);
    cu_gemm_f8_args g = {};
    g.w = w.device;
    g.x = x.args.tiles, g.scale = x.args.scale;
    g.m = m, g.rows = x.args.rows;
    g.x_groups = f->group != 0;
    g.finish.bias = bias;
    if (!gated) g.finish.residual = residual, g.finish.ld_residual = n;
    g.finish.y = y, g.finish.ldy = g.finish.n_out = columns;
    g.finish.act = CU_ACT_relu;
    g.finish.gated = gated;
    char what[96];
    snprintf(what, sizeof what, "%s sm_%d %dx%dx%d%s", format, hopper ? 90 : 89, m, n, k,
             gated ? " gated" : "");
    auto run = [&] { // the emulated chip is a Hopper
        return hopper ? cu_gemm_f8(&g, nullptr) : cu_gemm_f8_sm89(&g, nullptr);
    };
    if (all_modes)
        same_in_all_modes(what, y, (size_t)m * columns * 4, run);
    else
        check(run() == 0, "%s", what);
    std::vector<double> sums((size_t)m * n), want((size_t)m * columns);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = bias[j] + (gated ? 0 : residual[(size_t)i * n + j]);
            for (int c = 0; c < k; c++)
                sum += (double)x.x[(size_t)i * k + c] * w.w[(size_t)j * k + c];
            sums[(size_t)i * n + j] = sum;
        }
    for (int i = 0; i < m; i++)
        for (int j = 0; j < columns; j++) {
            const double *at = &sums[(size_t)i * n + (gated ? j / 8 * 16 + j % 8 : j)];
            const double v = fmax(gated ? at[8] : *at, 0);
            want[(size_t)i * columns + j] = gated ? *at * v : v;
        }
    const double err = distance(y, of_f32, want.data(), want.size());
    check(err < (gated ? 8e-4 : 3e-4), "%s: error %.2e", what, err); // scales are f16
}

// Rows without a number, and rows of zeros.
static void special()
{
    const ig_q_format *f = ig_q_format_named("f8g128");
    const Weights w = weights(f, 64, 200);
    float *x = random_f32(3 * 200), *y = buffer<float>(3 * 64);
    for (int i = 0; i < 200; i++) x[i] = 0;
    x[230] = INFINITY;
    cu_f8_acts_args acts = {buffer<uint8_t>(8 * 256),
                            buffer<float>(16),
                            x,
                            200,
                            CU_F32,
                            nullptr,
                            3,
                            8,
                            200,
                            CU_Q_F8_GROUPS};
    check(cu_f8_acts(&acts, nullptr) == 0, "acts");
    cu_gemm_f8_args g = {};
    g.w = w.device;
    g.x = acts.tiles, g.scale = acts.scale, g.x_groups = 1;
    g.m = 3, g.rows = 8;
    g.finish.y = y, g.finish.ldy = g.finish.n_out = 64;
    check(cu_gemm_f8(&g, nullptr) == 0, "special");
    bool right = true;
    for (int j = 0; j < 64; j++)
        right &= y[j] == 0 && std::isnan(y[64 + j]) && std::isfinite(y[128 + j]);
    check(right, "zeros, a row with an infinity, and its neighbour");
}

// Experts: slots of one and of several tiles of tokens, rows in an order with holes.
static void experts(const char *format, int n, int k, bool hopper)
{
    const ig_q_format *f = ig_q_format_named(format);
    const int counts[] = {CU_F8_SLOT, 3, 70}, of[] = {2, 0, 1}, m = 60, all = 3;
    std::vector<Weights> w;
    for (int e = 0; e < all; e++) w.push_back(weights(f, n, k));
    ig_q_tiles t;
    check(ig_q_tiles_of(&t, f, n, k), "tiles");
    uint8_t *tiles = buffer<uint8_t>(t.bytes * all);
    for (int e = 0; e < all; e++) memcpy(tiles + e * t.bytes, w[e].device.quants, t.bytes);
    // expert e: counts[i] rows of x, in whatever order, from a multiple of 8 on
    cu_q_slot *slots = zeros<cu_q_slot>(5);
    int rows_of = 0;
    for (int i = 0; i < 3; i++) {
        slots[i] = cu_q_slot{of[i], rows_of, counts[i], 0};
        rows_of += (counts[i] + 7) / 8 * 8;
    }
    int32_t *order = buffer<int32_t>(rows_of);
    for (int i = 0; i < rows_of; i++) order[i] = -1;
    for (int i = 0; i < 3; i++)
        for (int r = 0; r < counts[i]; r++) order[slots[i].first + r] = below(m);
    Rows x = rows(f, m, k, CU_F32, hopper);
    const int blocks = (k + 127) / 128, groups = f->group ? blocks : 1;
    cu_f8_acts_args acts = x.args;
    acts.tiles = buffer<uint8_t>((size_t)rows_of * blocks * 128);
    acts.scale = buffer<float>((size_t)rows_of * groups);
    acts.order = order, acts.m = acts.rows = rows_of;
    int *n_slots = zeros<int>(1);
    *n_slots = 3;
    const float *bias = random_f32((size_t)all * n);
    float *y = buffer<float>((size_t)rows_of * n);
    cu_gemm_f8_args g = {};
    g.w = w[0].device;
    g.w.quants = tiles, g.w.scales = (const uint16_t *)(tiles + t.scales);
    g.w.row = (const float *)(tiles + t.row), g.w.expert_bytes = (int64_t)t.bytes;
    g.x = acts.tiles, g.scale = acts.scale, g.m = g.rows = rows_of, g.x_groups = f->group != 0;
    g.finish.bias = bias, g.finish.bias_step = n;
    g.finish.y = y, g.finish.ldy = g.finish.n_out = n;
    g.slots = slots, g.n_slots = n_slots, g.max_slots = 5;
    char what[96];
    snprintf(what, sizeof what, "experts %s sm_%d %dx%d", format, hopper ? 90 : 89, n, k);
    for (int i = 0; i < rows_of * n; i++) y[i] = 0;
    same_in_all_modes(what, y, (size_t)rows_of * n * 4, [&] {
        const int status = hopper ? cu_f8_acts(&acts, nullptr) : cu_f8_acts_sm89(&acts, nullptr);
        for (int i = 0; i < rows_of * n; i++) y[i] = 0; // no product writes the holes
        return status ? status : hopper ? cu_gemm_f8(&g, nullptr) : cu_gemm_f8_sm89(&g, nullptr);
    });
    std::vector<double> want((size_t)rows_of * n, 0);
    for (int i = 0; i < 3; i++)
        for (int r = slots[i].first; r < slots[i].first + counts[i]; r++)
            for (int j = 0; j < n; j++) {
                double sum = bias[of[i] * n + j];
                for (int c = 0; c < k; c++)
                    sum += (double)x.x[(size_t)order[r] * k + c] * w[of[i]].w[(size_t)j * k + c];
                want[(size_t)r * n + j] = sum;
            }
    const double err = distance(y, of_f32, want.data(), want.size());
    check(err < 3e-4, "%s: error %.2e", what, err);
}

int main()
{
    for (bool hopper : {true, false})
        for (const char *f : {"f8c", "f8g128"}) {
            product(f, 9, 65, 70, hopper, true, false);
            product(f, 130, 190, 300, hopper, false, false);         // ragged everywhere
            product(f, 70, 100, 128 * 3 + 64, hopper, false, false); // half a block at the end
            product(f, 33, 96, 129, hopper, false, true);
            product(f, 65, 64, 1100, hopper, false, false); // more blocks than stages
        }
    product("f8g128", 260, 640, 256, true, true, false); // more tiles than processors
    product("f8g128", 70, 192, 256, false, true, false);
    for (bool hopper : {true, false}) {
        experts("f8c", 100, 200, hopper);
        experts("f8g128", 70, 300, hopper);
    }
    special();
    return done();
}
