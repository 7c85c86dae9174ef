// lookup_sm80.cuh - searches in tables of keys and of n-grams.
//
// A thread has one element, or one place where n-grams begin. A search is a load of the element,
// then one load of 16 bytes a slot, 1.5 of them on average in a table that is half full: chains of
// loads in the L2, where tables of up to a million keys stay, so what counts is how many are on
// their way: 2048 a multiprocessor. Results are written beside their neighbours'. N-grams are
// counted with integer atomics, which give the same counts in any order.
#pragma once
#include "kernels/convert/element.cuh"
#include "kernels/cuda/fault.cuh"
#include "kernels/lookup/lookup_cuda.h"

enum { LOOKUP_THREADS = 256 };

EL_INLINE uint64_t lookup_whole(double v)
{
    if (v != v) return 0;
    if (v <= -0x1p63) return (uint64_t)1 << 63;
    return v >= 0x1p63 ? ~(uint64_t)0 >> 1 : (uint64_t)(int64_t)v;
}

EL_INLINE uint64_t lookup_key(const void *x, int bytes, int dtype, int64_t at, bool whole)
{
    if (el_kind_of(dtype) == EL_INT) return el_int_of(el_load_any(x, bytes, at), bytes, dtype);
    const double v = el_double_at(x, bytes, dtype, at);
    if (whole) return lookup_whole(v);
    return v != v ? ~(uint64_t)0 : el_bits64(v == 0 ? 0 : v);
}

EL_INLINE int32_t lookup_index(const cu_slot *slots, int shift, uint64_t key)
{
    const uint32_t last = (uint32_t)(~(uint64_t)0 >> shift);
    for (uint32_t at = CU_SLOT_AT(key, shift);; at = (at + 1) & last) {
        const uint4 v = *(const uint4 *)(slots + at);
        if ((int32_t)v.z < 0 || ((uint64_t)v.y << 32 | v.x) == key) return (int32_t)v.z;
    }
}

__global__ void __launch_bounds__(LOOKUP_THREADS)
    lookup_k(const __grid_constant__ cu_lookup_args a, int x_bytes)
{
    const uint32_t i = cu_thread();
    if (i >= a.n) return;
    const uint64_t key = lookup_key(a.x, x_bytes, a.x_dtype, i, a.whole);
    const int32_t index = lookup_index(a.slots, a.shift, key);
    if (!a.values) {
        ((int32_t *)a.y)[i] = index;
        if (index < 0) cu_fail(a.fault, i, 0);
        return;
    }
    const uint64_t v =
        index < 0 ? el_load_any(a.other, a.bytes, 0) : el_load_any(a.values, a.bytes, index);
    el_store_any(a.y, a.bytes, i, v);
}

__global__ void __launch_bounds__(LOOKUP_THREADS)
    one_of_k(float *y, const int32_t *index, uint32_t total, const __grid_constant__ cu_div k)
{
    const uint32_t i = cu_thread();
    if (i >= total) return;
    uint32_t row = i;
    const uint32_t column = cu_remainder(row, k);
    y[i] = index[row] == (int32_t)column ? 1.0f : 0.0f;
}

// The slot of the edge, or the free one where it would be.
EL_INLINE uint4 lookup_edge(const cu_gram_slot *grams, int shift, uint32_t node, uint32_t item)
{
    const uint32_t last = (uint32_t)(~(uint64_t)0 >> shift);
    const uint64_t edge = (uint64_t)node << 32 | item;
    for (uint32_t at = CU_SLOT_AT(edge, shift);; at = (at + 1) & last) {
        const uint4 v = *(const uint4 *)(grams + at);
        if (!v.z || (v.x == node && v.y == item)) return v;
    }
}

// N-grams of at least `least` items that begin at `at` of a row, items `step` apart.
EL_INLINE void count_from(const cu_count_args &a, const int32_t *items, uint32_t *counts,
                          int64_t at, int64_t step, int64_t least)
{
    uint32_t node = 0;
    for (int64_t size = 1; size <= a.most && at < a.cols; size++) {
        if (items[at] < 0) return;
        const uint4 edge = lookup_edge(a.grams, a.shift, node, (uint32_t)items[at]);
        if (!edge.z) return;
        node = edge.z;
        if (size >= least && edge.w) px_atomic_add(&counts[edge.w - 1], (uint32_t)1);
        at += step;
    }
}

__global__ void __launch_bounds__(LOOKUP_THREADS)
    count_grams_k(const __grid_constant__ cu_count_args a, uint32_t total,
                  const __grid_constant__ cu_div cols)
{
    uint32_t row = cu_thread();
    if (row >= total) return;
    const uint32_t at = cu_remainder(row, cols);
    const int32_t *items = a.items + (int64_t)row * a.cols;
    uint32_t *counts = (uint32_t *)a.y + (int64_t)row * a.width;
    count_from(a, items, counts, at, 1, a.least);
    // single items do not skip: they count once
    const int64_t least = a.least < 2 ? 2 : a.least;
    for (int64_t step = 2; step <= a.skips + 1; step++)
        count_from(a, items, counts, at, step, least);
}

// Counts become f32 in their place; one is as large as sums of ones in f32 get.
__global__ void __launch_bounds__(LOOKUP_THREADS)
    weigh_counts_k(const __grid_constant__ cu_count_args a, uint32_t total,
                   const __grid_constant__ cu_div width)
{
    const uint32_t i = cu_thread(), most = 1u << 24;
    if (i >= total) return;
    uint32_t row = i, *y = (uint32_t *)a.y;
    const uint32_t column = cu_remainder(row, width), count = y[i];
    const float n = (float)(count < most ? count : most);
    const float w = a.weights ? a.weights[column] : 1;
    y[i] = px_bits(a.mode == CU_COUNT_TF ? n : a.mode == CU_COUNT_IDF ? (count ? w : 0) : n * w);
}
