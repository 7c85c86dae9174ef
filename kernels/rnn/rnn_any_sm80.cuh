// rnn_any_sm80.cuh - one step of a recurrent cell of any float type, summed in f64: both products,
// the gates and the new state in one launch.
//
// A warp has one unit of one sequence. Weights are converted where they are read, states between
// steps are doubles. For types that recurrent nets seldom have: f16, bf16, f64.
#pragma once
#include "kernels/cuda/number.cuh"
#include "kernels/reduce/rows.cuh"
#include "kernels/rnn/rnn_cuda.h"
#include "kernels/unary/functions.cuh"

enum { RNN_ANY_WARPS = 4 };

__device__ __forceinline__ double rnn_any_act(int fn, double a, double b, double x)
{
    switch (fn) {
    case CU_RNN_AFFINE:
        return fma(a, x, b);
    case CU_RNN_ELU:
        return x < 0 ? a * fn_expm1(x) : x;
    case CU_RNN_HARD_SIGMOID:
        return fmax(0., fmin(1., fma(a, x, b)));
    case CU_RNN_LEAKY_RELU:
        return x < 0 ? a * x : x;
    case CU_RNN_RELU:
        return 0 > x ? 0 : x;
    case CU_RNN_SCALED_TANH:
    case CU_RNN_TANH:
        return (fn == CU_RNN_TANH ? 1 : a) * fn_tanh(fn == CU_RNN_TANH ? x : b * x);
    case CU_RNN_SIGMOID:
        return 1 / (1 + fn_exp(-x));
    case CU_RNN_SOFTPLUS:
        return fmax(x, 0.) + fn_log1p(fn_exp(-fn_fabs(x)));
    case CU_RNN_SOFTSIGN:
        return x / (1 + fn_fabs(x));
    default:
        return x > a ? x : 0;
    }
}

// Activation i of the cell; clip: infinity, none.
__device__ __forceinline__ double rnn_any_gate(const cu_rnn_any_args &g, int i, double x,
                                               double clip)
{
    x = x > clip ? clip : x < -clip ? -clip : x;
    return rnn_any_act(g.act[i], g.alpha[i], g.beta[i], x);
}

__device__ __forceinline__ double rnn_any_at(const void *p, int type, int64_t at)
{
    return p ? nb_real<double>(p, type, at) : 0;
}

// The sums of up to four gates, from a list that is not unrolled: one copy of the products.
struct rnn_any_sums {
    double s[4], rest; // rest: of a linear GRU, what the reset gate multiplies
};

__device__ __forceinline__ rnn_any_sums rnn_any_products(const cu_rnn_any_args &g, int b, int j,
                                                         int lane)
{
    rnn_any_sums out = {{0, 0, 0, 0}, 0};
    const int first = g.kind == CU_GRU_FRESH ? 2 : 0;
    const int end = g.kind == CU_GRU_RESET ? 2 : g.gates;
    const void *h = g.kind == CU_GRU_FRESH ? g.reset : g.h.p;
    const int h_type = g.kind == CU_GRU_FRESH ? NB_F64 : g.h.type;
    const int64_t h_at = b * (g.kind == CU_GRU_FRESH ? g.hidden : g.h.row);
#pragma unroll 1
    for (int k = first; k < end; k++) {
        const int64_t row = (int64_t)k * g.hidden + j;
        double in = 0, own = 0;
        for (int c = lane; c < g.input; c += 32)
            in = fma(nb_real<double>(g.x, g.type, b * g.x_row + c),
                     nb_real<double>(g.w, g.type, row * g.input + c), in);
        for (int c = lane; c < g.hidden && h; c += 32)
            own = fma(nb_real<double>(h, h_type, h_at + c),
                      nb_real<double>(g.r, g.type, row * g.hidden + c), own);
        const auto add = [](double x, double y) { return x + y; };
        in = rows_warp(in, add) + rnn_any_at(g.bias, g.type, row);
        own = rows_warp(own, add) + rnn_any_at(g.bias, g.type, (int64_t)g.gates * g.hidden + row);
        const bool apart = g.kind == CU_GRU_LINEAR && k == 2;
        const double sum = apart ? in : in + own;
        if (apart) out.rest = own;
        out.s[0] = k == 0 ? sum : out.s[0];
        out.s[1] = k == 1 ? sum : out.s[1];
        out.s[2] = k == 2 ? sum : out.s[2];
        out.s[3] = k == 3 ? sum : out.s[3];
    }
    return out;
}

__global__ void __launch_bounds__(RNN_ANY_WARPS * 32)
    rnn_any_step(const __grid_constant__ cu_rnn_any_args g)
{
    const int lane = threadIdx.x % 32;
    const int64_t unit = (int64_t)blockIdx.x * RNN_ANY_WARPS + threadIdx.x / 32;
    if (unit >= (int64_t)g.batch * g.hidden) return;
    const int b = (int)(unit / g.hidden), j = (int)(unit % g.hidden);
    const rnn_any_sums sums = rnn_any_products(g, b, j, lane);
    if (lane) return;
    const int64_t at = (int64_t)b * g.hidden + j;
    const bool active = !g.lens || g.t < nb_int(g.lens, g.lens_type, b);
    const double before = rnn_any_at(g.h.p, g.h.type, b * g.h.row + j);
    const double c0 = g.kind == CU_LSTM ? rnn_any_at(g.c.p, g.c.type, b * g.c.row + j) : 0;
    // v: the gates as they are made, one after the other by one copy of the functions. LSTM: in,
    // forget, fresh, out, h; GRU: z, r, fresh; RNN: h.
    double v0 = 0, v1 = 0, v2 = 0, v3 = 0, cell = 0, h = 0;
    const int end = g.kind == CU_LSTM         ? 5
                    : g.kind == CU_GRU_LINEAR ? 3
                    : g.kind == CU_GRU_RESET  ? 2
                                              : 1;
#pragma unroll 1
    for (int q = 0; q < end; q++) {
        double x = sums.s[0];
        int act = 0;
        if (g.kind == CU_LSTM) {
            act = q == 2 ? 1 : q == 4 ? 2 : 0;
            const int gate = q == 1 ? 2 : q == 2 ? 3 : q == 3 ? 1 : 0;
            x = q == 0 ? sums.s[0] : q == 1 ? sums.s[2] : q == 2 ? sums.s[3] : sums.s[1];
            if (q == 4)
                x = cell;
            else if (q != 2 && g.peephole)
                x += nb_real<double>(g.peephole, g.type, (int64_t)gate * g.hidden + j) *
                     (q == 3 ? cell : c0);
        } else if (g.kind == CU_GRU_FRESH) {
            act = 1;
            x = sums.s[2];
        } else if (q) {
            act = q == 2;
            x = q == 1 ? sums.s[1] : sums.s[2] + v1 * sums.rest;
        }
        const double v = rnn_any_gate(g, act, x, q == 4 ? INFINITY : g.clip);
        v0 = q == 0 ? v : v0;
        v1 = q == 1 ? v : v1;
        v2 = q == 2 ? v : v2;
        v3 = q == 3 ? v : v3;
        if (g.kind == CU_LSTM && q == 2) cell = (g.input_forget ? 1 - v0 : v1) * c0 + v0 * v2;
        h = v;
    }
    if (g.kind == CU_GRU_RESET) {
        g.z[at] = v0;
        g.reset[at] = v1 * before;
        return;
    }
    if (g.kind == CU_LSTM) {
        h *= v3;
        cell = active ? cell : c0;
        g.c_new[at] = cell;
        if (g.last_c) nb_put<double>(g.last_c, g.type, b * g.last_row + j, cell);
    }
    if (g.kind == CU_GRU_LINEAR) h = v0 * before + (1 - v0) * v2;
    if (g.kind == CU_GRU_FRESH) h = g.z[at] * before + (1 - g.z[at]) * h;
    if (g.y) nb_put<double>(g.y, g.type, b * g.y_row + j, active ? h : 0);
    h = active ? h : before;
    g.h_new[at] = h;
    if (g.last_h) nb_put<double>(g.last_h, g.type, b * g.last_row + j, h);
}
