// col2im, det, nll_loss and the ops that make tensors of a few numbers, on the emulated device
// against the CPU's.
#include "kernels/generate/generate_cuda.h"
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

static Tensor ints(std::vector<int64_t> v, bool scalar = false)
{
    Tensor t(INGOT_I64, scalar ? std::vector<int64_t>{} : std::vector<int64_t>{(int64_t)v.size()},
             true);
    for (size_t i = 0; i < v.size(); i++) t.set(i, (double)v[i]);
    return t;
}

static Tensor scalar(int dtype, double v)
{
    Tensor t(dtype, {}, true);
    t.set(0, v);
    return t;
}

// ---- col2im ----

static void col2im(int dtype, std::vector<int64_t> image, std::vector<int64_t> block,
                   int64_t planes, int64_t columns, int n_modes = 1)
{
    int64_t size = planes;
    for (int64_t b : block) size *= b;
    Tensor x(dtype, {2, size, columns});
    if (op_is_float(dtype))
        x.random();
    else
        x.any_bits();
    // the CPU rounds narrow floats after each addition
    const double t = dtype == INGOT_F64 ? 1e-15 : dtype == INGOT_F32 ? 1e-6 : 8e-3;
    op_agrees(describe("col2im", dtype), "col2im", {}, {x, ints(image), ints(block)}, 1, t,
              n_modes);
}

// ---- det ----

static void det(int dtype, std::vector<int64_t> dims, int n_modes = 1)
{
    Tensor x(dtype, dims);
    op_agrees(describe("det", dtype), "det", {}, {x.random()}, 1,
              dtype == INGOT_F64   ? 1e-10
              : dtype == INGOT_F32 ? 1e-6
                                   : 1e-2,
              n_modes);
}

static void dets()
{
    for (int n = 0; n < 9; n++) det(INGOT_F64, {3, n, n});
    det(INGOT_F32, {2, 2, 5, 5}, 10);
    det(INGOT_F16, {4, 3, 3});
    det(INGOT_F32, {40, 40}, 2);
    det(INGOT_F64, {1, 171, 171}); // in device memory
    Tensor flat(INGOT_F64, {3, 6, 6});
    flat.fill([](size_t i) { return (double)(i % 7) - 3; }); // ties, zero pivots
    for (int j = 0; j < 6; j++) flat.set(36 + j * 6, 0);     // a column of zeros
    flat.set(72, NAN);
    op_agrees("det of special matrices", "det", {}, {flat}, 1, 1e-12, 3);
}

// ---- nll_loss ----

static void nll(const char *reduction, int64_t ignore, bool weighted, std::vector<int64_t> dims,
                int dtype = INGOT_F32, int target_type = INGOT_I64, int n_modes = 1)
{
    Tensor x(dtype, dims);
    std::vector<int64_t> targets = dims;
    targets.erase(targets.begin() + 1);
    Tensor t(target_type, targets);
    t.fill([&](size_t) { return (double)below((unsigned)dims[1]); });
    if (ignore >= 0 && t.n()) t.set(0, (double)ignore);
    std::vector<Tensor> in = {x.random(), t};
    if (weighted)
        in.push_back(Tensor(dtype, {dims[1]}).fill([](size_t) { return uniform() * 0.4 + 0.6; }));
    op_agrees(describe(reduction, dtype), "nll_loss",
              {attribute("reduction", reduction), attribute("ignore", (int)(ignore >= 0)),
               attribute("ignore_index", ignore)},
              in, 1,
              dtype == INGOT_F64   ? 1e-13
              : dtype == INGOT_F32 ? 1e-6
                                   : 2e-3,
              n_modes);
}

static void nlls()
{
    for (const char *reduction : {"mean", "sum", "none"}) {
        for (bool weighted : {false, true}) {
            nll(reduction, -1, weighted, {5, 4});
            nll(reduction, 2, weighted, {3, 5, 7});
            nll(reduction, 99, weighted, {2, 3, 2, 3}); // no class, but ignored
        }
        nll(reduction, -1, true, {3, 5, 700}, INGOT_F32, INGOT_I32, 10); // several parts
        nll(reduction, 1, true, {40, 3}, INGOT_F64);
        nll(reduction, 1, true, {40, 3}, INGOT_F16);
    }
}

static void wrong_targets()
{
    for (const char *reduction : {"mean", "none"})
        for (double wrong : {4., -1.}) {
            Tensor t(INGOT_I64, {5});
            t.fill([](size_t i) { return (double)(i % 4); }).set(3, wrong);
            op_refuses("a target that is no class", "nll_loss", {attribute("reduction", reduction)},
                       {Tensor(INGOT_F32, {5, 4}).random(), t});
        }
}

// ---- made of a few numbers ----

static void range(int dtype, double start, double limit, double step)
{
    op_agrees(describe("range", dtype), "range", {},
              {scalar(dtype, start), scalar(dtype, limit), scalar(dtype, step)}, 1, 0);
}

static void mel(int bins, int length, int rate, double low, double high, int dtype)
{
    op_agrees(describe("mel_weights", dtype), "mel_weights", {attribute("dtype", dtype)},
              {ints({bins}, true), ints({length}, true), ints({rate}, true), scalar(INGOT_F32, low),
               scalar(INGOT_F32, high)},
              1, 1e-15);
}

static void made()
{
    for (int dtype : {INGOT_F32, INGOT_F64, INGOT_I16, INGOT_I32, INGOT_I64, INGOT_F16}) {
        range(dtype, 3, 700, 2);
        range(dtype, 9, -30, -4);
        range(dtype, 5, 5, 1); // nothing
        for (int64_t k : {0, 2, -3, 40, -40})
            op_agrees(describe("eye_like", dtype), "eye_like",
                      {attribute("dtype", dtype), attribute("k", k)}, {Tensor(INGOT_F32, {7, 40})},
                      1, 0);
        for (int size : {0, 1, 2, 33})
            for (const char *fn : {"hann", "hamming", "blackman"})
                for (int periodic : {0, 1})
                    op_agrees(describe(fn, dtype), "window",
                              {attribute("fn", fn), attribute("periodic", periodic),
                               attribute("dtype", dtype)},
                              {ints({size}, true)}, 1,
                              dtype == INGOT_F64   ? 1e-15
                              : dtype == INGOT_F32 ? 1e-7
                                                   : 1e-3);
    }
    range(INGOT_F32, 0.1, 9, 0.3);
    op_agrees("eye_like of a bool", "eye_like", {attribute("dtype", INGOT_BOOL)},
              {Tensor(INGOT_F32, {5, 5})}, 1, 0);
    mel(8, 64, 8000, 0, 4000, INGOT_F32);
    mel(40, 512, 16000, 20, 7600, INGOT_F64);
    mel(20, 64, 8000, 0, 4000, INGOT_F16); // filters of one row
}

// ---- random ----

static void seeded(int dtype, const char *fn, double a, double b)
{
    const double t = dtype == INGOT_F64 ? 1e-14 : dtype == INGOT_F32 ? 1e-7 : 2e-3;
    const std::vector<op_attribute> how = {attribute("fn", fn),     attribute("a", a),
                                           attribute("b", b),       attribute("seeded", 1),
                                           attribute("seed", 42.5), attribute("dtype", dtype)};
    op_agrees(describe(fn, dtype), "random", how, {Tensor(INGOT_F32, {3, 333})}, 1,
              strcmp(fn, "uniform") ? t : 0);
}

// Launches of one step, as a recording repeats them.
static void launched_twice()
{
    enum { N = 300 };
    double *y = buffer<double>(2 * N);
    uint64_t *calls = zeros<uint64_t>(1);
    cu_random_args a = {};
    a.out.type = NB_F64;
    a.out.n = N;
    a.b = 1;
    a.key = 7;
    a.calls = calls;
    size_t same = 0;
    for (int run = 0; run < 2; run++) {
        a.out.y = y + run * N;
        check(!cu_random(&a, nullptr), "random numbers are not launched");
    }
    for (int i = 0; i < N; i++) same += y[i] == y[N + i];
    check(*calls == 2 && !same, "launch %d repeats %zu numbers of the first", (int)*calls, same);
}

// Two runs without a seed differ.
static void unseeded()
{
    std::vector<op_attribute> how = {attribute("a", 0.0), attribute("b", 1.0)};
    Tensor like(INGOT_F64, {500});
    like.in.data = like.bytes.data();
    const op_case c = {"random", how.data(), how.size(), &like.in, 1, 1, 0, 0};
    op_output first = {}, second = {};
    char text[256] = "";
    if (!check(op_on_device(&c, &first, text, sizeof text) == OP_DONE &&
                   op_on_device(&c, &second, text, sizeof text) == OP_DONE,
               "random without a seed: %s", text))
        return;
    const double *x = (const double *)first.data, *y = (const double *)second.data;
    double sum = 0;
    size_t same = 0;
    for (size_t i = 0; i < first.n; i++) {
        sum += x[i];
        same += x[i] == y[i];
        check(x[i] >= 0 && x[i] < 1, "random [%zu] is %g", i, x[i]);
    }
    check(same == 0, "two runs without a seed have %zu numbers in common", same);
    check(fabs(sum / (double)first.n - 0.5) < 0.1, "the mean is %g", sum / (double)first.n);
    op_case_clear();
}

int main()
{
    col2im(INGOT_F32, {5, 6}, {2, 3}, 3, 16, 10);
    col2im(INGOT_F64, {7}, {3}, 2, 5);
    col2im(INGOT_F32, {4, 4, 4}, {2, 2, 3}, 1, 18);
    for (int dtype : {INGOT_F16, INGOT_I8, INGOT_I32, INGOT_U64})
        col2im(dtype, {5, 6}, {2, 3}, 2, 16);
    dets();
    nlls();
    wrong_targets();
    made();
    for (int dtype : {INGOT_F32, INGOT_F64, INGOT_F16})
        for (const char *fn : {"uniform", "normal"}) seeded(dtype, fn, -1, 2);
    launched_twice();
    unseeded();
    return done();
}
