// sample_sm80.cuh - sampling: a block of 1024 threads goes over a row of logits, which stays in the
// L2.
//
// Weights exp(z) are summed as integers, multiples of 2^-40: sums do not depend on the order, so
// that atomics, warps and schedules change no bit. A cut (top-k, top-p) is the fewest elements,
// best first, whose masses reach a target. It is found without sorting: a histogram of 2048 bins
// over the distance from the top (1/64 each) tells the bin in which the target falls; its elements,
// a few hundred of 128 thousand, are gathered in shared memory and each adds up what lies before
// it. Where a bin holds too many (equal logits), the bits of their keys part them further, 11 at a
// time.
//
// Bytes: greedy reads a row once, a draw with top-p four times and 1/32, top-k two times more. One
// multiprocessor takes about 64 bytes a clock from the L2: 5 us a pass at 128 thousand logits, an
// arithmetic bound and not a measurement.
#pragma once
#include "kernels/reduce/rows.cuh"
#include "kernels/sample/sample_cuda.h"
#include "kernels/unary/functions.cuh"

enum {
    SAMPLE_THREADS = 1024,
    SAMPLE_WARPS = SAMPLE_THREADS / 32,
    SAMPLE_BINS = 2048,
    SAMPLE_LIST = 2048 // elements of a bin in shared memory
};

struct sample_entry {
    uint64_t mass;
    uint32_t key, id;
};

struct sample_room {
    uint64_t mass[SAMPLE_BINS];
    sample_entry list[SAMPLE_LIST];
    uint64_t warp[SAMPLE_WARPS];
    uint32_t count[SAMPLE_BINS];
    uint32_t n_list, bin, last_id, last_key;
    uint64_t before; // mass of what is better than the bin
};

// Elements from the best down to (key, id), of equal keys the lower id first.
struct sample_cut {
    uint32_t key, id;
    EL_INLINE bool keeps(uint32_t k, uint32_t i) const { return k > key || (k == key && i <= id); }
};

// Unsigned integers in the order of floats; both zeros are one.
EL_INLINE uint32_t sample_key(float x)
{
    const uint32_t u = px_bits(x + 0.0f);
    return u ^ (u >> 31 ? 0xffffffffu : 0x80000000u);
}
EL_INLINE uint64_t sample_fixed(float weight) { return (uint64_t)(weight * 0x1p40f); }
EL_INLINE bool sample_is_token(float x) { return x > px_float(0xff800000u); }

EL_INLINE void sample_add(uint64_t *p, uint64_t v)
{
    px_atomic_add((unsigned long long *)p, (unsigned long long)v);
}

// f(id, logit) for every id of a row, each once; two vectors of four in flight where rows are
// aligned.
template <class F> EL_INLINE void sample_each(const float *x, int vocab, F f)
{
    const int packs = ((uintptr_t)x & 15) == 0 ? vocab / 4 : 0, step = SAMPLE_THREADS;
    for (int p = (int)threadIdx.x; p < packs; p += 2 * step) {
        const bool both = p + step < packs;
        const float4 a = *(const float4 *)(x + 4 * p);
        const float4 b = both ? *(const float4 *)(x + 4 * (p + step)) : a;
        const float v[8] = {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
#pragma unroll
        for (int k = 0; k < 8; k++)
            if (k < 4 || both) f((uint32_t)(4 * (p + (k >= 4 ? step : 0)) + k % 4), v[k]);
    }
    for (int i = packs * 4 + (int)threadIdx.x; i < vocab; i += step) f((uint32_t)i, x[i]);
}

// ---- what the model should have meant: mask, bias and penalties, in a copy of the row ----
EL_INLINE void sample_penalise(float *x, int *counts, const int32_t *before, uint32_t from,
                               uint32_t to, int vocab, const cu_sample_row &r, bool repetition)
{
    for (uint32_t i = from + threadIdx.x; i < to; i += SAMPLE_THREADS)
        if ((uint32_t)before[i] < (uint32_t)vocab) counts[before[i]] = 0;
    __syncthreads();
    for (uint32_t i = from + threadIdx.x; i < to; i += SAMPLE_THREADS)
        if ((uint32_t)before[i] < (uint32_t)vocab) px_atomic_add(&counts[before[i]], 1);
    __syncthreads();
    for (uint32_t i = from + threadIdx.x; i < to; i += SAMPLE_THREADS) {
        if ((uint32_t)before[i] >= (uint32_t)vocab) continue;
        const int n = px_atomic_swap(&counts[before[i]], 0); // one of its threads gets them all
        if (!n) continue;
        float *at = &x[before[i]];
        if (repetition)
            *at = *at > 0 ? *at / r.repetition : el_mul(*at, r.repetition);
        else
            *at = el_add(*at, -el_add(el_mul((float)n, r.frequency), r.presence));
    }
    __syncthreads();
}

EL_INLINE const float *sample_shaped(const cu_sample_args &a, const cu_sample_row &r, uint32_t row,
                                     const float *logits)
{
    const bool repeats = r.repetition > 0 && r.repetition != 1;
    const bool penalises =
        (repeats || r.presence != 0 || r.frequency != 0) && a.before && r.n_before;
    if (!r.masked && !r.n_bias && !penalises) return logits;
    float *x = (float *)a.scratch + (int64_t)row * a.vocab;
    int *counts = (int *)a.scratch + (int64_t)(a.rows + (int)row) * a.vocab;
    const uint64_t *mask = r.masked ? a.mask + (int64_t)row * a.mask_stride : nullptr;
    sample_each(logits, a.vocab, [&](uint32_t id, float v) {
        x[id] = !mask || mask[id / 64] >> id % 64 & 1 ? v : px_float(0xff800000u);
    });
    __syncthreads();
    for (uint32_t i = threadIdx.x; i < r.n_bias; i += SAMPLE_THREADS) {
        const int64_t at = (int64_t)row * a.bias_stride + i;
        x[a.bias_id[at]] = el_add(x[a.bias_id[at]], a.bias_add[at]);
    }
    __syncthreads();
    if (!penalises) return x;
    const int32_t *before = a.before + (int64_t)row * a.before_stride;
    const uint32_t window = r.window && r.window < r.n_before ? r.window : r.n_before;
    const uint32_t from = r.n_before - window;
    if (repeats) sample_penalise(x, counts, before, from, r.n_before, a.vocab, r, true);
    if (r.presence != 0 || r.frequency != 0)
        sample_penalise(x, counts, before, from > r.n_prompt ? from : r.n_prompt, r.n_before,
                        a.vocab, r, false);
    return x;
}

// ---- the largest logit, the first that has it, and what is wrong with the row ----
struct sample_top {
    float value;
    uint32_t id;
    int status;
};

EL_INLINE sample_top sample_find_top(const float *x, int vocab, uint64_t *room)
{
    // larger keys are better, of equal ones the lower id; NaN is above all
    uint64_t best = 0;
    sample_each(x, vocab, [&](uint32_t id, float v) {
        const uint32_t key = v != v ? 0xffffffffu : sample_key(v);
        const uint64_t k = (uint64_t)key << 32 | (0xffffffffu - id);
        best = k > best ? k : best;
    });
    best = rows_block(
        best, [](uint64_t a, uint64_t b) { return a > b ? a : b; }, room);
    const uint32_t key = (uint32_t)(best >> 32);
    sample_top t;
    t.id = 0xffffffffu - (uint32_t)best;
    t.value = px_float(key ^ (key >> 31 ? 0x80000000u : 0xffffffffu));
    t.status = key == 0xffffffffu                 ? CU_SAMPLE_NAN
               : t.value == px_float(0x7f800000u) ? CU_SAMPLE_INFINITE
               : !sample_is_token(t.value)        ? CU_SAMPLE_NONE_LEFT
                                                  : CU_SAMPLE_OK;
    return t;
}

// ---- cuts ----

// The first bin, from bin 0 on, with which the sum of masses reaches the target; false: none does.
EL_INLINE bool sample_find_bin(sample_room *room, uint64_t target)
{
    enum { EACH = SAMPLE_BINS / SAMPLE_THREADS };
    static_assert(EACH == 2, "two bins a thread");
    const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const uint64_t a = room->mass[2 * threadIdx.x], b = room->mass[2 * threadIdx.x + 1];
    uint64_t sum = a + b;
#pragma unroll
    for (int d = 1; d < 32; d *= 2) {
        const uint64_t other = px_shfl_up(sum, d);
        if (lane >= (uint32_t)d) sum += other;
    }
    if (lane == 31) room->warp[warp] = sum;
    if (threadIdx.x == 0) room->bin = SAMPLE_BINS;
    __syncthreads();
    for (uint32_t w = 0; w < warp; w++) sum += room->warp[w];
    const uint64_t start = sum - a - b, middle = start + a;
    if (start < target && target <= middle) {
        room->bin = 2 * threadIdx.x;
        room->before = start;
    } else if (middle < target && target <= sum) {
        room->bin = 2 * threadIdx.x + 1;
        room->before = middle;
    }
    __syncthreads();
    return room->bin < SAMPLE_BINS;
}

EL_INLINE void sample_clear(sample_room *room)
{
    for (uint32_t i = threadIdx.x; i < SAMPLE_BINS; i += SAMPLE_THREADS)
        room->mass[i] = 0, room->count[i] = 0;
    if (threadIdx.x == 0) room->n_list = 0;
    __syncthreads();
}

// The bin of an element whose distance from the top is `distance`.
EL_INLINE uint32_t sample_bin(float distance)
{
    const float b = distance * 64.0f;
    return b < (float)(SAMPLE_BINS - 1) ? (uint32_t)b : SAMPLE_BINS - 1;
}

// Of the elements in shared memory: each is kept when what is better has not reached the target.
EL_INLINE sample_cut sample_cut_list(sample_room *room, uint64_t target)
{
    const uint32_t n = room->n_list;
    if (threadIdx.x == 0) room->last_key = 0xffffffffu, room->last_id = 0;
    __syncthreads();
    for (uint32_t i = threadIdx.x; i < n; i += SAMPLE_THREADS) {
        const sample_entry own = room->list[i];
        uint64_t better = 0;
        for (uint32_t j = 0; j < n; j++) {
            const sample_entry e = room->list[j];
            if (e.key > own.key || (e.key == own.key && e.id < own.id)) better += e.mass;
        }
        // the worst that is kept: the target falls on it
        if (better < target && target <= better + own.mass)
            room->last_key = own.key, room->last_id = own.id;
    }
    __syncthreads();
    const sample_cut c = {room->last_key, room->last_id};
    __syncthreads();
    return c;
}

// Elements that all have one key and one mass: the first of them by id.
template <class In>
EL_INLINE sample_cut sample_cut_ties(sample_room *room, uint32_t key, uint64_t mass,
                                     uint64_t target, int vocab, In in)
{
    const uint64_t wanted = (target + mass - 1) / mass;
    if (threadIdx.x == 0) room->last_id = 0;
    uint64_t seen = 0;
    for (int base = 0; base < vocab; base += SAMPLE_THREADS) {
        const uint32_t id = (uint32_t)base + threadIdx.x, lane = threadIdx.x % 32;
        const bool hit = id < (uint32_t)vocab && in(id);
        const uint32_t votes = px_ballot(hit);
        if (lane == 0) room->warp[threadIdx.x / 32] = (uint64_t)px_popc(votes);
        __syncthreads();
        uint64_t at = seen + (uint64_t)px_popc(votes & ((1u << lane) - 1u));
        for (uint32_t w = 0; w < SAMPLE_WARPS; w++) {
            if (w < threadIdx.x / 32) at += room->warp[w];
            seen += room->warp[w];
        }
        if (hit && at + 1 == wanted) room->last_id = id;
        __syncthreads();
    }
    const sample_cut c = {key, room->last_id};
    __syncthreads();
    return c;
}

// The fewest elements, largest value first, whose masses reach the target (> 0). value(logit): what
// is compared, `top` its largest; mass(logit, id): 0 for what does not count. filled: the room has
// the histogram of the bins already.
template <class V, class M>
EL_INLINE sample_cut sample_find_cut(sample_room *room, const float *x, int vocab, float top,
                                     V value, M mass, uint64_t target, bool filled)
{
    const sample_cut all = {0, 0xffffffffu};
    if (!filled) {
        sample_clear(room);
        sample_each(x, vocab, [&](uint32_t id, float v) {
            const uint64_t m = mass(v, id);
            if (!m) return;
            const uint32_t b = sample_bin(top - value(v));
            sample_add(&room->mass[b], m);
            px_atomic_add(&room->count[b], 1u);
        });
        __syncthreads();
    }
    if (!sample_find_bin(room, target)) return all; // they do not reach it
    const uint32_t bin = room->bin;
    uint32_t n = room->count[bin], prefix = 0;
    target -= room->before;
    const auto inside = [&](float v, int above) {
        const uint32_t key = sample_key(value(v));
        return sample_bin(top - value(v)) == bin && (above >= 32 || (key ^ prefix) >> above == 0);
    };
    int above = 32; // bits of the key below it are not known yet
    while (n > SAMPLE_LIST && above > 0) {
        const int shift = above > 11 ? above - 11 : 0, width = above - shift;
        __syncthreads();
        sample_clear(room);
        sample_each(x, vocab, [&](uint32_t id, float v) {
            const uint64_t m = mass(v, id);
            if (!m || !inside(v, above)) return;
            const uint32_t digit = sample_key(value(v)) >> shift & ((1u << width) - 1u);
            sample_add(&room->mass[SAMPLE_BINS - 1 - digit], m); // large keys first
            px_atomic_add(&room->count[SAMPLE_BINS - 1 - digit], 1u);
        });
        __syncthreads();
        sample_find_bin(room, target); // the target lies among them
        n = room->count[room->bin];
        target -= room->before;
        prefix |= (SAMPLE_BINS - 1 - room->bin) << shift;
        above = shift;
    }
    __syncthreads();
    if (above == 0) {
        uint64_t each = 0; // one key: one mass
        sample_each(x, vocab, [&](uint32_t id, float v) {
            if (!inside(v, 0)) return;
            const uint64_t m = mass(v, id);
            each = m > each ? m : each;
        });
        each = rows_block(
            each, [](uint64_t a, uint64_t b) { return a > b ? a : b; }, room->warp);
        return sample_cut_ties(room, prefix, each, target, vocab,
                               [&](uint32_t id) { return mass(x[id], id) && inside(x[id], 0); });
    }
    if (threadIdx.x == 0) room->n_list = 0;
    __syncthreads();
    sample_each(x, vocab, [&](uint32_t id, float v) {
        const uint64_t m = mass(v, id);
        if (!m || !inside(v, above)) return;
        const uint32_t at = px_atomic_add(&room->n_list, 1u);
        room->list[at] = sample_entry{m, sample_key(value(v)), id};
    });
    __syncthreads();
    return sample_cut_list(room, target);
}

// ---- the draw: warps have neighbouring segments of ids ----
template <class M>
EL_INLINE uint32_t sample_draw(sample_room *room, const float *x, int vocab, M mass, double u)
{
    const int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
    const int each = (vocab + SAMPLE_THREADS - 1) / SAMPLE_THREADS * 32;
    const int begin = warp * each, end = begin + each < vocab ? begin + each : vocab;
    uint64_t sum = 0;
    for (int i = begin + lane; i < end; i += 32) sum += mass(x[i], (uint32_t)i);
    sum = rows_warp(sum, [](uint64_t a, uint64_t b) { return a + b; });
    if (lane == 0) room->warp[warp] = sum;
    if (threadIdx.x == 0) room->last_id = 0;
    __syncthreads();
    uint64_t total = 0, start = 0;
    for (int w = 0; w < SAMPLE_WARPS; w++) {
        if (w == warp) start = total;
        total += room->warp[w];
    }
    uint64_t until = (uint64_t)(u * (double)total);
    if (until >= total) until = total - 1;
    if (start <= until && until < start + sum) // this warp's
        for (int base = begin; base < end; base += 32) {
            const int i = base + lane;
            const uint64_t own = i < end ? mass(x[i], (uint32_t)i) : 0;
            uint64_t upto = own;
#pragma unroll
            for (int d = 1; d < 32; d *= 2) {
                const uint64_t other = px_shfl_up(upto, d);
                if (lane >= d) upto += other;
            }
            if (start + upto - own <= until && until < start + upto) room->last_id = (uint32_t)i;
            start += px_shfl(upto, 31);
        }
    __syncthreads();
    return room->last_id;
}

EL_INLINE double sample_uniform(uint64_t seed, uint64_t index)
{
    const uint4 c = {(uint32_t)index, (uint32_t)(index >> 32), 0, 0};
    const uint2 key = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint4 r = px_philox(c, key);
    return (double)(((uint64_t)r.y << 32 | r.x) >> 11) * 0x1p-53;
}

// The token of a row with a temperature.
EL_INLINE uint32_t sample_choose(sample_room *room, const float *x, int vocab,
                                 const cu_sample_row &r, float top)
{
    const sample_cut all = {0, 0xffffffffu};
    sample_cut first = all, second = all; // by logits, by logits over the temperature
    const bool top_p = r.top_p > 0 && r.top_p < 1;
    if (r.top_k && r.top_k < (uint32_t)vocab)
        first = sample_find_cut(
            room, x, vocab, top, [](float v) { return v; },
            [](float v, uint32_t) { return (uint64_t)sample_is_token(v); }, r.top_k, false);
    const auto z_of = [&](float v) { return (v - top) / r.temperature; };
    const auto mass = [&](float v, uint32_t id) -> uint64_t {
        return sample_is_token(v) && first.keeps(sample_key(v), id) ? sample_fixed(px_exp(z_of(v)))
                                                                    : 0;
    };
    if (top_p) { // the histogram of the cut, and with it the whole
        uint64_t total = 0;
        __syncthreads();
        sample_clear(room);
        sample_each(x, vocab, [&](uint32_t id, float v) {
            const uint64_t m = mass(v, id);
            if (!m) return;
            const uint32_t b = sample_bin(-z_of(v));
            total += m;
            sample_add(&room->mass[b], m);
            px_atomic_add(&room->count[b], 1u);
        });
        total = rows_block(
            total, [](uint64_t a, uint64_t b) { return a + b; }, room->warp);
        const double share = (double)r.top_p * (double)total;
        const uint64_t target = (uint64_t)share + ((double)(uint64_t)share < share);
        second = sample_find_cut(room, x, vocab, 0.f, z_of, mass, target ? target : 1, true);
    }
    const float least = r.min_p; // the largest weight is 1
    return sample_draw(
        room, x, vocab,
        [&](float v, uint32_t id) -> uint64_t {
            const uint64_t m = mass(v, id);
            if (!m || !second.keeps(sample_key(z_of(v)), id)) return 0;
            return least > 0 && px_exp(z_of(v)) < least ? 0 : m;
        },
        sample_uniform(r.seed, r.index));
}

// The logarithm of a token's probability in the model's own distribution.
EL_INLINE float sample_logprob(sample_room *room, const float *x, int vocab, float top,
                               uint32_t token)
{
    uint64_t total = 0;
    sample_each(x, vocab, [&](uint32_t, float v) { total += sample_fixed(px_exp(v - top)); });
    total = rows_block(
        total, [](uint64_t a, uint64_t b) { return a + b; }, room->warp);
    return (float)((double)x[token] - ((double)top + fn_log((double)total * 0x1p-40)));
}

__global__ void __launch_bounds__(SAMPLE_THREADS) sample_k(const __grid_constant__ cu_sample_args a)
{
    IGT_SMEM(smem);
    sample_room *room = (sample_room *)smem;
    const uint32_t row = blockIdx.x;
    const cu_sample_row r = a.row[row];
    const float *logits = a.logits + (int64_t)row * a.logits_stride;
    const float *x = sample_shaped(a, r, row, logits);
    const sample_top own = sample_find_top(logits, a.vocab, room->warp);
    sample_top t = own;
    if (x != logits && own.status == CU_SAMPLE_OK) t = sample_find_top(x, a.vocab, room->warp);
    if (t.status != CU_SAMPLE_OK) {
        if (threadIdx.x == 0) a.status[row] = t.status, a.token[row] = 0;
        return;
    }
    const bool greedy = !(r.temperature > 0) || r.top_k == 1;
    const uint32_t token = greedy ? t.id : sample_choose(room, x, a.vocab, r, t.value);
    float logprob = 0;
    if (a.logprob && r.logprob) {
        __syncthreads();
        logprob = sample_logprob(room, logits, a.vocab, own.value, token);
    }
    if (threadIdx.x) return;
    a.status[row] = CU_SAMPLE_OK;
    a.token[row] = (int32_t)token;
    if (a.logprob) a.logprob[row] = logprob;
}
