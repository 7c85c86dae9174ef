// recurrence_sm80.cuh - causal convolution with a state, and attention without softmax.
#pragma once
#include "kernels/cuda/index.cuh"
#include "kernels/cuda/number.cuh"
#include "kernels/rnn/rnn_cuda.h"

enum { RECURRENCE_THREADS = 128 };

// Element i of past x of a row.
__device__ __forceinline__ float causal_element(const cu_causal_conv_args &g, int64_t row,
                                                int64_t i)
{
    const int64_t past = g.k - 1;
    if (i >= past) return nb_float(g.x, g.type, row * g.n + i - past);
    return g.past ? nb_float(g.past, g.past_type, row * past + i) : 0.f;
}

// One thread an element of y, and of what is kept behind them.
__global__ void __launch_bounds__(RECURRENCE_THREADS)
    causal_conv(const __grid_constant__ cu_causal_conv_args g, cu_div each, uint32_t total)
{
    uint32_t row = cu_thread();
    if (row >= total) return;
    const int64_t i = cu_remainder(row, each), c = row % g.channels;
    if (i >= g.n) {
        nb_put_float(g.kept, g.type, row * (g.k - 1) + i - g.n, causal_element(g, row, i));
        return;
    }
    float sum = 0;
    for (int64_t t = 0; t < g.k; t++)
        sum += nb_float(g.w, g.w_type, c * g.k + t) * causal_element(g, row, i + t);
    if (g.bias) sum += nb_float(g.bias, g.bias_type, c);
    nb_put_float(g.y, g.type, row * g.n + i, g.silu ? sum / (1.f + expf(-sum)) : sum);
}

// A block has a head of a sequence, a thread a column of the state: columns do not meet. The state
// is worked on where it is kept; a column's elements are read by neighbours together.
__global__ void __launch_bounds__(RECURRENCE_THREADS)
    linear_attention(const __grid_constant__ cu_linear_attention_args g)
{
    const int64_t head = blockIdx.x % g.heads, batch = blockIdx.x / g.heads;
    const int64_t m = (int64_t)blockIdx.y * RECURRENCE_THREADS + threadIdx.x;
    if (m >= g.dv) return;
    float *S = g.state + blockIdx.x * g.d * g.dv + m;
#pragma unroll 1
    for (int64_t i = 0; i < g.d; i++)
        S[i * g.dv] = g.past ? g.past[blockIdx.x * g.d * g.dv + i * g.dv + m] : 0.f;
#pragma unroll 1
    for (int64_t t = 0; t < g.tokens; t++) {
        const int64_t row = batch * g.tokens + t, at = row * g.heads + head;
        float v = nb_float(g.v, g.v_type, at * g.dv + m);
        float decay = 1;
        if (g.decay && !g.decay_rows) decay = expf(nb_float(g.decay, g.decay_type, at));
#pragma unroll 1
        for (int64_t i = 0; (g.decay || g.beta) && i < g.d; i++) {
            if (g.decay && g.decay_rows)
                decay = expf(nb_float(g.decay, g.decay_type, at * g.d + i));
            const float s = S[i * g.dv] * decay;
            S[i * g.dv] = s;
            if (g.beta) v -= s * nb_float(g.k, g.k_type, at * g.d + i);
        }
        if (g.beta) v *= nb_float(g.beta, g.beta_type, g.beta_heads ? at : row);
#pragma unroll 1
        for (int64_t i = 0; i < g.d; i++) S[i * g.dv] += nb_float(g.k, g.k_type, at * g.d + i) * v;
#pragma unroll 1
        for (int64_t q = 0; q < g.group; q++) {
            const int64_t to = at * g.group + q;
            float sum = 0;
#pragma unroll 1
            for (int64_t i = 0; i < g.d; i++)
                sum += nb_float(g.q, g.q_type, to * g.d + i) * S[i * g.dv];
            nb_put_float(g.y, g.y_type, to * g.dv + m, sum * g.scale);
        }
    }
}
