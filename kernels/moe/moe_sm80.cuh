// Mixtures of experts: routing, lists and sums (moe_cuda.h). Small beside the products they frame.
#pragma once
#include "kernels/cuda/ptx.cuh"
#include "kernels/moe/moe_cuda.h"

// Orders like the float, equal for both zeros, with NaN below everything.
__device__ __forceinline__ uint32_t moe_key(float v)
{
    if (v != v) return 0;
    const uint32_t b = px_bits(v + 0.f);
    return b >> 31 ? ~b : b | 0x80000000u;
}

// A warp a token. Choice r is the first, in the order of (key, index), after choice r - 1.
__global__ void __launch_bounds__(128) moe_route_sm80(const cu_moe_route_args g)
{
    const int lane = threadIdx.x & 31, t = blockIdx.x * 4 + (threadIdx.x >> 5);
    if (t >= g.tokens) return;
    const float *logits = g.logits + (int64_t)t * g.experts;
    int32_t *chosen = g.chosen + (int64_t)t * g.top;
    float *weight = g.weight + (int64_t)t * g.top;
    uint32_t last_key = 0xffffffff;
    int last = -1;
    float first = 0, sum = 0; // the best logit; of the chosen ones' exponentials
    for (int r = 0; r < g.top; r++) {
        uint32_t key = 0;
        int best = 0x7fffffff;
        for (int e = lane; e < g.experts; e += 32) {
            const uint32_t k = moe_key(logits[e]);
            const bool after = k < last_key || (k == last_key && e > last);
            if (after && (best == 0x7fffffff || k > key)) {
                key = k;
                best = e;
            }
        }
#pragma unroll
        for (int i = 16; i; i >>= 1) {
            const uint32_t k = px_shfl_xor(key, i);
            const int e = px_shfl_xor(best, i);
            if (e != 0x7fffffff && (best == 0x7fffffff || k > key || (k == key && e < best))) {
                key = k;
                best = e;
            }
        }
        last_key = key;
        last = best;
        const float v = logits[best];
        if (r == 0) first = v;
        if (g.scores == CU_MOE_TOP_SOFTMAX) sum += expf(v - first);
        if (lane == 0) chosen[r] = best;
    }
    if (g.scores == CU_MOE_SOFTMAX) {
        for (int e = lane; e < g.experts; e += 32) sum += expf(logits[e] - first);
        sum = px_warp_sum(sum);
    }
    if (lane) return; // the few that were chosen, one after the other
    float all = 0;
    for (int r = 0; r < g.top; r++) {
        const float v = logits[chosen[r]];
        const float w = g.scores == CU_MOE_SIGMOID ? 1 / (1 + expf(-v)) : expf(v - first) / sum;
        weight[r] = w;
        all += w;
    }
    for (int r = 0; r < g.top; r++)
        weight[r] = (g.renormalise ? weight[r] / all : weight[r]) * g.scale;
}

constexpr int LIST_THREADS = 1024;

// One block: counts, their running sums (rows from multiples of 8 on, slots), then the rows.
__global__ void __launch_bounds__(LIST_THREADS) moe_list_sm80(const cu_moe_list_args g)
{
    IGT_SMEM(smem);
    int *sums = (int *)smem; // [2][32 warps]
    const int tid = threadIdx.x, lane = tid & 31, warp = tid >> 5, pairs = g.tokens * g.top;
    int *count = g.work, *next = g.work + g.experts;
    for (int e = tid; e < g.experts; e += LIST_THREADS) count[e] = 0;
    for (int r = tid; r < g.rows; r += LIST_THREADS) g.order[r] = -1;
    __syncthreads();
    for (int i = tid; i < pairs; i += LIST_THREADS) px_atomic_add(count + g.chosen[i], 1);
    __syncthreads();

    // Each thread has a run of experts.
    const int each = (g.experts + LIST_THREADS - 1) / LIST_THREADS;
    const int e0 = min(tid * each, g.experts), e1 = min(e0 + each, g.experts);
    int rows = 0, slots = 0;
    for (int e = e0; e < e1; e++) {
        const int n = px_ldcg(count + e);
        rows += (n + 7) / 8 * 8;
        slots += (n + g.tile - 1) / g.tile;
    }
    int row = rows, slot = slots; // sums up to and with this thread's
#pragma unroll
    for (int i = 1; i < 32; i <<= 1) {
        const int r = px_shfl_up(row, i), s = px_shfl_up(slot, i);
        if (lane >= i) {
            row += r;
            slot += s;
        }
    }
    if (lane == 31) {
        sums[warp] = row;
        sums[32 + warp] = slot;
    }
    __syncthreads();
    for (int w = 0; w < warp; w++) {
        row += sums[w];
        slot += sums[32 + w];
    }
    if (tid == LIST_THREADS - 1) *g.n_slots = slot;
    row -= rows;
    slot -= slots;
    for (int e = e0; e < e1; e++) {
        const int n = px_ldcg(count + e);
        next[e] = row;
        for (int at = 0; at < n; at += g.tile)
            g.slots[slot++] = cu_q_slot{e, row + at, min(n - at, g.tile), 0};
        row += (n + 7) / 8 * 8;
    }
    __syncthreads();
    for (int i = tid; i < pairs; i += LIST_THREADS) {
        const int r = px_atomic_add(next + g.chosen[i], 1);
        g.order[r] = i / g.top;
        g.row[i] = r;
    }
}

__global__ void __launch_bounds__(256) moe_combine_sm80(const cu_moe_combine_args g)
{
    const int c = blockIdx.y * 256 + threadIdx.x, t = blockIdx.x;
    if (c >= g.k) return;
    float y = 0;
    for (int i = 0; i < g.top; i++) {
        const float x = g.x[(int64_t)g.row[t * g.top + i] * g.k + c];
        const float v = g.weight[t * g.top + i] * x;
        y = i ? y + v : v;
    }
    g.y[(int64_t)t * g.k + c] = y;
}
