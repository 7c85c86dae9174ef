// Functions of one element on the emulated device against the CPU's op, every dtype.
#include "kernels/unary/unary_cuda.h"
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

static const int floats[] = {INGOT_F32,  INGOT_F64,      INGOT_F16,
                             INGOT_BF16, INGOT_F8E4M3FN, INGOT_F8E5M2};
static const int ints[] = {INGOT_I8,  INGOT_I16, INGOT_I32, INGOT_I64, INGOT_U8,
                           INGOT_U16, INGOT_U32, INGOT_U64, INGOT_I4,  INGOT_U4};

// A last bit or two of the stored type.
static double tolerance_of(int dtype)
{
    switch (dtype) {
    case INGOT_F64:
        return 4e-15;
    case INGOT_F32:
        return 2e-6;
    case INGOT_F16:
        return 1e-3;
    case INGOT_BF16:
        return 8e-3;
    default:
        return dtype == INGOT_F8E5M2 ? 0.25 : 0.13;
    }
}

static Tensor values(int dtype, size_t n, double scale)
{
    Tensor x(dtype, {(int64_t)n});
    x.random(scale);
    static const double special[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 1, -1, 0.5, -0.5};
    for (size_t i = 0; i < sizeof special / sizeof *special && 3 * i < n; i++)
        x.set(3 * i, special[i]);
    return x;
}

static void every_function()
{
    static const char *const names[] = {
#define X(name) #name,
        CU_UNARY_FNS(X)
#undef X
    };
    for (int dtype : floats)
        for (int fn = 0; fn < CU_UNARY_not; fn++)
            for (size_t n : {(size_t)1, (size_t)1027}) {
                const bool clipped = fn == CU_UNARY_hard_sigmoid || fn == CU_UNARY_hard_swish;
                const double a = clipped ? 0.2 : fn == CU_UNARY_swish ? 1.0 : 0.7;
                op_agrees(
                    describe(names[fn], dtype), "unary",
                    {attribute("fn", names[fn]), attribute("alpha", a), attribute("beta", 0.5)},
                    {values(dtype, n, fn == CU_UNARY_exp ? 4 : 9)}, 1, tolerance_of(dtype), 1);
            }
    for (const char *name : {"sin", "cos", "tan"}) {
        Tensor x(INGOT_F64, {4000}), y(INGOT_F32, {4000});
        x.fill([](size_t) { return ldexp(uniform(), below(1000) - 20); });
        y.fill([](size_t) { return ldexp(uniform(), below(140) - 20); });
        op_agrees(describe(name, INGOT_F64), "unary", {attribute("fn", name)}, {x}, 1, 4e-15, 1);
        op_agrees(describe(name, INGOT_F32), "unary", {attribute("fn", name)}, {y}, 1, 2e-6, 1);
    }
}

static void integers()
{
    for (int dtype : ints) {
        const bool is_signed = dtype < INGOT_U8 || dtype == INGOT_I4;
        Tensor x(dtype, {517});
        x.any_bits();
        for (const char *name : {"abs", "neg", "sign", "relu", "bitwise_not", "shrink"}) {
            if (!is_signed && !strcmp(name, "neg") && dtype == INGOT_U4) continue;
            op_agrees(describe(name, dtype), "unary",
                      {attribute("fn", name), attribute("alpha", 3.0), attribute("beta", 2.0)}, {x},
                      1, 0, 1);
        }
    }
    Tensor b(INGOT_BOOL, {33});
    op_agrees("not", "unary", {attribute("fn", "not")}, {b.any_bits()}, 1, 0, 1);
}

static void limits()
{
    for (int dtype :
         {INGOT_F32, INGOT_F64, INGOT_F16, INGOT_BF16, INGOT_I8, INGOT_I32, INGOT_U64}) {
        Tensor x(dtype, {301}), low(dtype, {}), high(dtype, {1});
        x.any_bits();
        low.set(0, 1), high.set(0, 5);
        op_agrees(describe("clip", dtype), "clip", {}, {x, low, high}, 1, 0, 1);
        op_agrees(describe("clip below", dtype), "clip", {}, {x, low}, 1, 0, 1);
        op_agrees(describe("clip above", dtype), "clip", {}, {x, Tensor(), high}, 1, 0, 1);
        op_agrees(describe("clip crossed", dtype), "clip", {}, {x, high, low}, 1, 0, 1);
    }
    Tensor bytes(INGOT_I8, {4099}), table(INGOT_U8, {256});
    op_agrees("byte_table", "byte_table", {}, {bytes.any_bits(), table.any_bits()}, 1, 0);
}

int main()
{
    every_function();
    integers();
    limits();
    return done();
}
