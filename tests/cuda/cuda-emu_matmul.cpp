// matmul and glu on the device beside the CPU's: shapes, transposes, vectors, batches that repeat,
// dtypes, epilogues, constants.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

struct matmul_case {
    std::vector<int64_t> a, b, y;
    int a_type = INGOT_F32, b_type = INGOT_F32;
    bool trans_a = false, trans_b = false, constant = false, bias = false, residual = false;
    bool panels = false; // a constant b comes packed
    int fast = 0;
    double alpha = 1;
    const char *act = "none";
};

static double tolerance_of(const matmul_case &c)
{
    if (c.b_type == INGOT_F32 && !c.fast) return 1e-5;
    // operands in [-1, 1) round to 2^-9 (bf16) or 2^-12 (f16), at random, over k of tens
    return c.b_type == INGOT_F16 ? 5e-3 : 4e-2;
}

static void matmul(const char *what, const matmul_case &c)
{
    std::vector<Tensor> in = {Tensor(c.a_type, c.a).random(),
                              Tensor(c.b_type, c.b, c.constant).random()};
    in[1].in.panels = c.panels && c.b.size() > 1 && !c.trans_b;
    if (c.bias || c.residual)
        in.push_back(c.bias ? Tensor(c.a_type, {c.y.back()}).random() : Tensor());
    if (c.residual) in.push_back(Tensor(c.a_type, c.y).random());
    op_agrees(describe(what, c.b_type), "matmul",
              {attribute("trans_a", c.trans_a), attribute("trans_b", c.trans_b),
               attribute("alpha", c.alpha), attribute("act", c.act), attribute("act_a", 1.0)},
              in, 1, tolerance_of(c), 3, 0, c.fast);
}

static void shapes(int a_type, int b_type, int constant, int fast = 0)
{
    matmul_case c;
    c.fast = fast;
    c.panels = constant == 2;
    c.a_type = a_type, c.b_type = b_type, c.constant = constant;
    c.a = {7, 40}, c.b = {40, 9}, c.y = {7, 9};
    matmul("rows", c);
    c.bias = c.residual = true, c.alpha = 0.5, c.act = "gelu_erf";
    c.a = {2, 3, 13}, c.b = {13, 24}, c.y = {2, 3, 24};
    matmul("tall batch", c);
    c.bias = false, c.act = "silu";
    c.a = {3, 1, 5, 11}, c.b = {2, 11, 6}, c.y = {3, 2, 5, 6};
    matmul("broadcast batch", c);
    c.residual = false, c.trans_a = c.trans_b = true;
    c.a = {2, 3, 19, 5}, c.b = {2, 3, 8, 19}, c.y = {2, 3, 5, 8};
    matmul("both turned", c);
    c.trans_a = c.trans_b = false, c.bias = true, c.act = "none";
    c.a = {33}, c.b = {33, 10}, c.y = {10};
    matmul("a row", c);
    c.bias = false;
    c.a = {4, 17}, c.b = {17}, c.y = {4};
    matmul("a column", c);
    c.a = {21}, c.b = {21}, c.y = {};
    matmul("an inner product", c);
    c.a = {3, 0}, c.b = {0, 5}, c.y = {3, 5};
    matmul("no products", c);
    c.a = {0, 4}, c.b = {4, 5}, c.y = {0, 5};
    matmul("no rows", c);
    c.a = {2, 4000}, c.b = {4000, 3}, c.y = {2, 3};
    matmul("long sums", c);
    for (int m = 1; m < 5; m++) {
        c.a = {m, 64}, c.b = {64, 50}, c.y = {m, 50}, c.bias = c.residual = true, c.act = "relu";
        matmul("few rows", c);
    }
}

// y = up * act(gate), the columns of the weights in glu's order.
static void glu(int w_type, int m, int n, int k, bool bias)
{
    const int columns = (n + 7) / 8 * 16;
    Tensor x(INGOT_F32, {m, k}), w(w_type, {k, columns}, true), b(INGOT_F32, {columns});
    x.random(), w.random(), b.random();
    w.in.panels = 1;
    std::vector<op_input> in;
    for (Tensor *t : {&x, &w, &b}) {
        t->in.data = t->bytes.data();
        if (t != &b || bias) in.push_back(t->in);
    }
    const op_attribute attributes[] = {attribute("n", n), attribute("k", k),
                                       attribute("act", "silu")};
    const op_case c = {"glu", attributes, 3, in.data(), in.size(), 1, 0, 0};
    op_output got{};
    char text[256] = "";
    const std::string what = describe("glu", w_type) + " of " + std::to_string(m) + " rows";
    if (!check(op_on_device(&c, &got, text, sizeof text) == OP_DONE, "%s: %s", what.c_str(), text))
        return;
    double worst = 0;
    for (int r = 0; r < m; r++)
        for (int j = 0; j < n; j++) {
            double sums[2];
            for (int gate = 0; gate < 2; gate++) {
                const int col = j / 8 * 16 + j % 8 + gate * 8;
                sums[gate] = bias ? b.get(col) : 0;
                for (int i = 0; i < k; i++)
                    sums[gate] += x.get(r * k + i) * w.get(i * columns + col);
            }
            const double want = sums[0] * sums[1] / (1 + exp(-sums[1]));
            const double err =
                fabs(op_value(got.data, got.dtype, r * n + j) - want) / (1 + fabs(want));
            worst = err == err && err < worst ? worst : err;
        }
    check(worst < (w_type == INGOT_F32    ? 1e-5
                   : w_type == INGOT_BF16 ? 1e-1
                                          : 1e-2),
          "%s: %.2e", what.c_str(), worst);
    op_case_clear();
}

int main()
{
    for (int constant = 0; constant < 3; constant++) {
        shapes(INGOT_F32, INGOT_F32, constant);
        shapes(INGOT_F32, INGOT_F32, constant, 1);
        shapes(INGOT_F32, INGOT_BF16, constant);
        shapes(INGOT_F32, INGOT_F16, constant);
        shapes(INGOT_BF16, INGOT_BF16, constant);
        shapes(INGOT_F16, INGOT_F16, constant);
    }
    for (int type : {INGOT_F32, INGOT_F16, INGOT_BF16})
        for (int m : {1, 3, 37}) {
            glu(type, m, 40, 32, true);
            glu(type, m, 13, 21, false);
        }
    return done();
}
