// rnn_sm80.cuh - one step of a recurrent cell: the product of the state and R, the gates, and the
// new state in one launch.
//
// Bound by reading R (from L2 after the first step, where it fits). A warp has one hidden unit: its
// lanes read the unit's rows of R, one a gate, in runs of 32 floats and use each value for
// RNN_BATCH sequences; shuffles add up the lanes, and lane b finishes sequence b. Every sum is
// formed in the same order whatever the batch.
#pragma once
#include "kernels/cuda/ptx.cuh"
#include "kernels/rnn/rnn_cuda.h"

enum { RNN_WARPS = 4, RNN_BATCH = 4 };

__device__ __forceinline__ float rnn_sigmoid(float x)
{
    const float e = expf(-fabsf(x));
    return (x < 0 ? e : 1.f) / (1.f + e);
}

__device__ __forceinline__ float rnn_act(const cu_rnn_args &g, int i, float x)
{
    const float a = g.alpha[i], b = g.beta[i];
    switch (g.act[i]) {
    case CU_RNN_AFFINE:
        return fmaf(a, x, b);
    case CU_RNN_ELU:
        return x < 0 ? a * expm1f(x) : x;
    case CU_RNN_HARD_SIGMOID: {
        const float t = fmaf(a, x, b), low = 0.f > t ? 0.f : t;
        return 1.f < low ? 1.f : low;
    }
    case CU_RNN_LEAKY_RELU:
        return x < 0 ? a * x : x;
    case CU_RNN_RELU:
        return 0.f > x ? 0.f : x;
    case CU_RNN_SCALED_TANH:
        return a * tanhf(b * x);
    case CU_RNN_SIGMOID:
        return rnn_sigmoid(x);
    case CU_RNN_SOFTPLUS:
        return (x < 0.f ? 0.f : x) + log1pf(expf(-fabsf(x)));
    case CU_RNN_SOFTSIGN:
        return x / (1.f + fabsf(x));
    case CU_RNN_TANH:
        return tanhf(x);
    default:
        return x > a ? x : 0.f;
    }
}

__device__ __forceinline__ float rnn_gate(const cu_rnn_args &g, int act, float x)
{
    x = x > g.clip ? g.clip : x < -g.clip ? -g.clip : x;
    return rnn_act(g, act, x);
}

template <int KIND> struct rnn_shape { // gates whose product with the state a launch makes
    static constexpr int FIRST = KIND == CU_GRU_FRESH ? 2 : 0;
    static constexpr int N = KIND == CU_LSTM         ? 4
                             : KIND == CU_GRU_LINEAR ? 3
                             : KIND == CU_GRU_RESET  ? 2
                                                     : 1;
};

// The cell of sequence b, unit j; dot: the products of its gates. What is over keeps its state.
template <int KIND>
__device__ __forceinline__ void rnn_finish(const cu_rnn_args &g, int b, int j, const float *dot)
{
    constexpr int N = rnn_shape<KIND>::N, FIRST = rnn_shape<KIND>::FIRST;
    const int64_t at = (int64_t)b * g.hidden + j;
    float sum[N], rest = 0; // rest: of a linear GRU
#pragma unroll
    for (int k = 0; k < N; k++) {
        const int row = (FIRST + k) * g.hidden + j;
        const float wb = g.bias ? g.bias[row] : 0.f,
                    rb = g.bias ? g.bias[g.gates * g.hidden + row] : 0.f;
        sum[k] = g.sums[b * g.sums_row + row] + wb;
        if (KIND == CU_GRU_LINEAR && k == 2)
            rest = dot[k] + rb;
        else
            sum[k] += dot[k] + rb;
    }
    const int64_t len = !g.lens             ? INT64_MAX
                        : g.lens_bytes == 8 ? ((const int64_t *)g.lens)[b]
                                            : ((const int32_t *)g.lens)[b];
    const bool active = g.t < len;
    const float before = g.h[at];
    float h = before;
    if constexpr (KIND == CU_LSTM) {
        const float c0 = g.c[at], *p = g.peephole;
        const float in = rnn_gate(g, 0, sum[0] + (p ? p[j] * c0 : 0.f));
        const float forget =
            g.input_forget ? 1 - in : rnn_gate(g, 0, sum[2] + (p ? p[2 * g.hidden + j] * c0 : 0.f));
        const float c = forget * c0 + in * rnn_gate(g, 1, sum[3]);
        const float out = rnn_gate(g, 0, sum[1] + (p ? p[g.hidden + j] * c : 0.f));
        h = out * rnn_act(g, 2, c);
        if (active) g.c[at] = c;
    } else if constexpr (KIND == CU_GRU_RESET) {
        g.z[at] = rnn_gate(g, 0, sum[0]);
        g.reset[at] = rnn_gate(g, 0, sum[1]) * before;
        return;
    } else if constexpr (KIND == CU_GRU_FRESH) {
        const float z = g.z[at];
        h = z * before + (1 - z) * rnn_gate(g, 1, sum[0]);
    } else if constexpr (KIND == CU_GRU_LINEAR) {
        const float z = rnn_gate(g, 0, sum[0]), r = rnn_gate(g, 0, sum[1]);
        h = z * before + (1 - z) * rnn_gate(g, 1, sum[2] + r * rest);
    } else {
        h = rnn_gate(g, 0, sum[0]);
    }
    g.h_new[at] = active ? h : before;
    if (g.y) g.y[b * g.y_row + j] = active ? h : 0.f;
}

template <int KIND>
__global__ void __launch_bounds__(RNN_WARPS * 32) rnn_step(const __grid_constant__ cu_rnn_args g)
{
    constexpr int N = rnn_shape<KIND>::N, FIRST = rnn_shape<KIND>::FIRST;
    const int lane = threadIdx.x % 32, j = blockIdx.x * RNN_WARPS + threadIdx.x / 32;
    if (j >= g.hidden) return;
    const float *h = KIND == CU_GRU_FRESH ? g.reset : g.h;
    for (int b0 = 0; b0 < g.batch; b0 += RNN_BATCH) {
        float dot[N][RNN_BATCH];
#pragma unroll
        for (int k = 0; k < N; k++)
#pragma unroll
            for (int q = 0; q < RNN_BATCH; q++) dot[k][q] = 0;
        for (int x = lane; x < g.hidden; x += 32) {
            float state[RNN_BATCH];
#pragma unroll
            for (int q = 0; q < RNN_BATCH; q++)
                state[q] = b0 + q < g.batch ? h[(int64_t)(b0 + q) * g.hidden + x] : 0.f;
#pragma unroll
            for (int k = 0; k < N; k++) {
                const float w = g.r[((int64_t)(FIRST + k) * g.hidden + j) * g.hidden + x];
#pragma unroll
                for (int q = 0; q < RNN_BATCH; q++) dot[k][q] = fmaf(w, state[q], dot[k][q]);
            }
        }
        float mine[N]; // of sequence `lane`
#pragma unroll
        for (int k = 0; k < N; k++) {
            mine[k] = 0;
#pragma unroll
            for (int q = 0; q < RNN_BATCH; q++) {
                const float v = px_warp_sum(dot[k][q]);
                mine[k] = lane == q ? v : mine[k];
            }
        }
        if (lane < RNN_BATCH && b0 + lane < g.batch) rnn_finish<KIND>(g, b0 + lane, j, mine);
    }
}
