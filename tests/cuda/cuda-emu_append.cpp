// Appending a step's tokens to pages on the emulator: every element has the bits that the CPU's
// kernels give it, turned queries too; nothing else in the pages is written.
#include "tests/cuda/paged.hpp"

extern "C" {
#include "runtime/base/half.h"
}

using namespace paged_test;

// The input type's value of x.
static float as_input(void *to, cu_att_type t, size_t i, float x)
{
    if (t == CU_ATT_F32) return ((float *)to)[i] = x;
    uint16_t *h = (uint16_t *)to;
    h[i] = t == CU_ATT_F16 ? px_f2h(x) : px_f2bf(x);
    return t == CU_ATT_F16 ? px_h2f(h[i]) : px_bf2f(h[i]);
}

static void turn(const cu_paged_args &a, float *y, const float *x, int row)
{
    if (!a.table) {
        memcpy(y, x, a.d * sizeof *y);
        return;
    }
    const float *t = a.table + (size_t)row * 2 * a.half;
    rope_args r = {};
    r.y = y;
    r.x = x;
    r.y_head = r.x_head = r.size = (size_t)a.d;
    r.heads = 1;
    r.cos = t;
    r.sin = t + a.half;
    r.half = (size_t)a.half;
    r.interleaved = a.interleaved != 0;
    rope_f32_ref(&r);
}

// One token's K and V as the CPU rounds them: elements in the pages' type, scales.
struct rounded {
    std::vector<unsigned char> page;
    ig_page_format f;
    rounded(const shape &s, const float *k, const float *v)
    {
        const ig_page_type t = s.type == IG_PAGE_F8 ? IG_PAGE_I8 : s.type;
        check(ig_page_format_init(&f, t, 16, s.d, s.dv), "format");
        page.resize(f.bytes);
        ig_page_append(page.data(), &f, 0, k, v);
    }
    const unsigned char *key(int c) const
    {
        const int each = f.type == IG_PAGE_F32 ? 4 : 2;
        if (f.type == IG_PAGE_I8) return &page[c / 4 * 64 + c % 4];
        return &page[(size_t)c * 16 * each];
    }
    const unsigned char *value(int c) const
    {
        const int each = f.type == IG_PAGE_F32 ? 4 : f.type == IG_PAGE_I8 ? 1 : 2;
        return &page[f.v_at + (size_t)c * each];
    }
};

static float most_of(const float *x, int n)
{
    float m = 0;
    for (int i = 0; i < n; i++) m = std::max(m, fabsf(x[i]));
    return m;
}

static void token(const cache &c, const char *what, int seq, int at, int h, const float *k,
                  const float *v)
{
    const shape &s = c.s;
    const ig_page_format &f = c.format();
    const rounded want(s, k, v);
    const unsigned char *p = c.place(seq, at, h);
    const int slot = at % s.page_tokens, each = s.type == IG_PAGE_F32  ? 4
                                                : s.type >= IG_PAGE_I8 ? 1
                                                                       : 2;
    const unsigned char *rows[2] = {p + slot * f.k_group, p + f.v_at + slot * f.v_row};
    const size_t bytes[2] = {f.k_group, f.v_row};
    for (int w = 0; w < 2; w++) {
        const int n = w ? s.dv : s.d;
        const float *x = w ? v : k;
        float scale = 1;
        if (s.type >= IG_PAGE_I8) {
            scale = ((const float *)(const void *)(p + (w ? f.v_scales_at : f.k_scales_at)))[slot];
            const float told = most_of(x, n) / (s.type == IG_PAGE_I8 ? 127 : 448);
            if (!check(scale == told, "%s: scale %g, expected %g", what, scale, told)) return;
        }
        for (int i = 0; i < n; i++) {
            const unsigned char *got = rows[w] + (size_t)i * each;
            const unsigned char f8 = scale > 0 ? px_f2e4m3(x[i] / scale) : 0;
            const unsigned char *wanted = s.type == IG_PAGE_F8 ? &f8
                                          : w                  ? want.value(i)
                                                               : want.key(i);
            if (!check(!memcmp(got, wanted, each), "%s: %s %d of token %d of sequence %d", what,
                       w ? "value" : "key", i, at, seq))
                return;
        }
        for (size_t i = (size_t)n * each; i < bytes[w]; i++)
            if (!check(rows[w][i] == 0, "%s: no zero behind a row", what)) return;
    }
}

static void run(const char *name, const shape &s, cu_att_type x_type, std::vector<sequence> seqs)
{
    cache c(s, seqs);
    c.fill(4);
    step_args args(c, c.rows + 1);
    cu_paged_args &a = args.a;
    char what[160];
    snprintf(what, sizeof what, "%s type %d from %d, %d/%d heads of %d and %d", name, s.type,
             x_type, s.heads, s.kv_heads, s.d, s.dv);
    const size_t n = (size_t)a.rows * args.row;
    float *x = (float *)args.x;
    void *in = buffer<float>(n);
    x[1] = 0;
    for (size_t i = 0; i < n; i++) x[i] = as_input(in, x_type, i, x[i]);
    const size_t each = x_type == CU_ATT_F32 ? 4 : 2;
    a.q = in;
    a.k = (char *)in + (size_t)s.heads * s.d * each;
    a.v = (char *)in + (size_t)(s.heads + s.kv_heads) * s.d * each;
    a.x_type = x_type;
    const size_t pool = c.step.page_bytes * (size_t)(1 + c.tables.size());
    std::vector<unsigned char> before(c.step.base, c.step.base + pool);
    same_in_all_modes(what, a.turned, (size_t)(a.rows - 1) * s.heads * s.d * 2,
                      [&] { return cu_paged_append(&a, nullptr); });
    std::vector<float> turned(s.d), key(s.d);
    const bool half =
        s.d == s.dv && (s.d == 64 || s.d == 80 || s.d == 96 || s.d == 128) && s.type != IG_PAGE_F32;
    for (size_t i = 0; i < seqs.size(); i++)
        for (int t = 0; t < seqs[i].n; t++) {
            const int row = (int)c.spans[i].row + t;
            const float *from = x + (size_t)row * args.row;
            for (int h = 0; h < s.heads; h++) {
                turn(a, turned.data(), from + h * s.d, row);
                const size_t at = ((size_t)row * s.heads + h) * s.d;
                bool same = true;
                for (int e = 0; e < s.d; e++) {
                    const uint16_t *q = (const uint16_t *)a.turned + at;
                    same &= !half                   ? ((const float *)a.turned)[at + e] == turned[e]
                            : s.type == IG_PAGE_F16 ? q[e] == px_f2h(turned[e])
                                                    : q[e] == px_f2bf(turned[e]);
                }
                check(same, "%s: query head %d of row %d", what, h, row);
            }
            for (int h = 0; h < s.kv_heads; h++) {
                turn(a, key.data(), from + (s.heads + h) * s.d, row);
                token(c, what, (int)i, seqs[i].before + t, h, key.data(),
                      from + (s.heads + s.kv_heads) * s.d + h * s.dv);
            }
        }
    for (int i = 0; i < s.heads * s.dv; i++)
        if (!check(a.y[(size_t)(a.rows - 1) * s.heads * s.dv + i] == 0, "%s: padding", what)) break;
    // layer 0 and the bytes before the layers are nobody's
    size_t other = 0;
    for (size_t p = 0; p < pool; p += c.step.page_bytes)
        for (size_t i = 0; i < c.layers[1].at; i++) other += c.step.base[p + i] != before[p + i];
    check(!other, "%s: %zu bytes of another layer were written", what, other);
}

// A value that is not finite makes the scale NaN, as on the CPU.
static void not_finite()
{
    const shape s = {IG_PAGE_I8, 1, 1, 64, 64, 0, 0, 16};
    cache c(s, {{0, 2}});
    c.fill(4);
    step_args args(c, 2);
    ((float *)args.x)[64 + 5] = INFINITY;
    emu::g_mode = modes[0];
    check(cu_paged_append(&args.a, nullptr) == 0, "launch");
    const float *scales = (const float *)(const void *)(c.place(0, 0, 0) + c.format().k_scales_at);
    check(scales[0] != scales[0] && scales[1] == scales[1], "the scale of an infinity is NaN");
}

int main()
{
    for (ig_page_type t : {IG_PAGE_F32, IG_PAGE_F16, IG_PAGE_BF16, IG_PAGE_I8, IG_PAGE_F8}) {
        run("wide", {t, 4, 2, 64, 64, 32, 0, 16}, CU_ATT_F32, {{0, 19}, {30, 3}, {7, 0}, {15, 2}});
        run("wide, bf16", {t, 3, 1, 128, 128, 32, 1, 32}, CU_ATT_BF16, {{40, 9}});
        run("wide, f16", {t, 2, 2, 80, 80, 40, 0, 16}, CU_ATT_F16, {{3, 4}});
        run("any", {t, 3, 3, 37, 21, 18, 0, 16}, CU_ATT_F32, {{14, 5}, {0, 1}});
        run("any, neighbours", {t, 2, 1, 26, 30, 9, 1, 48}, CU_ATT_F16, {{47, 2}});
        run("not turned", {t, 2, 1, 96, 96, 0, 0, 16}, CU_ATT_F32, {{1, 2}});
    }
    not_finite();
    return done();
}
