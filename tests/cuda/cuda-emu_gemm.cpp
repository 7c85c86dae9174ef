// Matrix products on the emulator against sums in double.
#include "kernels/gemm/gemm_cuda.h"
#include "tests/cuda/harness.hpp"

using namespace cuda_test;

static void product(int m, int n, int k)
{
    const bf16_t *a = random_bf16((size_t)m * k), *w = random_bf16((size_t)n * k);
    const float *bias = random_f32(n);
    bf16_t *c = buffer<bf16_t>((size_t)m * n);
    char what[96];
    snprintf(what, sizeof what, "gemm_bf16_sm80 %dx%dx%d", m, n, k);
    const cu_gemm_bf16_args args = {a, w, bias, c, m, n, k};
    same_in_all_modes(what, c, (size_t)m * n * 2,
                      [&] { return cu_gemm_bf16_sm80(&args, nullptr); });
    std::vector<double> want((size_t)m * n);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = bias[j];
            for (int x = 0; x < k; x++)
                sum += of_bf16(a[(size_t)i * k + x]) * of_bf16(w[(size_t)j * k + x]);
            want[(size_t)i * n + j] = sum;
        }
    const double err = distance(c, of_bf16, want.data(), want.size());
    check(err < 4e-3, "%s: error %.2e", what, err);
}

int main()
{
    product(128, 128, 64);
    product(200, 136, 104);
    product(70, 130, 72);
    product(1, 2, 8);
    return done();
}
