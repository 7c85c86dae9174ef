// rows_sm80.cuh - attention of any types, summed in f64, a query at a time: masks of integers and
// f64, scores as an output, heads of any size. What runtime/ops/attention_rows.c is on the CPU.
//
// A block has a query of a head: each thread the scores of every 128th key, kept in the block's row
// of `room`, then every 128th column of the result. Blocks go on to further queries, so that the
// room does not grow with their number. Seldom used: one kernel, types told by the launch.
#pragma once
#include "kernels/attention/attention_cuda.h"
#include "kernels/attention/element_sm80.cuh"
#include "kernels/cuda/fault.cuh"
#include "kernels/cuda/number.cuh"
#include "kernels/reduce/rows.cuh"
#include "kernels/unary/functions.cuh"

enum { ROWS_THREADS = 128 };

// What is added to the score of key j, which the rule hides or not.
__device__ __forceinline__ double rows_bias(const cu_attention_rows_args &g, int64_t mask_at, int j,
                                            bool hidden)
{
    double bias = 0;
    if (g.of.mask) {
        bias = j < g.of.mask_len ? nb_real<double>(g.of.mask, g.mask_type, mask_at + j) : 0;
        if (j >= g.of.mask_len || (g.mask_type == NB_BOOL && bias == 0))
            bias = -INFINITY;
        else if (g.mask_type == NB_BOOL)
            bias = 0;
        else if (g.narrow)
            bias = (double)(float)bias;
    }
    return hidden ? bias - INFINITY : bias;
}

__global__ void __launch_bounds__(ROWS_THREADS)
    attention_rows(const __grid_constant__ cu_attention_rows_args g)
{
    IGT_SMEM(smem);
    double *join = (double *)smem;
    const cu_attention_args &a = g.of;
    double *s = g.room + (int64_t)blockIdx.x * a.tk;
    const int rows = a.batch * a.heads * a.tq;
    enum { SEEN = 1, NAN_IN = 2 };
    for (int row = blockIdx.x; row < rows; row += gridDim.x) {
        const int i = row % a.tq, head = row / a.tq % a.heads, batch = row / a.tq / a.heads,
                  kv = head / (a.heads / a.kv_heads);
        int64_t keys = a.tk, offset = a.offset;
        if (g.keys) {
            keys = g.keys[batch];
            if (keys < 0 || keys > a.tk) {
                if (threadIdx.x == 0) cu_fail(g.fault, batch, keys);
                keys = 0;
            }
            offset = keys - a.tq;
        }
        const att_range sees = att_sees(a.rule, (int)(i + offset), (int)keys);
        const int64_t q = batch * a.q_batch + head * a.q_head + i * a.q_row;
        const int64_t k = batch * a.k_batch + kv * a.k_head;
        const int64_t v = batch * a.v_batch + kv * a.v_head;
        const int64_t mask = batch * a.mask_batch + head * a.mask_head + i * a.mask_row;
        double top = -INFINITY;
        uint32_t flags = g.hidden_nan ? SEEN : 0;
        for (int j = threadIdx.x; j < a.tk; j += ROWS_THREADS) {
            double z = 0;
            for (int c = 0; c < a.d; c++)
                z = fma(nb_real<double>(a.q, g.q_type, q + c),
                        nb_real<double>(a.k, g.k_type, k + j * a.k_row + c), z);
            z *= g.scale;
            double given = z;
            if (g.softcap > 0) z = g.softcap * fn_tanh(z / g.softcap);
            if (g.stage == CU_SCORES_CAPPED) given = z;
            const double bias = rows_bias(g, mask, j, j < sees.begin || j >= sees.end);
            z += bias;
            if (g.stage == CU_SCORES_MASKED) given = z;
            if (g.scores && g.stage != CU_SCORES_SOFTMAX)
                nb_put<double>(g.scores, g.scores_type, (int64_t)row * a.tk + j, given);
            if (bias != -INFINITY) flags |= SEEN;
            if (z != z) flags |= NAN_IN;
            top = z > top ? z : top;
            s[j] = z;
        }
        top = rows_block(
            top, [](double x, double y) { return x > y ? x : y; }, join);
        flags = rows_block(
            flags, [](uint32_t x, uint32_t y) { return x | y; }, (uint32_t *)join);
        const bool any = flags & SEEN;
        const bool none = !any || (top == -INFINITY && !(flags & NAN_IN) && !g.hidden_nan);
        double sum = 0;
        for (int j = threadIdx.x; j < a.tk; j += ROWS_THREADS) {
            const double e = none ? 0 : fn_exp(s[j] - top);
            s[j] = e;
            sum += e;
        }
        sum = rows_block(
            sum, [](double x, double y) { return x + y; }, join);
        for (int j = threadIdx.x; j < a.tk; j += ROWS_THREADS) {
            const double p = none ? 0 : s[j] / sum;
            s[j] = p;
            if (g.scores && g.stage == CU_SCORES_SOFTMAX)
                nb_put<double>(g.scores, g.scores_type, (int64_t)row * a.tk + j, p);
        }
        __syncthreads();
        const int64_t to = batch * a.y_batch + head * a.y_head + i * a.y_row;
        for (int c = threadIdx.x; c < a.dv; c += ROWS_THREADS) {
            double y = 0;
            for (int j = 0; j < a.tk && any; j++)
                y = fma(s[j], nb_real<double>(a.v, g.v_type, v + j * a.v_row + c), y);
            nb_put<double>(a.y, g.y_type, to + c, y);
        }
        __syncthreads(); // s is the next query's
    }
}
