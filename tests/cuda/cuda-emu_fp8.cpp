// Products of 8-bit floats on the emulator against sums in double.
#include "kernels/gemm/fp8_cuda.h"
#include "tests/cuda/harness.hpp"

using namespace cuda_test;

static int round16(int k) { return (k + 15) / 16 * 16; }

struct Rows {
    uint8_t *q;
    float *scale;
};
static Rows rows(int n, int k, cu_float type)
{
    const float *f = random_f32((size_t)n * k, exp2(below(30) - 15));
    void *x = buffer<char>((size_t)n * k * (type == CU_F32 ? 4 : 2));
    std::vector<double> want((size_t)n * k);
    for (size_t i = 0; i < want.size(); i++) {
        if (type == CU_F32) ((float *)x)[i] = f[i];
        if (type == CU_F16) ((uint16_t *)x)[i] = px_f2h(f[i]);
        if (type == CU_BF16) ((uint16_t *)x)[i] = px_f2bf(f[i]);
        want[i] = type == CU_F32   ? f[i]
                  : type == CU_F16 ? px_h2f(px_f2h(f[i]))
                                   : px_bf2f(px_f2bf(f[i]));
    }
    const int pitch = round16(k);
    Rows r = {buffer<uint8_t>((size_t)n * pitch), buffer<float>(n)};
    const cu_fp8_quantise_args args = {x, k, type, n, k, pitch, r.q, r.scale};
    check(cu_fp8_quantise(&args, nullptr) == 0, "quantise");
    bool right = true;
    for (int i = 0; i < n; i++)
        for (int c = 0; c < pitch; c++) {
            const double q = px_e4m32f(r.q[(size_t)i * pitch + c]) * (double)r.scale[i];
            const double w = c < k ? want[(size_t)i * k + c] : 0;
            // 4 bits of precision, and 2^-10 where the exponent ends
            right &= fabs(q - w) <= fabs(w) * 0.0626 + r.scale[i] * 0x1.01p-10;
        }
    check(right, "rows %dx%d quantised", n, k);
    return r;
}

static void product(int m, int n, int k, bool hopper, bool all_modes)
{
    const Rows a = rows(m, k, (cu_float)below(3)), w = rows(n, k, CU_F32);
    const int pitch = round16(k);
    const float *bias = random_f32(n), *residual = random_f32((size_t)m * n);
    float *y = buffer<float>((size_t)m * n);
    cu_gemm_fp8_args g = {};
    g.a = a.q, g.w = w.q;
    g.lda = g.ldw = pitch;
    g.a_scale = a.scale, g.w_scale = w.scale;
    g.m = m, g.n = n, g.k = k;
    g.finish.bias = bias, g.finish.residual = residual;
    g.finish.y = y, g.finish.ldy = g.finish.ld_residual = g.finish.n_out = n;
    g.finish.act = CU_ACT_relu;
    char what[96];
    snprintf(what, sizeof what, "fp8 sm_%d %dx%dx%d", hopper ? 90 : 89, m, n, k);
    auto run = [&] {
        // the emulated chip is a Hopper: whatever m, that is the kernel it has
        return hopper ? cu_gemm_fp8(&g, nullptr) : cu_gemm_fp8_sm89(&g, nullptr);
    };
    if (all_modes)
        same_in_all_modes(what, y, (size_t)m * n * 4, run);
    else
        check(run() == 0, "%s", what);
    std::vector<double> want((size_t)m * n);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int c = 0; c < k; c++)
                sum += (double)px_e4m32f(a.q[(size_t)i * pitch + c]) *
                       px_e4m32f(w.q[(size_t)j * pitch + c]);
            sum = sum * a.scale[i] * w.scale[j] + bias[j] + residual[(size_t)i * n + j];
            want[(size_t)i * n + j] = sum > 0 ? sum : 0;
        }
    const double err = distance(y, of_f32, want.data(), want.size());
    check(err < 1e-5, "%s: error %.2e", what, err);
}

static void special()
{
    float *x = random_f32(3 * 20), *scale = buffer<float>(3);
    uint8_t *q = buffer<uint8_t>(3 * 32);
    for (int i = 0; i < 20; i++) x[i] = 0;
    x[30] = INFINITY;
    const cu_fp8_quantise_args args = {x, 20, CU_F32, 3, 20, 32, q, scale};
    check(cu_fp8_quantise(&args, nullptr) == 0, "special");
    check(scale[0] == 0 && scale[1] != scale[1] && scale[2] > 0, "scales of zeros and infinities");
}

int main()
{
    product(20, 30, 40, false, false);
    product(130, 70, 600, false, false); // two promotions
    product(9, 65, 70, false, true);
    product(20, 30, 40, true, false);
    product(3, 65, 600, true, false);    // few rows
    product(70, 130, 1200, true, false); // more stages than the ring has, three promotions
    product(33, 40, 136, true, true);
    product(129, 300, 129, true, false); // more tiles than processors
    special();
    return done();
}
