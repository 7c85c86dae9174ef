// Fourier transforms of rows and of frames on the emulated device against the CPU's.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

static Tensor number(int64_t v)
{
    Tensor t(INGOT_I64, {}, true);
    t.set(0, (double)v);
    return t;
}

// Results are sums of n numbers below 1, computed in double and rounded once.
static double tolerance_of(int dtype)
{
    return dtype == INGOT_F64   ? 1e-12
           : dtype == INGOT_F32 ? 3e-7
           : dtype == INGOT_F16 ? 1e-3
                                : 1e-2;
}

// length 0: the axis's own.
static void dft(std::vector<int64_t> dims, int64_t axis, int64_t length, bool inverse,
                bool one_sided, int dtype = INGOT_F64, int n_modes = 1)
{
    Tensor x(dtype, dims);
    std::vector<Tensor> in = {x.random(), length ? number(length) : Tensor(), number(axis)};
    char what[128];
    snprintf(what, sizeof what, "dft of %lld points along %lld%s%s", (long long)length,
             (long long)axis, inverse ? ", back" : "", one_sided ? ", one side" : "");
    op_agrees(what, "dft",
              {attribute("inverse", (int)inverse), attribute("onesided", (int)one_sided)}, in, 1,
              tolerance_of(dtype), n_modes);
}

static void stft(std::vector<int64_t> dims, int64_t step, int window, int64_t length,
                 bool one_sided, int dtype, int n_modes = 1)
{
    std::vector<Tensor> in = {Tensor(dtype, dims).random(), number(step)};
    in.push_back(window ? Tensor(dtype, {window}).random() : Tensor());
    if (length) in.push_back(number(length));
    op_agrees(describe("stft", dtype), "stft", {attribute("onesided", (int)one_sided)}, in, 1,
              tolerance_of(dtype), n_modes);
}

int main()
{
    // every radix, products of them, and lengths that go by way of a convolution
    for (int64_t n : {1, 2, 3, 4, 5, 7, 11, 13, 6, 8, 60, 77, 128, 400, 17, 34, 101})
        for (int how = 0; how < 2; how++)
            dft({2, n, 2}, 1, 0, how, false, INGOT_F64, n < 20 ? 2 : 1);
    dft({3, 16, 2}, 1, 0, false, false, INGOT_F64, 10);
    dft({1, 257, 1}, 1, 0, false, true, INGOT_F64, 4);
    for (int64_t n : {15, 16, 31}) { // real signals: there, with half of the bins, and back
        dft({2, n, 1}, 1, 0, false, true);
        dft({2, n, 1}, 1, 0, false, false);
        dft({2, n, 2}, 1, 0, true, true);
        dft({2, n, 2}, 1, 2 * n - 1, true, true);
    }
    dft({2, 12, 1}, 1, 20, false, false); // padded, cut
    dft({2, 12, 2}, 1, 9, true, false);
    dft({2, 6, 5, 2}, 1, 0, false, false); // not the last axis
    dft({4, 3, 2}, 0, 0, false, false);
    for (int dtype : {INGOT_F32, INGOT_F16, INGOT_BF16}) dft({2, 24, 2}, 1, 0, false, false, dtype);
    dft({1, 7500, 1}, 1, 0, false, true, INGOT_F32);  // 240 KB: in device memory
    dft({3, 4001, 2}, 1, 0, true, false, INGOT_F32);  // likewise, by a convolution
    dft({20, 7500, 1}, 1, 0, false, true, INGOT_F32); // likewise, several rows a block

    stft({2, 100, 1}, 16, 32, 0, true, INGOT_F32, 10);
    stft({2, 100, 1}, 7, 20, 0, true, INGOT_F64);
    stft({1, 90, 2}, 10, 0, 24, false, INGOT_F64);
    stft({1, 90, 1}, 10, 16, 24, true, INGOT_F16); // a window shorter than the frame
    stft({3, 40}, 8, 19, 0, true, INGOT_F32);
    stft({2, 64, 1}, 64, 0, 0, true, INGOT_F32);
    return done();
}
