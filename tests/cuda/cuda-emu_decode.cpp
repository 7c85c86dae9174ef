// Decoding over pages on the emulator: ragged sequences, every page type and head size, against
// double; the same bits under every schedule, however the work is cut, and whoever shares the step.
#include "tests/cuda/paged.hpp"

using namespace paged_test;

// Roundings of q, of the weights and (pages of 8 bits) of products with their scales.
static double bound(ig_page_type t)
{
    return t == IG_PAGE_F32 ? 3e-6 : t == IG_PAGE_F16 ? 1.5e-3 : 8e-3;
}

struct options {
    int left = -1, padding = 0, processors = 4;
    float softcap = 0;
    bool sinks = false, slopes = false, all_modes = true;
    double scale = 1;
};

static std::vector<float> run(const char *name, const shape &s, std::vector<sequence> seqs,
                              const options &o = {})
{
    cache c(s, seqs);
    write_past(c);
    c.fill(o.processors);
    step_args args(c, c.rows + o.padding, o.scale);
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
        check(launch() == 0, "%s: launch", what);
    }
    check(c.image_kept(), "%s: tickets are left as they were", what);
    const std::vector<double> want = wanted(c, args);
    const double err = distance(args.a.y, of_f32, want.data(), n);
    check(err < bound(s.type), "%s: error %.2e", what, err);
    for (size_t i = n - (size_t)o.padding * s.heads * s.dv; i < n; i++)
        if (!check(args.a.y[i] == 0, "%s: padding is not zero", what)) break;
    // cut otherwise: the same bits
    std::vector<float> first(args.a.y, args.a.y + n);
    for (int processors : {1, 1000}) {
        c.fill(processors);
        args.a.kv = c.tables_cuda;
        memset(args.a.y, 0xff, n * 4);
        memset(args.a.parts, 0xff, 4);
        emu::g_mode = modes[processors == 1 ? 0 : 7];
        check(launch() == 0 && !memcmp(first.data(), args.a.y, n * 4),
              "%s: other bits on %d processors", what, processors);
    }
    // alone: the same bits
    for (size_t i = 0; i < seqs.size(); i++) {
        if (!seqs[i].n) continue;
        cache one(s, {seqs[i]});
        one.step.base = c.step.base;
        one.tables[0] = c.tables[i];
        one.spans[0].pages = c.tables[i].data();
        one.fill(7);
        cu_paged_args a = args.a;
        const size_t row = c.spans[i].row;
        a.kv = one.tables_cuda;
        a.rows = seqs[i].n;
        a.q = (const float *)a.q + row * args.row;
        a.k = (const float *)a.k + row * args.row;
        a.v = (const float *)a.v + row * args.row;
        if (a.table) a.table += row * 2 * a.half;
        a.y = buffer<float>((size_t)a.rows * s.heads * s.dv);
        emu::g_mode = modes[0];
        check(cu_paged_attention(&a, nullptr) == 0 &&
                  !memcmp(a.y, first.data() + row * s.heads * s.dv,
                          (size_t)a.rows * s.heads * s.dv * 4),
              "%s: sequence %zu alone has other bits", what, i);
    }
    return first;
}

int main()
{
    const ig_page_type types[] = {IG_PAGE_BF16, IG_PAGE_F16, IG_PAGE_I8, IG_PAGE_F8, IG_PAGE_F32};
    for (ig_page_type t : types) {
        run("ragged", {t, 8, 2, 64, 64, 32, 0, 16}, {{0, 1}, {37, 1}, {700, 1}, {16, 1}, {600, 1}});
        options o;
        o.all_modes = false;
        run("one token", {t, 4, 4, 80, 80, 40, 1, 16}, {{0, 1}}, o);
        run("speculative", {t, 6, 2, 96, 96, 16, 0, 32}, {{130, 5}, {3, 8}, {20, 0}, {62, 3}}, o);
        o.left = 40;
        o.sinks = true;
        run("window, sinks", {t, 8, 1, 128, 128, 64, 0, 16}, {{310, 2}, {5, 1}}, o);
        o.left = -1;
        o.slopes = true;
        o.softcap = 3;
        o.padding = 2;
        o.scale = 3;
        run("softcap, slopes", {t, 20, 1, 64, 64, 0, 0, 48}, {{90, 1}, {200, 1}}, o);
        run("wide heads", {t, 2, 1, 256, 256, 64, 0, 16}, {{100, 1}, {17, 2}}, o);
        run("odd heads", {t, 3, 1, 37, 21, 9, 1, 16}, {{70, 1}, {3, 2}}, o);
    }
    return done();
}
