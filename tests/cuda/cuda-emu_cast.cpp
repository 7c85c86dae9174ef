// Conversions and masks on the emulated device against the CPU's ops: every pair of dtypes.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

static const int dtypes[] = {
    INGOT_F32,        INGOT_F64,      INGOT_F16,    INGOT_BF16,       INGOT_I8,     INGOT_I16,
    INGOT_I32,        INGOT_I64,      INGOT_U8,     INGOT_U16,        INGOT_U32,    INGOT_U64,
    INGOT_BOOL,       INGOT_F8E4M3FN, INGOT_F8E5M2, INGOT_F8E4M3FNUZ, INGOT_F8E8M0, INGOT_F4E2M1,
    INGOT_F8E5M2FNUZ, INGOT_I4,       INGOT_U4,     INGOT_I2,         INGOT_U2};

static Tensor values(int dtype)
{
    Tensor x(dtype, {1203});
    if (!op_is_float(dtype)) return x.any_bits();
    if (op_dtype_bytes(dtype) < 4) return x.any_bits();
    x.fill([](size_t i) {
        return i % 3 == 0   ? ldexp(uniform(), below(150) - 75)
               : i % 3 == 1 ? (double)below(70000) / 2 - 17000
                            : uniform() * 300;
    });
    static const double special[] = {0.0,   -0.0,     INFINITY, -INFINITY, NAN,   3e9, -3e9, 1e19,
                                     -1e19, 65519.99, 65520.,   2.9e38,    1e-45, 448, 464,  465};
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) x.set(5 * i, special[i]);
    return x;
}

static void every_pair()
{
    for (int from : dtypes)
        for (int to : dtypes)
            for (int saturate : {1, 0}) {
                const bool small = op_is_float(to) && op_dtype_bytes(to) == 1;
                if (!saturate && !small) continue;
                for (const char *round : {"up", "down", "nearest"}) {
                    if (*round != 'u' && to != INGOT_F8E8M0) continue;
                    op_agrees(describe("cast", from) + " " + op_dtype_name(to), "cast",
                              {attribute("to", to), attribute("saturate", saturate),
                               attribute("round_mode", round)},
                              {values(from)}, 1, 0, 1);
                }
            }
}

static void masks()
{
    for (int dtype : {INGOT_F32, INGOT_I8, INGOT_F16, INGOT_I64})
        for (int k : {-9, -2, 0, 3, 50})
            for (int upper : {0, 1}) {
                Tensor x(dtype, {3, 7, 5}), at(INGOT_I64, {}, k != 3); // 3: only a run tells
                at.set(0, k);
                op_agrees(describe("trilu", dtype), "trilu", {attribute("upper", upper)},
                          {x.any_bits(), at}, 1, 0, 1);
            }
    for (int dtype : {INGOT_I64, INGOT_F32, INGOT_U8})
        for (int axis : {-1, 0, 1}) {
            Tensor index(dtype, {4, 5}), depth(INGOT_I64, {}, true), on(INGOT_F32, {2});
            index.fill([](size_t i) { return (double)below(12) - (i % 3 ? 4 : 3.5); });
            depth.set(0, 6), on.set(0, -1), on.set(1, 2.5);
            op_agrees(describe("one_hot", dtype), "one_hot", {attribute("axis", axis)},
                      {index, depth, on}, 1, 0, 1);
        }
    Tensor x(INGOT_F16, {77});
    op_agrees("dropout", "dropout", {}, {x.any_bits()}, 2, 0, 1);
}

int main()
{
    every_pair();
    masks();
    return done();
}
