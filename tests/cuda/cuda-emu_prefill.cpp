// Many queries on the emulator: prompts in chunks behind what is cached, over pages of every type,
// on Hopper's units and on those before, and dense tensors with masks, windows and ragged ends;
// against double, the same bits under every schedule, and for a row whoever stands beside it.
#include "tests/cuda/paged.hpp"

using namespace paged_test;

static double bound(ig_page_type t)
{
    return t == IG_PAGE_F32 ? 3e-6 : t == IG_PAGE_F16 ? 1.5e-3 : 9e-3;
}

struct options {
    int left = -1;
    float softcap = 0;
    bool sinks = false, slopes = false, all_modes = true;
    bool alone = false; // also each sequence by itself: the same bits
};

static void pages(const char *name, const shape &s, std::vector<sequence> seqs,
                  const options &o = {})
{
    cache c(s, seqs);
    write_past(c);
    c.fill(4);
    step_args args(c, c.rows);
    args.a.rule.left = o.left;
    args.a.rule.softcap = o.softcap;
    if (o.sinks) args.a.rule.sinks = random_f32(s.heads, 2);
    if (o.slopes) args.a.rule.slopes = random_f32(s.heads, 0.1);
    const size_t n = (size_t)args.a.rows * s.heads * s.dv;
    char what[160];
    snprintf(what, sizeof what, "%s type %d, %d/%d heads of %d and %d", name, s.type, s.heads,
             s.kv_heads, s.d, s.dv);
    auto launch = [&] { return cu_paged_attention(&args.a, nullptr); };
    if (o.all_modes) {
        same_in_all_modes(what, args.a.y, n * 4, launch);
    } else {
        emu::g_mode = modes[7];
        memset(args.a.y, 0xff, n * 4);
        check(launch() == 0, "%s: launch", what);
    }
    const std::vector<double> want = wanted(c, args);
    const double err = distance(args.a.y, of_f32, want.data(), n);
    check(err < bound(s.type), "%s: error %.2e", what, err);
    check(c.image_kept(), "%s: the tables are left as they were", what);
    for (size_t i = 0; o.alone && i < seqs.size(); i++) {
        cache one(s, {seqs[i]});
        one.step.base = c.step.base;
        one.tables[0] = c.tables[i];
        one.spans[0].pages = c.tables[i].data();
        one.fill(7);
        cu_paged_args a = args.a;
        const size_t row = c.spans[i].row, at = row * s.heads * s.dv;
        a.kv = one.tables_cuda;
        a.rows = seqs[i].n;
        a.q = (const float *)a.q + row * args.row;
        a.k = (const float *)a.k + row * args.row;
        a.v = (const float *)a.v + row * args.row;
        if (a.table) a.table += row * 2 * a.half;
        a.y = buffer<float>((size_t)a.rows * s.heads * s.dv);
        emu::g_mode = modes[0];
        check(cu_paged_attention(&a, nullptr) == 0 &&
                  !memcmp(a.y, args.a.y + at, (size_t)a.rows * s.heads * s.dv * 4),
              "%s: sequence %zu alone has other bits", what, i);
    }
}

// What tiles of 128 rows and keys make of it: several key tiles, of which windows skip the first,
// ends on a tile's edge, in a page and behind whole pages; 1 to 9 query heads a kv head.
static void tiles(ig_page_type t)
{
    options o;
    o.alone = true;
    pages("tiles", {t, 4, 1, 64, 64, 0, 0, 16}, {{250, 40}, {0, 128}, {100, 28}, {120, 9}}, o);
    o.all_modes = false;
    o.left = 20;
    pages("tiles, window", {t, 2, 2, 64, 64, 0, 0, 32}, {{300, 30}, {0, 140}}, o);
    o.softcap = 1;
    o.sinks = true;
    pages("tiles, softcap, sinks", {t, 9, 1, 128, 128, 0, 0, 16}, {{130, 17}, {0, 12}}, o);
    o.left = -1;
    pages("tiles of 80 keys", {t, 3, 1, 256, 256, 0, 0, 48}, {{70, 30}, {150, 10}}, o);
}

// A prompt in one chunk and in two: the second half's rows have the same bits.
static void chunks()
{
    const shape s = {IG_PAGE_BF16, 4, 2, 64, 64, 32, 0, 16};
    cache whole(s, {{0, 150}});
    whole.fill(4);
    step_args args(whole, 150);
    emu::g_mode = modes[0];
    check(cu_paged_attention(&args.a, nullptr) == 0, "launch");
    std::vector<float> y(args.a.y, args.a.y + (size_t)150 * s.heads * s.dv);
    cache rest(s, {{90, 60}});
    rest.step.base = whole.step.base;
    rest.tables = whole.tables;
    rest.spans[0].pages = whole.tables[0].data();
    rest.fill(4);
    cu_paged_args a = args.a;
    a.kv = rest.tables_cuda;
    a.rows = 60;
    a.q = (const float *)a.q + 90 * args.row;
    a.k = (const float *)a.k + 90 * args.row;
    a.v = (const float *)a.v + 90 * args.row;
    a.table += (size_t)90 * 2 * s.half;
    a.y = buffer<float>((size_t)60 * s.heads * s.dv);
    check(cu_paged_attention(&a, nullptr) == 0, "launch");
    check(!memcmp(a.y, &y[(size_t)90 * s.heads * s.dv], (size_t)60 * s.heads * s.dv * 4),
          "a prompt in two chunks has other bits");
}

struct dense_case {
    int batch, heads, kv_heads, tq, tk, d, dv, offset;
    bool causal;
    int left, right;
    int mask; // 0: none, 1: added, 2: bool
    bool tokens_first;
    float softcap;
    bool sinks, f32;
};

static void dense(cu_att_type type, const dense_case &c, bool all_modes)
{
    const size_t nq = (size_t)c.batch * c.heads * c.tq, nk = (size_t)c.batch * c.kv_heads * c.tk;
    auto random = [&](size_t n) {
        uint16_t *p = buffer<uint16_t>(n);
        for (size_t i = 0; i < n; i++) {
            const float x = (float)uniform();
            p[i] = type == CU_ATT_F16 ? px_f2h(x) : px_f2bf(x);
        }
        return p;
    };
    auto value = [&](const uint16_t *p, size_t i) {
        return (double)(type == CU_ATT_F16 ? px_h2f(p[i]) : px_bf2f(p[i]));
    };
    cu_attention_args a = {};
    uint16_t *q = random(nq * c.d), *k = random(nk * c.d), *v = random(nk * c.dv);
    uint16_t *y = buffer<uint16_t>(nq * c.dv * 2);
    a.q = q, a.k = k, a.v = v, a.y = y;
    a.type = a.y_type = type;
    a.batch = c.batch, a.heads = c.heads, a.kv_heads = c.kv_heads;
    a.tq = c.tq, a.tk = c.tk, a.d = c.d, a.dv = c.dv, a.offset = c.offset;
    auto lay = [&](int64_t &b, int64_t &h, int64_t &r, int heads, int tokens, int size) {
        b = (int64_t)heads * tokens * size;
        h = c.tokens_first ? size : (int64_t)tokens * size;
        r = c.tokens_first ? (int64_t)heads * size : size;
    };
    lay(a.q_batch, a.q_head, a.q_row, c.heads, c.tq, c.d);
    lay(a.k_batch, a.k_head, a.k_row, c.kv_heads, c.tk, c.d);
    lay(a.v_batch, a.v_head, a.v_row, c.kv_heads, c.tk, c.dv);
    lay(a.y_batch, a.y_head, a.y_row, c.heads, c.tq, c.dv);
    a.rule.scale = (float)(1 / sqrt((double)c.d));
    a.rule.causal = c.causal;
    a.rule.left = c.left, a.rule.right = c.right;
    a.rule.softcap = c.softcap;
    if (c.sinks) a.rule.sinks = random_f32(c.heads, 2);
    if (c.f32) a.y_type = CU_ATT_F32;
    const size_t n_mask = (size_t)c.heads * c.tq * c.tk;
    std::vector<double> add(n_mask, 0.0);
    if (c.mask == 1) {
        float *m = random_f32(n_mask, 2);
        for (size_t i = 0; i < n_mask; i++) add[i] = m[i];
        a.mask = m, a.mask_type = CU_ATT_F32;
    } else if (c.mask == 2) {
        uint8_t *m = buffer<uint8_t>(n_mask);
        for (size_t i = 0; i < n_mask; i++) {
            m[i] = (int)(i / c.tk) % 7 != 3 && below(4) != 0; // every seventh row sees nothing
            add[i] = m[i] ? 0 : -INFINITY;
        }
        a.mask = m, a.mask_type = CU_ATT_BOOL;
    }
    a.mask_len = c.tk, a.mask_row = c.tk, a.mask_head = (int64_t)c.tq * c.tk;
    char what[160];
    snprintf(what, sizeof what, "dense type %d, %d/%d heads of %d and %d, %d queries, %d keys",
             type, c.heads, c.kv_heads, c.d, c.dv, c.tq, c.tk);
    if (all_modes) {
        same_in_all_modes(what, y, nq * c.dv * (c.f32 ? 4 : 2),
                          [&] { return cu_attention(&a, nullptr); });
    } else {
        emu::g_mode = modes[7];
        check(cu_attention(&a, nullptr) == 0, "%s: launch", what);
    }
    std::vector<double> want(nq * c.dv, 0.0), got(nq * c.dv), z(c.tk);
    for (int b = 0; b < c.batch; b++)
        for (int h = 0; h < c.heads; h++)
            for (int i = 0; i < c.tq; i++) {
                const int hk = h / (c.heads / c.kv_heads), at = i + c.offset;
                const size_t yo = b * a.y_batch + h * a.y_head + i * a.y_row;
                double most = c.sinks ? a.rule.sinks[h] : -INFINITY, sum = 0;
                for (int j = 0; j < c.tk; j++) {
                    z[j] = -INFINITY;
                    if ((c.causal && j > at) || (c.left >= 0 && j < at - c.left) ||
                        (c.right >= 0 && j > at + c.right))
                        continue;
                    double x = 0;
                    for (int e = 0; e < c.d; e++)
                        x += value(q, b * a.q_batch + h * a.q_head + i * a.q_row + e) *
                             value(k, b * a.k_batch + hk * a.k_head + j * a.k_row + e);
                    x *= a.rule.scale;
                    if (c.softcap > 0) x = c.softcap * tanh(x / c.softcap);
                    z[j] = x + add[((size_t)h * c.tq + i) * c.tk + j];
                    most = std::max(most, z[j]);
                }
                if (c.sinks) sum = exp(a.rule.sinks[h] - most);
                for (int j = 0; j < c.tk; j++) {
                    const double p = most == -INFINITY ? 0 : exp(z[j] - most);
                    sum += p;
                    for (int e = 0; e < c.dv; e++)
                        want[yo + e] +=
                            p * value(v, b * a.v_batch + hk * a.v_head + j * a.v_row + e);
                }
                for (int e = 0; e < c.dv; e++) {
                    want[yo + e] = sum > 0 ? want[yo + e] / sum : 0;
                    got[yo + e] = c.f32 ? ((const float *)a.y)[yo + e] : value(y, yo + e);
                }
            }
    const double err = distance(
        got.data(), [](double x) { return x; }, want.data(), want.size());
    check(err < (type == CU_ATT_F16 ? 1.5e-3 : 9e-3), "%s: error %.2e", what, err);
}

int main()
{
    options o;
    for (ig_page_type t : {IG_PAGE_BF16, IG_PAGE_F16, IG_PAGE_I8, IG_PAGE_F8, IG_PAGE_F32}) {
        const bool first = t == IG_PAGE_BF16 || t == IG_PAGE_I8;
        o = {};
        o.all_modes = first;
        pages("ragged", {t, 4, 2, 64, 64, 32, 0, 16}, {{0, 70}, {33, 1}, {50, 21}, {7, 9}}, o);
        o.all_modes = false;
        pages("long chunk", {t, 8, 2, 128, 128, 64, 0, 32}, {{40, 140}}, o);
        o.left = 30;
        o.sinks = true;
        pages("window, sinks", {t, 3, 1, 80, 80, 40, 0, 16}, {{60, 90}}, o);
        o.left = -1;
        o.softcap = 2;
        o.slopes = true;
        pages("softcap, slopes", {t, 5, 5, 96, 96, 0, 0, 48}, {{3, 40}, {0, 2}}, o);
        pages("wide heads", {t, 2, 1, 256, 256, 0, 0, 16}, {{20, 40}}, o);
    }
    chunks();
    tiles(IG_PAGE_BF16);
    tiles(IG_PAGE_F16);
    emu::g_cc = 80; // the same pages without Hopper's units
    o = {};
    pages("ragged, sm_80", {IG_PAGE_BF16, 4, 2, 64, 64, 32, 0, 16}, {{0, 70}, {33, 1}, {50, 21}},
          o);
    chunks();
    o.all_modes = false;
    o.left = 30;
    pages("window, sm_80", {IG_PAGE_F16, 3, 1, 128, 128, 40, 0, 16}, {{60, 90}}, o);
    emu::g_cc = 90;
    const dense_case cases[] = {
        // 64 queries and more: Hopper's kernel
        {2, 4, 2, 77, 77, 64, 64, 0, true, -1, -1, 0, false, 0, false, false},
        {1, 2, 1, 130, 190, 128, 128, 60, true, -1, -1, 0, true, 0, false, false},
        {1, 2, 2, 200, 300, 72, 40, 100, false, 50, 3, 0, true, 2, true, false},
        {1, 1, 1, 70, 100, 256, 256, 0, false, -1, -1, 0, false, 0, false, true},
        {1, 2, 1, 150, 360, 128, 128, 0, false, -1, -1, 0, true, 0, false, false},
        {1, 1, 1, 140, 40, 64, 64, 0, true, 10, -1, 0, false, 0, false, false},
        {1, 2, 1, 70, 0, 64, 64, 0, false, -1, -1, 0, false, 0, true, false}, // no keys
        // fewer, masks, odd sizes: the others
        {1, 2, 2, 50, 130, 128, 128, 80, true, -1, -1, 0, true, 0, false, true},
        {1, 4, 1, 40, 90, 72, 40, 50, false, 20, 5, 0, true, 2, true, false},
        {2, 2, 2, 33, 65, 32, 32, 0, false, -1, -1, 1, false, 0, false, false},
        {1, 2, 1, 80, 70, 64, 128, 0, false, -1, -1, 2, false, 0, false, false},
        {1, 2, 1, 20, 40, 200, 256, 20, true, -1, -1, 0, false, 0, false, false},
        {1, 2, 1, 9, 20, 30, 22, 11, true, -1, -1, 0, false, 0, false, false},
    };
    bool modes_all = true;
    for (cu_att_type t : {CU_ATT_BF16, CU_ATT_F16}) {
        for (const dense_case &c : cases) dense(t, c, modes_all);
        modes_all = false;
    }
    return done();
}
