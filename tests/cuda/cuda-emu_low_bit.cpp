// Ops with weights of few bits, mixtures of experts and products of bytes on the emulated device,
// against the CPU's.
#include "tests/cuda/op_check.hpp"
#pragma GCC diagnostic ignored "-Wextra" // a C header that compares enums and numbers
extern "C" {
#include "kernels/gemm_q/gemm_q.h"
}

using namespace cuda_test;

// Random weights [matrices][n, k] in panels; their values are about `size`.
static Tensor panels(const ig_q_format *f, int matrices, int n, int k, double size)
{
    ig_q_layout l;
    ig_q_layout_of(&l, f, k);
    std::vector<int64_t> dims = {(int64_t)ig_q_panels(n), (int64_t)l.panel_bytes};
    if (matrices) dims.insert(dims.begin(), matrices);
    Tensor t(INGOT_U8, dims, true);
    const bool two = f->scale_bytes == IG_Q_TWO_LEVELS;
    const double q = f->offset == IG_Q_E4M3 ? 448
                     : f->bits == 4         ? 8
                                            : 128,
                 d = size / q / (two ? 60 : 1);
    const size_t step = two ? (size_t)IG_Q_SUPER : f->group ? f->group : k;
    const size_t groups = (k + step - 1) / step,
                 subs = f->group ? (k + f->group - 1) / f->group : 1;
    for (int m = 0; m < (matrices ? matrices : 1); m++) {
        std::vector<uint8_t> v((size_t)n * k);
        std::vector<float> scale(n * groups), offset(n * groups);
        std::vector<int8_t> s(n * subs), u(n * subs);
        for (auto &x : v) x = (uint8_t)below(1 << f->bits);
        for (auto &x : v)
            if (f->offset == IG_Q_E4M3 && (x & 0x7f) == 0x7f) x ^= 0x55; // no NaN
        for (auto &x : scale) x = (float)(uniform() * d);
        for (auto &x : offset)
            x = (float)(f->offset == IG_Q_ZERO ? below(1 << f->bits)
                                               : uniform() * size / (two ? 60 : 1));
        for (auto &x : s) x = (int8_t)(below(127) - 63);
        for (auto &x : u) x = (int8_t)(below(127) - 63);
        ig_q_source from = {};
        from.q = v.data(), from.q_n = k, from.q_k = 1;
        from.scale = scale.data(), from.offset = offset.data();
        from.scale_n = from.offset_n = groups;
        from.scale_g = from.offset_g = 1;
        from.s = s.data(), from.t = u.data(), from.sub_n = subs, from.sub_g = 1;
        ig_q_pack((uint8_t *)t.bytes.data() + m * l.panel_bytes * ig_q_panels(n), f, &from, n, k, 0,
                  ig_q_panels(n));
    }
    return t;
}

static void matmul_q()
{
    static const char *const formats[] = {"i4g32", "i4g128zf", "i4g16ms", "i8g64", "i8c", "i4g32s"};
    static const int dtypes[] = {INGOT_F32, INGOT_F16, INGOT_BF16};
    static const char *const acts[] = {"none", "silu", "gelu_erf", "relu", "mish", "clip"};
    for (int i = 0; i < 12; i++) {
        const ig_q_format *f = ig_q_format_named(formats[i % 6]);
        const int m = 1 + below(12), n = 1 + below(90), k = 1 + below(200), dtype = dtypes[i % 3];
        Tensor x(dtype, {2, m, k}), bias(dtype, {n}, true), residual(dtype, {2, m, n});
        std::vector<Tensor> in = {x.random(), panels(f, 0, n, k, 0.3), bias.random(),
                                  residual.random()};
        in.resize(2 + i % 3);
        op_agrees(std::string("matmul_q ") + f->name, "matmul_q",
                  {attribute("n", n), attribute("k", k), attribute("format", f->name),
                   attribute("acts", i % 2 ? "a8" : "f32"), attribute("act", acts[i % 6]),
                   attribute("act_a", 1.0), attribute("act_b", 2.0)},
                  in, 1, dtype == INGOT_BF16 ? 1.6e-2 : 5e-3, i < 2 ? 10 : 1);
    }
}

// Every form of tiles; the table is what a product would read.
static void embed()
{
    for (const char *name :
         {"i4g32", "i4g128zf", "i4g16ms", "i8g64", "i8c", "i8g32m", "f8c", "f8g128"})
        for (int k : {16, 150}) {
            const ig_q_format *f = ig_q_format_named(name);
            const int n = 70 + below(90), ids = 1 + below(20);
            Tensor id(below(2) ? INGOT_I32 : INGOT_I64, {3, ids});
            for (int i = 0; i < 3 * ids; i++) id.set(i, below(n));
            op_agrees(std::string("embed ") + name, "embed",
                      {attribute("n", n), attribute("k", k), attribute("format", name),
                       attribute("scale", 3.5)},
                      {id, panels(f, 0, n, k, 0.3)}, 1, 5e-4);
        }
}

static void glu()
{
    for (const char *name : {"i4g64", "i8g32m", "i4g32ms"})
        for (int n : {8, 21}) {
            const ig_q_format *f = ig_q_format_named(name);
            const int m = 1 + below(20), k = 1 + below(150), columns = (n + 7) / 8 * 16;
            Tensor x(INGOT_F32, {m, k}), bias(INGOT_F32, {columns}, true);
            std::vector<Tensor> in = {x.random(), panels(f, 0, columns, k, 0.3), bias.random()};
            if (n == 8) in.pop_back();
            op_agrees(std::string("glu ") + name, "glu",
                      {attribute("n", n), attribute("k", k), attribute("format", name),
                       attribute("acts", n == 8 ? "a8" : "f32"), attribute("act", "silu")},
                      in, 1, 1e-2, 1);
        }
}

static void moe(int tokens, int experts, int top, const char *scores, bool renormalise, bool a8,
                const char *up, const char *down, int n_modes)
{
    const int n = 1 + below(60), k = 1 + below(100), columns = (n + 7) / 8 * 16;
    Tensor x(INGOT_F32, {tokens, k}), logits(INGOT_F32, {tokens, experts});
    Tensor bias_up(INGOT_F32, {experts, columns}, true), bias_down(INGOT_F32, {experts, k}, true);
    logits.random(4);
    for (size_t i = 0; i + 1 < logits.n(); i += 5) logits.set(i + 1, logits.get(i)); // equal ones
    std::vector<Tensor> in = {x.random(),
                              logits,
                              panels(ig_q_format_named(up), experts, columns, k, 0.3),
                              panels(ig_q_format_named(down), experts, k, n, 0.3),
                              bias_up.random(),
                              bias_down.random()};
    if (a8) in.resize(4);
    char what[96];
    snprintf(what, sizeof what, "moe %d tokens, %d of %d, %s", tokens, top, experts, scores);
    op_agrees(what, "moe",
              {attribute("n", n), attribute("k", k), attribute("top_k", top),
               attribute("scores", scores), attribute("renormalise", (int)renormalise),
               attribute("scale", 1.5), attribute("format", up), attribute("down_format", down),
               attribute("acts", !a8          ? "f32"
                                 : *up == 'f' ? "f8"
                                              : "a8"),
               attribute("act", "silu")},
              in, 1, 1e-2, n_modes);
}

// Floats of 8 bits: activations as they are, and rounded to e4m3.
static void fp8()
{
    static const int dtypes[] = {INGOT_F32, INGOT_F16, INGOT_BF16};
    for (int i = 0; i < 12; i++) {
        const ig_q_format *f = ig_q_format_named(i & 1 ? "f8g128" : "f8c");
        const char *acts = i & 2 ? "f8" : "f32";
        const int m = i % 5 == 4 ? 80 : i % 5 == 3 ? 40 : 1 + below(12), dtype = dtypes[i % 3];
        const int n = 1 + below(90), k = 1 + below(400), columns = (n + 7) / 8 * 16;
        Tensor x(dtype, {m, k}), bias(dtype, {n}, true), wide(INGOT_F32, {m, k});
        op_agrees(std::string("matmul_q ") + f->name + " " + acts, "matmul_q",
                  {attribute("n", n), attribute("k", k), attribute("format", f->name),
                   attribute("acts", acts), attribute("act", "silu"), attribute("act_a", 1.0)},
                  {x.random(), panels(f, 0, n, k, 0.3), bias.random()}, 1,
                  dtype == INGOT_BF16 ? 1.6e-2 : 5e-3, i < 2 ? 10 : 1);
        op_agrees(std::string("glu ") + f->name + " " + acts, "glu",
                  {attribute("n", n), attribute("k", k), attribute("format", f->name),
                   attribute("acts", acts), attribute("act", "silu")},
                  {wide.random(), panels(f, 0, columns, k, 0.3)}, 1, 1e-2, 1);
    }
    moe(9, 5, 2, "softmax", true, false, "f8g128", "f8c", 1);
    moe(20, 4, 2, "softmax", true, true, "f8c", "i8g32", 1);
    moe(150, 2, 1, "softmax", true, true, "f8c", "f8g128", 1); // 8-bit floats on both sides
}

static void matmul_integer()
{
    for (int i = 0; i < 30; i++) {
        const bool as = i & 1, bs = i & 2;
        const int m = 1 + below(40), n = 1 + below(40),
                  k = i % 7 ? 1 + below(60) : 16 * (1 + below(4));
        const int at = as ? INGOT_I8 : INGOT_U8, bt = bs ? INGOT_I8 : INGOT_U8;
        const int batch = i % 3;
        std::vector<int64_t> a_dims = {m, k}, b_dims = {k, n};
        if (batch) a_dims.insert(a_dims.begin(), {2, 3});
        if (batch == 2) b_dims.insert(b_dims.begin(), {3});
        Tensor a(at, a_dims), b(bt, b_dims, below(2)), none;
        Tensor az(at, below(2) ? std::vector<int64_t>{} : std::vector<int64_t>{m});
        Tensor bz(bt, below(2) ? std::vector<int64_t>{} : std::vector<int64_t>{n});
        std::vector<Tensor> in = {a.any_bits(), b.any_bits(), below(3) ? az.any_bits() : none,
                                  below(3) ? bz.any_bits() : none};
        std::vector<op_attribute> attributes;
        const int to = i % 5;
        if (to) {
            Tensor scale(INGOT_F32, below(2) ? std::vector<int64_t>{1} : std::vector<int64_t>{n});
            Tensor bias(to == 2 ? INGOT_I32 : INGOT_F32, {n}), zero(INGOT_U8, {});
            scale.fill([](size_t) { return (uniform() + 1.1) * 0.002; });
            bias.fill([&](size_t) { return to == 2 ? below(4000) - 2000. : uniform() * 30; });
            in.insert(in.end(), {scale, bias});
            if (to > 1 && to < 4) in.push_back(zero.any_bits());
            if (to == 4) attributes.push_back(attribute("dtype", (int)INGOT_BF16));
        }
        char what[96];
        snprintf(what, sizeof what, "matmul_integer %d: %dx%dx%d, to %d, batch %d", i, m, n, k, to,
                 batch);
        op_agrees(what, "matmul_integer", attributes, in, 1, 0, i < 3 ? 10 : 1);
    }
}

// The size from which Hopper's tensor cores are used: unsigned activations are copied for them.
static void large()
{
    for (int at : {INGOT_U8, INGOT_I8}) {
        Tensor a(at, {2, 40, 96}), b(INGOT_I8, {96, 70}, true), az(at, {});
        op_agrees("matmul_integer, large", "matmul_integer", {},
                  {a.any_bits(), b.any_bits(), az.any_bits()}, 1, 0, 1);
    }
}

int main()
{
    large();
    matmul_q();
    embed();
    glu();
    moe(1, 8, 2, "softmax", true, false, "i4g32", "i4g64", 10);
    moe(7, 5, 5, "top_softmax", false, false, "i8g32", "i4g128z", 1);
    moe(40, 4, 1, "sigmoid", false, true, "i4g32", "i8g128", 1);
    moe(150, 3, 2, "softmax", false, true, "i4g16ms", "i4g32ms", 1);
    moe(3, 70, 6, "sigmoid", true, true, "i8c", "i4c", 1);
    matmul_integer();
    fp8();
    return done();
}
