// Functions of broadcast operands on the emulated device against the CPU's ops, every dtype.
#include "kernels/binary/binary_cuda.h"
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

typedef std::vector<int64_t> Dims;

static const int floats[] = {INGOT_F32, INGOT_F64, INGOT_F16, INGOT_BF16, INGOT_F8E4M3FN};
static const int ints[] = {INGOT_I8,  INGOT_I16, INGOT_I32, INGOT_I64, INGOT_U8,
                           INGOT_U16, INGOT_U32, INGOT_U64, INGOT_I4,  INGOT_U2};
static const char *const names[] = {
#define X(name) #name,
    CU_BINARY_FNS(X)
#undef X
};

static const struct {
    Dims a, b;
} shapes[] = {
    {{1031}, {1031}},          // flat, with a tail
    {{4, 5, 64}, {64}},        // a bias
    {{2, 3, 5, 8}, {3, 1, 1}}, // one value a channel
    {{7, 1, 5}, {1, 9, 5}},    // both repeat; no packs
    {{}, {129}},               // a scalar first
    {{3, 1, 2, 1, 6}, {4, 1, 8, 1}},
};

static void every_function()
{
    for (int dtype : floats)
        for (int fn = 0; fn < CU_BINARY_FNS_N; fn++) {
            if (fn >= CU_BINARY_bitwise_and && fn <= CU_BINARY_xor) continue;
            const auto &s = shapes[fn % 6];
            Tensor a(dtype, s.a), b(dtype, s.b);
            a.random(5), b.random(5);
            if (fn == CU_BINARY_pow) a.fill([](size_t) { return uniform() + 1.5; });
            static const double special[] = {0.0, -0.0, INFINITY, -INFINITY, NAN};
            for (size_t i = 0; i < a.n() && i < 20; i += 4) a.set(i, special[i / 4]);
            for (size_t i = 1; i < b.n() && i < 20; i += 4) b.set(i, special[i / 4]);
            const double t = fn == CU_BINARY_pow ? dtype == INGOT_F64 ? 1e-14 : 3e-6 : 0;
            const bool narrow = op_dtype_bytes(dtype) < 4;
            op_agrees(describe(names[fn], dtype), "binary", {attribute("fn", names[fn])}, {a, b}, 1,
                      t && narrow ? 0.13 : t, 1);
        }
    for (int dtype : ints)
        for (int fn = 0; fn < CU_BINARY_FNS_N; fn++) {
            if (fn >= CU_BINARY_and && fn <= CU_BINARY_xor) continue;
            const auto &s = shapes[(fn + dtype) % 6];
            Tensor a(dtype, s.a), b(dtype, s.b);
            a.any_bits(), b.any_bits();
            if (fn == CU_BINARY_shift_left || fn == CU_BINARY_shift_right)
                b.fill([](size_t) { return (double)below(70) - 2; });
            for (size_t i = 0; i < b.n(); i += 7) b.set(i, 0); // and division by it
            for (size_t i = 3; i < b.n(); i += 7) b.set(i, -1);
            op_agrees(describe(names[fn], dtype), "binary", {attribute("fn", names[fn])}, {a, b}, 1,
                      0, 1);
        }
    for (const char *name : {"and", "or", "xor", "equal"}) {
        Tensor a(INGOT_BOOL, {5, 32}), b(INGOT_BOOL, {32});
        op_agrees(name, "binary", {attribute("fn", name)}, {a.any_bits(), b.any_bits()}, 1, 0, 1);
    }
}

static void every_shape()
{
    for (const auto &s : shapes)
        for (int dtype : {INGOT_F32, INGOT_F16, INGOT_I8, INGOT_I64}) {
            Tensor a(dtype, s.a), b(dtype, s.b), c(INGOT_BOOL, s.b);
            a.random(9), b.random(9), c.any_bits();
            op_agrees(describe("add", dtype), "binary", {attribute("fn", "add")}, {a, b}, 1, 0, 1);
            op_agrees(describe("less", dtype), "binary", {attribute("fn", "less")}, {b, a}, 1, 0,
                      1);
            op_agrees(describe("where", dtype), "where", {}, {c, a, b}, 1, 0, 1);
        }
    Tensor none(INGOT_F32, {0, 3}), row(INGOT_F32, {3});
    op_agrees("nothing", "binary", {attribute("fn", "mul")}, {none, row}, 1, 0, 1);
}

static void powers()
{
    const int pairs[][2] = {{INGOT_F32, INGOT_I64},
                            {INGOT_I32, INGOT_F32},
                            {INGOT_F16, INGOT_F32},
                            {INGOT_I64, INGOT_U8},
                            {INGOT_F32, INGOT_F64}};
    for (const auto &p : pairs) {
        Tensor a(p[0], {33}), b(p[1], {33});
        a.fill([](size_t) { return (double)below(9) + 1; });
        b.fill([](size_t) { return (double)below(4); });
        op_agrees(describe("pow", p[0]), "binary", {attribute("fn", "pow")}, {a, b}, 1,
                  op_is_float(p[0]) ? 1e-6 : 0, 1);
    }
}

static void bytes()
{
    for (const char *fn : {"add", "sub", "mul"})
        for (int dtype : {INGOT_U8, INGOT_I8}) {
            Tensor a(INGOT_U8, {4, 3, 64}), b(INGOT_I8, {3, 1});
            const int zero = dtype == INGOT_U8 ? 118 : -7;
            op_agrees(describe(fn, dtype), "binary_i8",
                      {attribute("fn", fn), attribute("a_zero", 131), attribute("b_zero", -3),
                       attribute("y_zero", zero), attribute("dtype", dtype), attribute("low", -20),
                       attribute("high", 200), attribute("a_scale", 0.0173),
                       attribute("b_scale", 0.031), attribute("y_scale", 0.0291)},
                      {a.any_bits(), b.any_bits()}, 1, 0, 1);
        }
}

int main()
{
    every_function();
    every_shape();
    powers();
    bytes();
    return done();
}
