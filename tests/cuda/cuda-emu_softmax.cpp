// Softmax on the emulated device against the CPU's op: rows of every kernel, inner axes, dtypes.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

static void one(int dtype, std::vector<int64_t> dims, int axis, const char *fn, double tolerance,
                int n_modes)
{
    Tensor x(dtype, dims);
    x.random(6);
    if (x.n() > 9) x.set(x.n() / 2, -INFINITY);
    if (!strcmp(fn, "hardmax")) // ties
        x.fill([](size_t) { return (double)below(5); });
    op_agrees(describe(fn, dtype) + " of " + std::to_string(dims.back()), "softmax",
              {attribute("fn", fn), attribute("axis", axis)}, {x}, 1, tolerance, n_modes);
}

int main()
{
    for (const char *fn : {"softmax", "log_softmax", "hardmax"}) {
        one(INGOT_F32, {3, 1}, -1, fn, 1e-6, 10);
        one(INGOT_F32, {5, 77}, -1, fn, 3e-6, 10);   // a warp, element by element
        one(INGOT_F32, {9, 1000}, -1, fn, 3e-6, 4);  // by packs
        one(INGOT_F32, {2, 1029}, -1, fn, 3e-6, 10); // a block
        one(INGOT_F32, {2, 4096}, -1, fn, 3e-6, 4);
        one(INGOT_F32, {1, 9000}, -1, fn, 3e-6, 3);  // of 512 threads
        one(INGOT_F32, {1, 20003}, -1, fn, 3e-6, 3); // twice over x
        one(INGOT_F32, {3, 37, 5}, 1, fn, 3e-6, 10); // columns
        one(INGOT_F32, {3, 3, 2000}, 1, fn, 3e-6, 2);
        one(INGOT_F16, {3, 70}, -1, fn, 2e-3, 3);
        one(INGOT_F16, {3, 1100}, -1, fn, 2e-3, 3);
        one(INGOT_BF16, {4, 36}, 0, fn, 1e-2, 3);
        one(INGOT_F64, {4, 300}, -1, fn, 1e-14, 5);
        one(INGOT_F8E4M3FN, {4, 30}, -1, fn, 0.1, 2);
    }
    Tensor all(INGOT_F32, {2, 40});
    all.fill([](size_t) { return -INFINITY; });
    op_agrees("nothing but -infinity", "softmax", {}, {all}, 1, 0);
    Tensor x(INGOT_F32, {4, 3, 8});
    op_agrees("to_end", "softmax", {attribute("axis", 1), attribute("to_end", 1)}, {x.random()}, 1,
              1e-6);
    return done();
}
