// Quantisation on the emulated device against the CPU's ops: the same integers.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

static Tensor scales(int dtype, std::vector<int64_t> dims)
{
    Tensor t(dtype, dims);
    return t.fill([](size_t) { return ldexp(1 + below(100) / 128.0, -5); });
}

// A shape, an axis, a block size, and the scale's shape.
struct Grid {
    std::vector<int64_t> x, scale;
    int axis, block;
};
static const Grid grids[] = {
    {{3, 5, 7}, {}, 1, 0},         {{3, 5, 8}, {5}, 1, 0},   {{6, 33}, {33}, -1, 0},
    {{4, 10, 3}, {4, 4, 3}, 1, 3}, {{3, 64}, {3, 4}, 1, 16}, {{5, 6}, {5}, 0, 0},
};

static void forth(int x_dtype, int scale_dtype, int y_dtype, const Grid &g, int precision)
{
    Tensor x(x_dtype, g.x), zero(y_dtype, g.scale);
    x.random(9);
    if (x_dtype == INGOT_I32) x.fill([](size_t) { return (double)below(20) - 10; });
    if (op_is_float(x_dtype)) x.set(3, NAN), x.set(4, INFINITY), x.set(7, -INFINITY);
    zero.fill([y_dtype](size_t) { return op_is_float(y_dtype) ? 0. : (double)below(3); });
    std::vector<op_attribute> how = {attribute("axis", g.axis), attribute("block_size", g.block)};
    if (precision) how.push_back(attribute("precision", precision));
    op_agrees(describe("quantize", x_dtype) + " " + op_dtype_name(y_dtype), "quantize", how,
              {x, scales(scale_dtype, g.scale), zero}, 1, 0, 1);
}

static void back(int x_dtype, int scale_dtype, int y_dtype, const Grid &g)
{
    Tensor x(x_dtype, g.x), zero(x_dtype, g.scale);
    x.any_bits(), zero.fill([](size_t) { return (double)below(3); });
    op_agrees(
        describe("dequantize", x_dtype) + " " + op_dtype_name(y_dtype), "dequantize",
        {attribute("axis", g.axis), attribute("block_size", g.block), attribute("dtype", y_dtype)},
        {x, scales(scale_dtype, g.scale), zero}, 1, 0, 1);
}

int main()
{
    for (const Grid &g : grids) {
        for (int y : {INGOT_U8, INGOT_I8, INGOT_I16, INGOT_U16, INGOT_I4, INGOT_U4, INGOT_F8E4M3FN,
                      INGOT_F8E5M2, INGOT_F4E2M1}) {
            forth(INGOT_F32, INGOT_F32, y, g, 0);
            forth(INGOT_F16, INGOT_F16, y, g, 0);
        }
        forth(INGOT_BF16, INGOT_BF16, INGOT_I8, g, 0);
        forth(INGOT_F32, INGOT_F32, INGOT_I8, g, INGOT_F16);
        forth(INGOT_F64, INGOT_F64, INGOT_U8, g, 0);
        forth(INGOT_I32, INGOT_F32, INGOT_U8, g, 0);
        for (int x : {INGOT_U8, INGOT_I8, INGOT_I16, INGOT_I32, INGOT_U4, INGOT_I4, INGOT_F8E4M3FN,
                      INGOT_F8E5M2})
            for (int y : {INGOT_F32, INGOT_F16, INGOT_BF16}) back(x, y, y, g);
    }
    for (int64_t n : {1, 7, 1024, 9001}) {
        Tensor x(INGOT_F32, {n});
        op_agrees("dynamic_quantize", "dynamic_quantize", {}, {x.random(3)}, 3, 0, 4);
        op_agrees("dynamic_quantize above 0", "dynamic_quantize", {},
                  {x.fill([](size_t) { return 2 + uniform(); })}, 3, 0, 2);
        op_agrees("dynamic_quantize of 0", "dynamic_quantize", {},
                  {x.fill([](size_t) { return 0.; })}, 3, 0, 2);
    }
    return done();
}
