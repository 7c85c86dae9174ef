// Normalisations on the emulated device against the CPU's ops.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

static double tolerance_of(int dtype)
{
    return dtype == INGOT_F64   ? 1e-12
           : dtype == INGOT_F32 ? 1e-5
           : dtype == INGOT_F16 ? 4e-3
                                : 3e-2;
}

static void rows(int dtype, int64_t n_rows, int64_t cols, int n_modes)
{
    const int64_t shape[] = {n_rows, cols};
    Tensor x(dtype, {shape[0], shape[1]}), gamma(dtype, {cols}), beta(dtype, {cols}), more = x;
    x.random(2), gamma.random(), beta.random(), more.random();
    x.fill([](size_t i) { return uniform() * 2 + (double)(i % 3); });
    const double t = tolerance_of(dtype);
    const std::string what = std::to_string(n_rows) + "x" + std::to_string(cols);
    op_agrees(describe("layer_norm ", dtype) + what, "layer_norm", {}, {x, gamma, beta}, 3, t,
              n_modes);
    op_agrees(describe("layer_norm residual ", dtype) + what, "layer_norm", {},
              {x, gamma, Tensor(), more}, 1, t, n_modes);
    op_agrees(describe("rms_norm ", dtype) + what, "rms_norm", {attribute("epsilon", 1e-6)},
              {x, gamma, Tensor(), more}, 1, t, n_modes);
}

// Parameters of each head: they come again after so many rows.
static void heads(int dtype, std::vector<int64_t> gamma_dims, std::vector<int64_t> beta_dims)
{
    Tensor x(dtype, {4, 3, 5, 40}), gamma(dtype, gamma_dims), beta(dtype, beta_dims);
    x.random(2), gamma.random(), beta.random();
    op_agrees(describe("layer_norm heads", dtype), "layer_norm", {}, {x, gamma, beta}, 3,
              tolerance_of(dtype), 3);
    op_agrees(describe("rms_norm heads", dtype), "rms_norm", {}, {x, gamma}, 1, tolerance_of(dtype),
              3);
}

static void groups(int dtype)
{
    Tensor x(dtype, {2, 6, 5, 3}), channel(dtype, {6}), shift = channel, group(dtype, {3});
    x.random(3), channel.random(), shift.random(), group.random();
    const double t = tolerance_of(dtype);
    op_agrees(describe("instance", dtype), "group_norm", {}, {x, channel, shift}, 1, t);
    op_agrees(describe("groups", dtype), "group_norm", {attribute("num_groups", 3)},
              {x, channel, shift}, 1, t);
    op_agrees(describe("per group", dtype), "group_norm",
              {attribute("num_groups", 3), attribute("per_group", 1)}, {x, group, group}, 1, t);
    Tensor mean = channel, var = channel;
    mean.random(), var.fill([](size_t) { return uniform() + 1.5; });
    op_agrees(describe("batch_norm", dtype), "batch_norm", {}, {x, channel, shift, mean, var}, 1, t,
              1);
    for (double beta : {0.75, 0.6})
        for (int size : {1, 3, 4, 20})
            op_agrees(describe("lrn", dtype), "lrn",
                      {attribute("size", size), attribute("beta", beta), attribute("alpha", 0.3)},
                      {x}, 1, t, 1);
}

int main()
{
    rows(INGOT_F32, 5, 64, 10);
    rows(INGOT_F32, 11, 77, 4);
    rows(INGOT_F32, 2, 1536, 10);
    rows(INGOT_F32, 1, 9000, 2);
    rows(INGOT_F32, 2, 17003, 2);
    rows(INGOT_F16, 3, 96, 3);
    rows(INGOT_BF16, 3, 1030, 3);
    rows(INGOT_F64, 3, 300, 4);
    heads(INGOT_F32, {5, 40}, {5, 40});
    heads(INGOT_F16, {1, 3, 5, 40}, {3, 5, 40});
    heads(INGOT_F64, {1, 1, 5, 40}, {5, 40});
    for (int dtype : {INGOT_F32, INGOT_F16, INGOT_F64}) groups(dtype);
    for (int64_t cols : {1, 40, 1000}) {
        Tensor x(INGOT_F32, {3, cols}), i(INGOT_I64, {3, cols});
        x.random(4), i.fill([](size_t) { return (double)below(50) - 20; });
        for (const char *norm : {"MAX", "L1", "L2"}) {
            op_agrees("row_normalize", "row_normalize", {attribute("norm", norm)}, {x}, 1, 1e-7, 4);
            op_agrees("row_normalize", "row_normalize", {attribute("norm", norm)}, {i}, 1, 1e-7, 2);
        }
    }
    Tensor x(INGOT_F16, {4, 32}), gamma(INGOT_F32, {32});
    op_agrees("gamma of another type", "rms_norm", {}, {x.random(), gamma.random()}, 1, 4e-3);
    return done();
}
