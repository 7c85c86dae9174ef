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

int main()
{
    positions(INGOT_I64, {3, 700}, 1, 10);
    positions(INGOT_I64, {2, 3, 256}, 0, 3);
    positions(INGOT_I32, {257}, -1, 2);
    positions(INGOT_I32, {5, 1}, 3, 1);
    positions(INGOT_I64, {0, 4}, 1, 1);
    positions(INGOT_I64, {4, 0}, 1, 1);
    return done();
}
