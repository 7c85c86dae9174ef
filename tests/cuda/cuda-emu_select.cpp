// Elements that count in their order, on the emulated device against the CPU's ops.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

static void positions(int dtype, std::vector<int64_t> dims, int pad, int n_modes)
{
    Tensor ids(dtype, dims);
    ids.fill([](size_t) { return (double)below(4); });
    op_agrees(describe("token_positions", dtype), "token_positions", {attribute("pad", pad)}, {ids},
              1, 0, n_modes);
}

// Values that are zero now and then; of floats -0 and NaN too.
static Tensor sparse(int dtype, std::vector<int64_t> dims, int every)
{
    Tensor x(dtype, dims);
    x.fill([&](size_t) { return below(every) ? 0.0 : 1.0 + below(3); });
    if (op_is_float(dtype) && x.n() > 9) x.set(3, -0.0), x.set(4, NAN), x.set(5, 0x1p-14);
    return x;
}

static void non_zero(int dtype, std::vector<int64_t> dims, int every, int n_modes)
{
    op_agrees(describe("non_zero", dtype), "non_zero", {}, {sparse(dtype, dims, every)}, 1, 0,
              n_modes);
}

static void compress(int dtype, std::vector<int64_t> dims, int64_t n, int axis, int every,
                     int n_modes)
{
    Tensor x(dtype, dims);
    std::vector<op_attribute> how;
    if (axis != 99) how.push_back(attribute("axis", axis));
    op_agrees(describe("compress", dtype), "compress", how,
              {x.any_bits(), sparse(INGOT_BOOL, {n}, every)}, 1, 0, n_modes);
}

// A condition beyond its axis gives the CPU's error.
static void compress_too_far()
{
    Tensor x(INGOT_F32, {3, 4}), condition(INGOT_BOOL, {7});
    condition.fill([](size_t i) { return i == 1 || i == 5; });
    op_refuses("compress too far", "compress", {attribute("axis", 0)}, {x.random(), condition}, 1);
}

static void suppress(int64_t batches, int64_t classes, int64_t n, std::vector<double> limits,
                     int centered, int n_modes, bool constant = true)
{
    Tensor boxes(INGOT_F32, {batches, n, 4}), scores(INGOT_F32, {batches, classes, n});
    boxes.fill([&](size_t i) {
        const double v = below(20) / 20.0;
        return centered && i % 4 > 1 ? v / 4 : v;
    });
    scores.fill([](size_t) { return below(40) ? below(50) / 50.0 : NAN; });
    std::vector<Tensor> in = {boxes, scores};
    if (limits.size() > 0)
        in.push_back(Tensor(INGOT_I64, {1}, constant).fill([&](size_t) { return limits[0]; }));
    for (size_t k = 1; k < limits.size(); k++)
        in.push_back(Tensor(INGOT_F32, {}, constant).fill([&](size_t) { return limits[k]; }));
    op_agrees("non_max_suppression", "non_max_suppression",
              {attribute("center_point_box", centered)}, in, 1, 0, n_modes);
}

int main()
{
    for (int dtype : {INGOT_F32, INGOT_F64, INGOT_F16, INGOT_BF16, INGOT_I64, INGOT_I8, INGOT_BOOL,
                      INGOT_F8E5M2})
        non_zero(dtype, {7, 30}, 3, 1);
    non_zero(INGOT_F32, {3, 5, 7, 50}, 4, 4); // three blocks
    non_zero(INGOT_F32, {2049}, 1, 2);
    non_zero(INGOT_F32, {100}, 1000000, 1);
    non_zero(INGOT_I32, {0, 3}, 2, 1);
    non_zero(INGOT_I32, {}, 1, 1);
    for (int dtype : {INGOT_F32, INGOT_F64, INGOT_F16, INGOT_U8, INGOT_C64, INGOT_C128})
        for (int axis : {0, 1, -1, 99}) compress(dtype, {4, 6, 5}, 4, axis, 2, 1);
    compress(INGOT_F32, {5000, 3}, 5000, 0, 3, 4);
    compress(INGOT_F32, {6, 2500}, 2500, 1, 2, 2);
    compress(INGOT_F32, {6, 5}, 0, 0, 2, 1);
    compress(INGOT_F32, {0, 5}, 0, 0, 2, 1);
    compress(INGOT_F32, {6, 0}, 6, 0, 2, 1);
    compress_too_far();
    suppress(2, 3, 300, {8, 0.3, 0.2}, 0, 4);
    suppress(1, 2, 90, {1000, 0.5, 0.1}, 1, 2);
    suppress(1, 1, 40, {5, 0.5}, 0, 1);
    suppress(1, 1, 40, {7}, 0, 1);
    suppress(1, 1, 40, {}, 0, 1);
    suppress(2, 2, 70, {9, 0.3, 0.2}, 0, 2, false);
    suppress(1, 1, 40, {1000}, 0, 1, false);
    suppress(1, 2, 0, {5, 0.5, 0.5}, 0, 1);
    suppress(1, 1, 300, {20, 0.5, 2}, 0, 1);
    positions(INGOT_I64, {3, 700}, 1, 10);
    positions(INGOT_I64, {2, 3, 256}, 0, 3);
    positions(INGOT_I32, {257}, -1, 2);
    positions(INGOT_I32, {5, 1}, 3, 1);
    positions(INGOT_I64, {0, 4}, 1, 1);
    positions(INGOT_I64, {4, 0}, 1, 1);
    return done();
}
