// nll_loss_sm80.cuh - losses of single elements, and their sums in two launches: parts of a fixed
// length, one a block, then all parts by one block, both along a tree. Bound by reading one score a
// target, a sector of 32 bytes each.
#pragma once
#include "kernels/cuda/fault.cuh"
#include "kernels/cuda/number.cuh"
#include "kernels/nll_loss/nll_loss_cuda.h"

enum { NLL_THREADS = 256, NLL_PART = 8 * NLL_THREADS };

typedef struct __align__(16) { double loss, weight; }
nll_sums;

__device__ __forceinline__ nll_sums nll_element(const cu_nll_loss_args &g, int64_t i)
{
    const int64_t target = nb_int(g.target, g.target_type, i);
    if (g.ignore && target == g.ignore_index) return {0, 0};
    if (target < 0 || target >= g.classes) {
        cu_fail(g.fault, i, target);
        return {0, 0};
    }
    const int64_t at = (i / g.inner * g.classes + target) * g.inner + i % g.inner;
    const double weight = g.weight ? nb_real<double>(g.weight, g.weight_type, target) : 1.0;
    return {-nb_real<double>(g.x, g.type, at) * weight, weight};
}

__global__ void __launch_bounds__(NLL_THREADS) nll_each(const cu_nll_loss_args g, int64_t n)
{
    const int64_t i = (int64_t)blockIdx.x * NLL_THREADS + threadIdx.x;
    if (i < n) nb_put<double>(g.y, g.type, i, nll_element(g, i).loss);
}

// The threads' sums, for thread 0.
__device__ __forceinline__ nll_sums nll_gather(nll_sums mine)
{
    IGT_SMEM(smem);
    nll_sums *all = (nll_sums *)smem;
    const int t = threadIdx.x;
    all[t] = mine;
    __syncthreads();
    for (int half = NLL_THREADS / 2; half; half /= 2) {
        if (t < half) {
            all[t].loss += all[t + half].loss;
            all[t].weight += all[t + half].weight;
        }
        __syncthreads();
    }
    return all[0];
}

__global__ void __launch_bounds__(NLL_THREADS) nll_parts(const cu_nll_loss_args g, int64_t n)
{
    const int64_t first = (int64_t)blockIdx.x * NLL_PART;
    const int64_t end = first + NLL_PART < n ? first + NLL_PART : n;
    nll_sums sum = {0, 0};
    for (int64_t i = first + threadIdx.x; i < end; i += NLL_THREADS) {
        const nll_sums one = nll_element(g, i);
        sum.loss += one.loss, sum.weight += one.weight;
    }
    sum = nll_gather(sum);
    if (threadIdx.x == 0) ((nll_sums *)g.room)[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(NLL_THREADS) nll_whole(const cu_nll_loss_args g, int64_t parts)
{
    nll_sums sum = {0, 0};
    for (int64_t i = threadIdx.x; i < parts; i += NLL_THREADS) {
        const nll_sums one = ((const nll_sums *)g.room)[i];
        sum.loss += one.loss, sum.weight += one.weight;
    }
    sum = nll_gather(sum);
    if (threadIdx.x == 0)
        nb_put<double>(g.y, g.type, 0,
                       g.reduction == CU_NLL_MEAN ? sum.loss / sum.weight : sum.loss);
}
