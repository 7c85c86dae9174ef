// unique_sm80.cuh - positions of a tensor's slices sorted by what is there, and their groups.
//
// A thread a position: in a merge it finds where its slice goes by a binary search in the run
// beside its own, so that merging needs no order among threads. Slices are compared element by
// element, as keys that sort like them.
#pragma once
#include "kernels/cuda/index.cuh"
#include "kernels/reduce/key.cuh"
#include "kernels/unique/unique_cuda.h"

enum { UNIQUE_THREADS = 256 };

// keys [n, outer * inner]: the elements of a slice side by side; and the positions, not sorted yet.
__global__ void __launch_bounds__(UNIQUE_THREADS)
    unique_keys(const __grid_constant__ cu_unique_args a, int bytes)
{
    const int64_t total = a.outer * a.n * a.inner;
    for (int64_t at = cu_thread(); at < total; at += cu_threads()) {
        const int64_t row = at / a.inner, o = row / a.n, i = row % a.n;
        const uint64_t r = el_load_any(a.x, bytes, at);
        const el_kind kind = el_kind_of(a.dtype);
        const uint64_t key =
            kind == EL_F64   ? key_of_double(el_f64(r), false)
            : kind == EL_F32 ? key_of_float(el_float_of(r, bytes, a.dtype), false)
                             : key_of_int(el_int_of(r, bytes, a.dtype), el_signed(a.dtype), false);
        a.keys[(i * a.outer + o) * a.inner + at % a.inner] = key;
        if (at < a.n) a.order[0][at] = (int32_t)at;
    }
}

// < 0, 0, > 0: slice i comes before slice j, is the same, comes after it.
__device__ __forceinline__ int unique_compare(const cu_unique_args &a, int64_t i, int64_t j)
{
    const int64_t row = a.outer * a.inner;
    for (int64_t e = 0; e < row; e++) {
        const uint64_t x = a.keys[i * row + e], y = a.keys[j * row + e];
        if (x != y) return x < y ? -1 : 1;
    }
    return 0;
}

// Runs of 2^level in `from`, sorted, become runs of twice that in `to`. Of equal ones those of the
// left run come first.
__global__ void __launch_bounds__(UNIQUE_THREADS)
    unique_merge(const __grid_constant__ cu_unique_args a, const int32_t *from, int32_t *to,
                 int level)
{
    const int64_t i = cu_thread(), width = (int64_t)1 << level;
    if (i >= a.n) return;
    const bool left = !(i & width);
    const int64_t pair = i & ~(2 * width - 1), mine = from[i];
    const int64_t other = left ? pair + width : pair, begin = other < a.n ? other : a.n;
    int64_t low = begin, high = other + width < a.n ? other + width : a.n;
    while (low < high) { // how many of the other run come before it
        const int64_t middle = (low + high) / 2;
        const int order = unique_compare(a, from[middle], mine);
        if (order < 0 || (order == 0 && !left))
            low = middle + 1;
        else
            high = middle;
    }
    to[pair + (i & (width - 1)) + (low - begin)] = (int32_t)mine;
}

__global__ void __launch_bounds__(UNIQUE_THREADS)
    unique_heads(const __grid_constant__ cu_unique_args a, const int32_t *order)
{
    const int64_t p = cu_thread();
    if (p >= a.n) return;
    const int head = p == 0 || unique_compare(a, order[p - 1], order[p]) != 0;
    a.head[p] = a.sums[p] = a.names[order[p]] = head;
}

// What group each place of the order belongs to, and what is asked of the groups.
__global__ void __launch_bounds__(UNIQUE_THREADS)
    unique_groups(const __grid_constant__ cu_unique_args a, const int32_t *order)
{
    const int64_t p = cu_thread();
    if (p >= a.n) return;
    const int32_t k = a.sums[p] + a.head[p] - 1, begin = a.index[k], first = order[begin];
    const int32_t name = a.sorted ? k : a.names[first];
    if (a.of) a.of[order[p]] = name;
    if (p != begin) return;
    const int64_t end = k + 1 < *a.count ? a.index[k + 1] : a.n;
    a.first[name] = first;
    if (a.at) a.at[name] = first;
    if (a.repeated) a.repeated[name] = end - begin;
}
