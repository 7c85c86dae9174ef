// gemm_case.hpp - products of random shapes, types, epilogues and batches for the emulator, and
// what they must be, in double.
#pragma once
#include "kernels/gemm/gemm_cuda.h"
#include "kernels/gemm/gemm_pick_cuda.h"
#include "kernels/gemm/half_sm80.cuh"
#include "tests/cuda/harness.hpp"

namespace cuda_test
{

inline double of_f16(uint16_t h) { return px_h2f(h); }
inline double widen(cu_float t, const void *p, size_t i)
{
    return t == CU_F32    ? ((const float *)p)[i]
           : t == CU_BF16 ? of_bf16(((const uint16_t *)p)[i])
                          : of_f16(((const uint16_t *)p)[i]);
}
inline void *random_of(cu_float t, size_t n, double scale = 1)
{
    if (t == CU_F32) return random_f32(n, scale);
    uint16_t *p = buffer<uint16_t>(n);
    for (size_t i = 0; i < n; i++) {
        const float x = (float)(uniform() * scale);
        p[i] = (uint16_t)(t == CU_BF16 ? px_pack_bf16(x, 0) : px_pack_f16(x, 0));
    }
    return p;
}
// Rounding of one store.
inline double unit(cu_float t) { return t == CU_F32 ? 6e-8 : t == CU_BF16 ? 4e-3 : 5e-4; }

inline double act_double(int act, double a, double b, double x)
{
    const auto sigmoid = [](double t) { return 1 / (1 + exp(-t)); };
    const auto clip = [](double t, double l, double h) { return t < l ? l : t > h ? h : t; };
    switch (act) {
    case CU_ACT_none:
        return x;
    case CU_ACT_relu:
        return clip(x, 0, INFINITY);
    case CU_ACT_clip:
        return clip(x, a, b);
    case CU_ACT_leaky_relu:
        return x < 0 ? a * x : x;
    case CU_ACT_hard_sigmoid:
        return clip(a * x + b, 0, 1);
    case CU_ACT_hard_swish:
        return x * clip(x / 6 + 0.5, 0, 1);
    case CU_ACT_celu:
        return x < 0 ? a * expm1(x / a) : x;
    case CU_ACT_elu:
        return x < 0 ? a * expm1(x) : x;
    case CU_ACT_erf:
        return erf(x);
    case CU_ACT_gelu_erf:
        return x / 2 * (1 + erf(x * M_SQRT1_2));
    case CU_ACT_gelu_tanh:
        return x / 2 * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case CU_ACT_mish:
        return x * tanh(log1p(exp(x)));
    case CU_ACT_selu:
        return b * (x < 0 ? a * expm1(x) : x);
    case CU_ACT_sigmoid:
        return sigmoid(x);
    case CU_ACT_silu:
        return x * sigmoid(a * x);
    case CU_ACT_softplus:
        return log1p(exp(x));
    case CU_ACT_softsign:
        return x / (1 + fabs(x));
    case CU_ACT_tanh:
        return tanh(x);
    case CU_ACT_thresholded_relu:
        return x > a ? x : 0;
    case CU_ACT_affine:
        return a * x + b;
    }
    return NAN;
}

// A batch [d0, d1] whose operands repeat as the masks say (bit d: a or b has one matrix there).
struct batch_case {
    int d0 = 0, d1 = 0; // 0: none
    int a_repeats = 0, b_repeats = 0;
    int n() const { return (d0 ? d0 : 1) * (d1 ? d1 : 1); }
};
inline cu_gemm_batch batch_of(const batch_case &b, int64_t a_size, int64_t b_size, int64_t c_size,
                              int64_t *a_n, int64_t *b_n)
{
    cu_gemm_batch g = {};
    const int dims[2] = {b.d0, b.d1};
    for (int d = 0; d < 2; d++)
        if (dims[d]) g.dims[g.rank++] = dims[d];
    *a_n = *b_n = 1;
    for (int d = g.rank - 1; d >= 0; d--) {
        g.a_step[d] = b.a_repeats >> d & 1 ? 0 : *a_n * a_size;
        g.b_step[d] = b.b_repeats >> d & 1 ? 0 : *b_n * b_size;
        if (g.a_step[d]) *a_n *= g.dims[d];
        if (g.b_step[d]) *b_n *= g.dims[d];
    }
    g.c_step = g.r_step = c_size;
    return g;
}
inline int64_t start_of(const cu_gemm_batch &g, const int64_t *step, int i)
{
    int64_t at = 0;
    for (int d = g.rank - 1; d >= 0; d--) {
        at += i % g.dims[d] * step[d];
        i /= g.dims[d];
    }
    return at;
}

struct epilogue_case {
    bool bias = false, residual = false, gated = false;
    float alpha = 1;
    int act = CU_ACT_none;
    float a = 0, b = 0;
};
inline epilogue_case random_epilogue(bool gated)
{
    epilogue_case e;
    e.bias = below(2), e.residual = !gated && below(2), e.gated = gated;
    if (below(3) == 0) e.alpha = 0.5f;
    if (gated || below(2)) e.act = below(CU_ACT_affine + 1);
    e.a = 0.5f + (float)uniform() * 0.25f, e.b = 1.25f;
    return e;
}

// c in double from products(i, row, col) of n columns of b.
template <class P>
inline std::vector<double> finish(const cu_gemm_out &o, cu_float t, int batch, int m, int n,
                                  int64_t r_step, P product)
{
    std::vector<double> c((size_t)batch * m * o.columns);
    for (int i = 0; i < batch; i++)
        for (int r = 0; r < m; r++)
            for (int j = 0; j < o.columns; j++) {
                const auto sum = [&](int col) {
                    return o.alpha * product(i, r, col) + (o.bias ? widen(t, o.bias, col) : 0);
                };
                double &y = c[((size_t)i * m + r) * o.columns + j];
                if (o.gated) {
                    const int up = j / 8 * 16 + j % 8;
                    y = sum(up) * act_double(o.act, o.act_a, o.act_b, sum(up + 8));
                    continue;
                }
                y = sum(j);
                if (o.residual) y += widen(t, o.residual, i * r_step + r * o.ld_residual + j);
                y = act_double(o.act, o.act_a, o.act_b, y);
            }
    (void)n;
    return c;
}

inline cu_gemm_out out_of(const epilogue_case &e, cu_float t, int batch, int m, int n)
{
    cu_gemm_out o = {};
    o.columns = e.gated ? n / 2 - below(8) : n;
    o.ldc = o.ld_residual = o.columns;
    o.c = random_of(t, (size_t)batch * m * o.columns);
    o.bias = e.bias ? random_of(t, n) : nullptr;
    o.residual = e.residual ? random_of(t, (size_t)batch * m * o.columns) : nullptr;
    o.alpha = e.alpha, o.act = e.act, o.act_a = e.a, o.act_b = e.b, o.gated = e.gated;
    return o;
}
inline double error_of(const cu_gemm_out &o, cu_float t, const std::vector<double> &want)
{
    return t == CU_F32    ? distance((const float *)o.c, of_f32, want.data(), want.size())
           : t == CU_BF16 ? distance((const uint16_t *)o.c, of_bf16, want.data(), want.size())
                          : distance((const uint16_t *)o.c, of_f16, want.data(), want.size());
}

} // namespace cuda_test
