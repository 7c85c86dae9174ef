// The k best on the emulated device against the CPU's op.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

static void one(int dtype, std::vector<int64_t> dims, int axis, int k, int largest, int n_modes)
{
    Tensor x(dtype, dims), count(INGOT_I64, {1}, true);
    count.set(0, k);
    if (op_is_float(dtype))
        x.fill([](size_t i) { return i % 3 ? uniform() * 50 : (double)below(9) - 4; });
    else
        x.any_bits();
    if (op_is_float(dtype)) x.set(1, NAN), x.set(4, -0.0), x.set(5, 0), x.set(6, INFINITY);
    op_agrees(describe("top_k", dtype) + " " + std::to_string(k) + " of " +
                  std::to_string(dims[axis]),
              "top_k", {attribute("axis", axis), attribute("largest", largest)}, {x, count}, 2, 0,
              n_modes);
}

int main()
{
    for (int largest : {1, 0}) {
        one(INGOT_F32, {3, 1000}, 1, 5, largest, 10);
        one(INGOT_F32, {2, 700}, 1, 700, largest, 2);
        one(INGOT_F32, {9, 8}, 1, 1, largest, 2);
        one(INGOT_F32, {30, 3}, 0, 7, largest, 2);
        for (int dtype : {INGOT_F64, INGOT_F16, INGOT_BF16, INGOT_I8, INGOT_U8, INGOT_I16,
                          INGOT_I32, INGOT_I64, INGOT_U64, INGOT_F8E4M3FN})
            one(dtype, {2, 530}, 1, 40, largest, 1);
    }
    return done();
}
