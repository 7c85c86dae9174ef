// Products of few rows on the emulator against sums in double.
#include "kernels/gemm/gemv_cuda.h"
#include "tests/cuda/harness.hpp"

using namespace cuda_test;

static double weight(cu_gemv_type t, const void *w, size_t i)
{
    switch (t) {
    case CU_GEMV_F32:
        return ((const float *)w)[i];
    case CU_GEMV_F16:
        return px_h2f(((const uint16_t *)w)[i]);
    case CU_GEMV_BF16:
        return px_bf2f(((const uint16_t *)w)[i]);
    case CU_GEMV_E4M3:
        return px_e4m32f(((const e4m3_t *)w)[i]);
    default:
        return ((const int8_t *)w)[i];
    }
}

static void product(cu_gemv_type t, int m, int n, int k, cu_float x_type, bool gated,
                    bool all_modes)
{
    const int bytes = cu_gemv_bytes(t);
    const float *f = random_f32((size_t)n * k);
    char *w = buffer<char>((size_t)n * k * bytes);
    for (size_t i = 0; i < (size_t)n * k; i++) switch (t) {
        case CU_GEMV_F32:
            ((float *)w)[i] = f[i];
            break;
        case CU_GEMV_F16:
            ((uint16_t *)w)[i] = px_f2h(f[i]);
            break;
        case CU_GEMV_BF16:
            ((uint16_t *)w)[i] = px_f2bf(f[i]);
            break;
        case CU_GEMV_E4M3:
            ((e4m3_t *)w)[i] = px_f2e4m3(f[i] * (below(8) ? 100 : 0.01f));
            break;
        default:
            w[i] = (char)bits();
        }
    const float *xf = random_f32((size_t)m * k), *scale = random_f32(n);
    void *x = buffer<char>((size_t)m * k * (x_type == CU_F32 ? 4 : 2));
    std::vector<double> xd((size_t)m * k);
    for (size_t i = 0; i < xd.size(); i++) {
        if (x_type == CU_F32) ((float *)x)[i] = xf[i];
        if (x_type == CU_F16) ((uint16_t *)x)[i] = px_f2h(xf[i]);
        if (x_type == CU_BF16) ((uint16_t *)x)[i] = px_f2bf(xf[i]);
        xd[i] = x_type == CU_F32   ? xf[i]
                : x_type == CU_F16 ? px_h2f(((uint16_t *)x)[i])
                                   : px_bf2f(((uint16_t *)x)[i]);
    }
    const int out = gated ? n / 2 : n;
    const float *bias = random_f32(n), *residual = random_f32((size_t)m * out);
    float *y = buffer<float>((size_t)m * out);
    cu_gemv_args g = {};
    g.w = w, g.ldw = k, g.type = t, g.scale = t >= CU_GEMV_E4M3 ? scale : nullptr;
    g.x = x, g.ldx = k, g.x_type = x_type;
    g.m = m, g.n = n, g.k = k;
    g.finish.bias = bias;
    g.finish.residual = gated ? nullptr : residual;
    g.finish.y = y, g.finish.ldy = g.finish.ld_residual = g.finish.n_out = out;
    g.finish.gated = gated;
    g.finish.act = gated ? CU_ACT_sigmoid : CU_ACT_none;
    char what[96];
    snprintf(what, sizeof what, "gemv type %d %dx%dx%d%s", (int)t, m, n, k, gated ? " gated" : "");
    if (all_modes)
        same_in_all_modes(what, y, (size_t)m * out * 4, [&] { return cu_gemv(&g, nullptr); });
    else
        check(cu_gemv(&g, nullptr) == 0, "%s", what);
    std::vector<double> want((size_t)m * out);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < out; j++) {
            double s[2];
            for (int h = 0; h < 2; h++) {
                const int row = gated ? j / 8 * 16 + j % 8 + h * 8 : j;
                s[h] = 0;
                for (int c = 0; c < k; c++)
                    s[h] += xd[(size_t)i * k + c] * weight(t, w, (size_t)row * k + c);
                s[h] = s[h] * (g.scale ? scale[row] : 1) + bias[row];
            }
            want[(size_t)i * out + j] =
                gated ? s[0] / (1 + exp(-s[1])) : s[0] + residual[(size_t)i * out + j];
        }
    const double err = distance(y, of_f32, want.data(), want.size());
    check(err < 2e-6, "%s: error %.2e", what, err);
}

int main()
{
    static const cu_gemv_type types[] = {CU_GEMV_F32, CU_GEMV_F16, CU_GEMV_BF16, CU_GEMV_E4M3,
                                         CU_GEMV_S8};
    static const cu_float x_types[] = {CU_F32, CU_F16, CU_BF16};
    for (cu_gemv_type t : types) {
        const int v = 16 / cu_gemv_bytes(t);
        for (int m = 1; m <= 4; m++) {
            product(t, m, 1 + below(90), v * (1 + below(90)), x_types[below(3)], false, m == 1);
            product(t, m, 16 * (1 + below(4)), v * (1 + below(70)), CU_F32, true, false);
        }
    }
    product(CU_GEMV_BF16, 1, 1100, 128, CU_F32, false, true); // more rows than blocks have at once
    product(CU_GEMV_BF16, 3, 40, 5000, CU_F32, false, true);  // x in pieces
    product(CU_GEMV_S8, 1, 20, 20000, CU_F32, false, false);
    int bad = 0; // what cannot be read in 16 bytes is refused
    cu_gemv_args g = {};
    g.w = &bad, g.n = 1, g.m = 1, g.k = 3;
    check(cu_gemv(&g, nullptr) != 0, "3 bytes a row");
    return done();
}
