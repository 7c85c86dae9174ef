// top_k_sm80.cuh - the k best of each line, without sorting it.
//
// Elements are compared as unsigned keys. A block finds the key of the k-th best digit by digit, 11
// bits at a time: a histogram of the elements that share the digits so far tells the next one
// (three passes for 32-bit keys, of which the later ones touch few elements). One more pass gathers
// what is better, and of the ties the first, in order of their places. A second launch ranks these
// k by counting, against tiles of them in shared memory, and writes each where it belongs: k^2 /
// 256 comparisons a thread of 256, which is less than the passes up to k of some thousands.
#pragma once
#include "kernels/reduce/key.cuh"
#include "kernels/reduce/rows.cuh"
#include "kernels/top_k/top_k_cuda.h"

enum { TOP_K_THREADS = 512, TOP_K_RANKERS = 256, TOP_K_DIGIT = 11, TOP_K_BINS = 1 << TOP_K_DIGIT };

typedef struct {
    const void *x;
    void *values;
    int64_t *index;
    uint64_t *keys;  // [lines, k]
    uint32_t *place; // [lines, k]
    uint32_t lines, n, k;
    cu_div inner;
    int dtype, key_bits;
    bool smallest;
} top_k_job;

struct top_k_room {
    uint32_t count[TOP_K_BINS], warp[TOP_K_THREADS / 32];
    uint32_t bin, before;
};

template <int S> EL_INLINE uint64_t top_k_key(const top_k_job &j, int64_t at)
{
    const uint64_t all = j.key_bits == 64 ? ~(uint64_t)0 : ((uint64_t)1 << j.key_bits) - 1;
    uint64_t k = key_of<S>(el_load<S>(j.x, at), j.dtype, false);
    // a signed integer of fewer bits was shifted by half of 64 bits' range: by half of its own
    if (S < 8 && el_signed(j.dtype)) k ^= (uint64_t)1 << 63 ^ (uint64_t)1 << (8 * S - 1);
    return (j.smallest ? ~k : k) & all;
}

EL_INLINE int64_t top_k_from(const top_k_job &j, uint32_t line)
{
    uint32_t outer = line;
    const uint32_t in = cu_remainder(outer, j.inner);
    return (int64_t)outer * j.n * j.inner.d + in;
}

// The bin, from the highest down, with which the count reaches `need`.
EL_INLINE void top_k_find_bin(top_k_room *room, uint32_t need)
{
    enum { EACH = TOP_K_BINS / TOP_K_THREADS };
    const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    uint32_t own[EACH], sum = 0;
#pragma unroll
    for (int i = 0; i < EACH; i++) {
        own[i] = room->count[TOP_K_BINS - 1 - (threadIdx.x * EACH + i)];
        sum += own[i];
    }
    uint32_t upto = sum;
#pragma unroll
    for (int d = 1; d < 32; d *= 2) {
        const uint32_t other = px_shfl_up(upto, d);
        if (lane >= (uint32_t)d) upto += other;
    }
    if (lane == 31) room->warp[warp] = upto;
    __syncthreads();
    for (uint32_t w = 0; w < warp; w++) upto += room->warp[w];
    uint32_t start = upto - sum;
#pragma unroll
    for (int i = 0; i < EACH; i++) {
        if (start < need && need <= start + own[i]) {
            room->bin = TOP_K_BINS - 1 - (threadIdx.x * EACH + i);
            room->before = start;
        }
        start += own[i];
    }
    __syncthreads();
}

template <int S>
__global__ void __launch_bounds__(TOP_K_THREADS) top_k_select_k(const __grid_constant__ top_k_job j)
{
    IGT_SMEM(smem);
    top_k_room *room = (top_k_room *)smem;
    const uint32_t line = blockIdx.x, lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int64_t from = top_k_from(j, line);
    uint64_t prefix = 0; // digits of the k-th best key, as far as they are known
    uint32_t need = j.k; // of the elements that have them
    int above = j.key_bits;
    while (above > 0) {
        const int shift = above > TOP_K_DIGIT ? above - TOP_K_DIGIT : 0;
        const uint64_t digits = ((uint64_t)1 << (above - shift)) - 1;
        for (uint32_t i = threadIdx.x; i < TOP_K_BINS; i += TOP_K_THREADS) room->count[i] = 0;
        __syncthreads();
        for (uint32_t i = threadIdx.x; i < j.n; i += TOP_K_THREADS) {
            const uint64_t key = top_k_key<S>(j, from + (int64_t)i * j.inner.d);
            if (above < 64 && (key ^ prefix) >> above) continue;
            px_atomic_add(&room->count[key >> shift & digits], 1u);
        }
        __syncthreads();
        top_k_find_bin(room, need);
        prefix |= (uint64_t)room->bin << shift;
        need -= room->before;
        above = shift;
        __syncthreads();
    }
    // better ones all, ties while `need` lasts: places ascend
    uint64_t *keys = j.keys + (int64_t)line * j.k;
    uint32_t *place = j.place + (int64_t)line * j.k;
    uint32_t ties = 0, kept = 0;
    for (uint32_t base = 0; base < j.n; base += TOP_K_THREADS) {
        const uint32_t i = base + threadIdx.x;
        const uint64_t key = i < j.n ? top_k_key<S>(j, from + (int64_t)i * j.inner.d) : 0;
        const bool tie = i < j.n && key == prefix, better = i < j.n && key > prefix;
        const uint32_t below = (1u << lane) - 1u;
        const uint32_t tie_votes = px_ballot(tie), better_votes = px_ballot(better);
        if (lane == 0)
            room->warp[warp] = (uint32_t)px_popc(tie_votes) << 16 | (uint32_t)px_popc(better_votes);
        __syncthreads();
        uint32_t my_tie = ties + (uint32_t)px_popc(tie_votes & below);
        uint32_t my_better = kept + (uint32_t)px_popc(better_votes & below);
        for (uint32_t w = 0; w < TOP_K_THREADS / 32; w++) {
            const uint32_t both = room->warp[w];
            if (w < warp) my_tie += both >> 16, my_better += both & 0xffffu;
            ties += both >> 16, kept += both & 0xffffu;
        }
        // what is better comes first in the list, the ties behind: j.k - need are better
        const uint32_t at = better ? my_better : j.k - need + my_tie;
        if (better || (tie && my_tie < need)) keys[at] = key, place[at] = i;
        __syncthreads();
    }
}

template <int S>
__global__ void __launch_bounds__(TOP_K_RANKERS) top_k_rank_k(const __grid_constant__ top_k_job j)
{
    IGT_SMEM(smem);
    uint64_t *keys = (uint64_t *)smem;
    uint32_t *place = (uint32_t *)(keys + TOP_K_RANKERS);
    const uint32_t line = blockIdx.x, own = blockIdx.y * TOP_K_RANKERS + threadIdx.x;
    const int64_t list = (int64_t)line * j.k;
    const uint64_t key = own < j.k ? j.keys[list + own] : 0;
    const uint32_t at = own < j.k ? j.place[list + own] : 0;
    uint32_t rank = 0;
    for (uint32_t base = 0; base < j.k; base += TOP_K_RANKERS) {
        const uint32_t i = base + threadIdx.x, tile = TOP_K_RANKERS;
        const uint32_t n = j.k - base < tile ? j.k - base : tile;
        if (i < j.k) keys[threadIdx.x] = j.keys[list + i], place[threadIdx.x] = j.place[list + i];
        __syncthreads();
        for (uint32_t e = 0; e < n; e++) rank += keys[e] > key || (keys[e] == key && place[e] < at);
        __syncthreads();
    }
    if (own >= j.k) return;
    uint32_t outer = line;
    const uint32_t in = cu_remainder(outer, j.inner);
    const int64_t to = ((int64_t)outer * j.k + rank) * j.inner.d + in;
    if (j.index) j.index[to] = (int64_t)at;
    if (j.values)
        el_store<S>(j.values, to, el_load<S>(j.x, top_k_from(j, line) + (int64_t)at * j.inner.d));
}
