// Reductions, places of extremes and running totals on the emulated device against the CPU's ops.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

static const char *const names[] = {"sum", "mean", "max",     "min",         "prod",
                                    "l1",  "l2",   "log_sum", "log_sum_exp", "sum_square"};

static Tensor axes(std::vector<int64_t> list)
{
    Tensor t(INGOT_I64, {(int64_t)list.size()}, true);
    for (size_t i = 0; i < list.size(); i++) t.set(i, (double)list[i]);
    return t;
}

static void reduce(int dtype, std::vector<int64_t> dims, std::vector<int64_t> gone,
                   const char *name, int n_modes)
{
    Tensor x(dtype, dims);
    if (op_is_float(dtype))
        x.fill([](size_t) { return uniform() * 0.4 + 0.7; });
    else
        x.fill([dtype](size_t) { return (double)below(9) - (dtype < INGOT_U8 ? 2 : 0); });
    const double t = dtype == INGOT_F64   ? 1e-12
                     : dtype == INGOT_F32 ? 1e-5
                     : dtype == INGOT_F16 ? 2e-3
                                          : 2e-2;
    op_agrees(describe(name, dtype), "reduce", {attribute("fn", name)}, {x, axes(gone)}, 1, t,
              n_modes);
}

int main()
{
    for (const char *name : names) {
        reduce(INGOT_F32, {5, 70}, {1}, name, 10);
        reduce(INGOT_F32, {3, 2000}, {-1}, name, 4);
        reduce(INGOT_F32, {6, 5, 7}, {1}, name, 2);
        reduce(INGOT_F32, {3, 4, 5, 6}, {0, 2}, name, 2);
        reduce(INGOT_F32, {4, 5}, {}, name, 2);
        reduce(INGOT_F16, {3, 40}, {1}, name, 2);
        reduce(INGOT_BF16, {40, 3}, {0}, name, 2);
        reduce(INGOT_F64, {3, 40}, {1}, name, 2);
        for (int dtype : {INGOT_I8, INGOT_I32, INGOT_I64, INGOT_U8, INGOT_U32, INGOT_U64})
            reduce(dtype, {4, 37}, {1}, name, 1);
        reduce(INGOT_F32, {0, 3}, {0}, name, 1); // nothing
        reduce(INGOT_I32, {0, 3}, {0}, name, 1);
    }
    for (const char *name : {"sum", "max", "log_sum_exp", "mean"}) {
        reduce(INGOT_F32, {1, 17001}, {1}, name, 3); // parts of one output
        reduce(INGOT_F32, {700, 33}, {0}, name, 3);  // of columns
        reduce(INGOT_I32, {1, 9000}, {1}, name, 2);
    }
    Tensor bad(INGOT_F32, {3, 50});
    bad.random(), bad.set(7, NAN), bad.set(60, INFINITY), bad.set(120, -INFINITY);
    for (const char *name : {"sum", "max", "min", "log_sum_exp"})
        op_agrees(name, "reduce", {attribute("fn", name)}, {bad, axes({1})}, 1, 1e-5, 3);
    Tensor flags(INGOT_BOOL, {3, 50});
    op_agrees("max of bool", "reduce", {attribute("fn", "max")}, {flags.any_bits(), axes({1})}, 1,
              0);

    for (int dtype : {INGOT_F32, INGOT_F64, INGOT_F16, INGOT_I8, INGOT_I64, INGOT_U32})
        for (const char *fn : {"max", "min"})
            for (int last : {0, 1})
                for (int axis : {0, 1, 2}) {
                    Tensor x(dtype, {3, 40, 5}), y(dtype, {2, 1500});
                    x.fill([](size_t) { return (double)below(7) - 2; }); // ties
                    y.fill([](size_t) { return (double)below(90); });
                    if (op_is_float(dtype)) x.set(33, NAN), x.set(5, -0.0);
                    op_agrees(describe("arg", dtype), "arg_reduce",
                              {attribute("fn", fn), attribute("axis", axis),
                               attribute("select_last_index", last)},
                              {x}, 1, 0, 1 + last);
                    if (axis == 1)
                        op_agrees(describe("arg long", dtype), "arg_reduce",
                                  {attribute("fn", fn), attribute("axis", axis),
                                   attribute("select_last_index", last)},
                                  {y}, 1, 0, 1 + last);
                }
    for (int dtype : {INGOT_F32, INGOT_F64, INGOT_F16, INGOT_I32, INGOT_U8})
        for (const char *fn : {"sum", "prod"})
            for (int how = 0; how < 4; how++)
                for (int axis : {0, 1}) {
                    Tensor x(dtype, {5, 300}), at(INGOT_I64, {}, true);
                    at.set(0, axis);
                    if (op_is_float(dtype))
                        x.fill([](size_t) { return 1 + uniform() * 0.01; });
                    else
                        x.fill([](size_t) { return (double)below(4); });
                    const double t = dtype == INGOT_F64 ? 1e-12 : dtype == INGOT_F32 ? 1e-6 : 2e-3;
                    op_agrees(describe("cumulate", dtype), "cumulate",
                              {attribute("fn", fn), attribute("exclusive", how & 1),
                               attribute("reverse", how >> 1)},
                              {x, at}, 1, t, 1 + (how == 1));
                }
    return done();
}
