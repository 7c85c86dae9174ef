// unique on the device beside the CPU's: elements and slices, sorted and in the order of their
// first occurrence, every number of outputs, all types.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

// `kinds`: how many values there are to choose from.
static void unique(int dtype, std::vector<int64_t> dims, int axis, int sorted, int kinds,
                   unsigned omitted, int n_modes)
{
    Tensor x(dtype, dims);
    x.fill([&](size_t) { return (double)below(kinds); });
    std::vector<op_attribute> how = {attribute("sorted", sorted)};
    if (axis != 99) how.push_back(attribute("axis", axis));
    op_agrees(describe("unique", dtype) + (sorted ? " sorted" : ""), "unique", how, {x}, 4, 0,
              n_modes, omitted);
}

int main()
{
    for (int dtype : {INGOT_F32, INGOT_F64, INGOT_F16, INGOT_BF16, INGOT_I8, INGOT_U16, INGOT_I64,
                      INGOT_U64, INGOT_BOOL, INGOT_F8E4M3FN, INGOT_I4})
        for (int sorted : {0, 1}) unique(dtype, {5, 17}, 99, sorted, 7, 0, 1);
    for (int sorted : {0, 1}) {
        for (int axis : {0, 1, 2, -1}) unique(INGOT_I32, {6, 9, 3}, axis, sorted, 2, 0, 2);
        unique(INGOT_F32, {700}, 99, sorted, 90, 0, 10);
        unique(INGOT_I32, {3000}, 99, sorted, 100000, 0, 2);
        unique(INGOT_I32, {257}, 0, sorted, 1, 0, 1);
        unique(INGOT_I32, {1}, 0, sorted, 9, 0, 1);
        for (unsigned omitted : {1u, 2u, 4u, 8u, 14u}) // not the values; none but them
            unique(INGOT_I16, {40}, 99, sorted, 12, omitted, 1);
    }
    const double odd[] = {NAN, 0, -0.0, INFINITY, 3, -INFINITY, NAN, 3, 1e-45, -2};
    for (int dtype : {INGOT_F32, INGOT_F64, INGOT_F16})
        for (int sorted : {0, 1})
            op_agrees(describe("what is no number", dtype), "unique", {attribute("sorted", sorted)},
                      {Tensor(dtype, {10}).fill([&](size_t i) { return odd[i]; })}, 4, 0, 1);
    return done();
}
