// sample_sm80.cuh - sampling: a block of 1024 threads goes over a row of logits, which stays in the
// L2.
//
// Weights exp(z) are the CPU's bit for bit, and are summed as integers, multiples of 2^-40: sums do
// not depend on the order, so that atomics, warps and schedules change no bit and the token is the
// CPU's. A cut (top-k, top-p, typical) is the fewest elements, best first, whose masses reach a
// target. It is found without sorting: a histogram of 2048 bins over the distance from the top
// (1/64 each) tells the bin in which the target falls; its elements, a few hundred of 128 thousand,
// are gathered in shared memory and each adds up what lies before it. Where a bin holds too many
// (equal logits), the bits of their keys part them further, 11 at a time.
//
// Bytes: greedy reads a row once, a draw with top-p four times and 1/32, top-k two times more,
// typical three times. One multiprocessor takes about 64 bytes a clock from the L2: 5 us a pass at
// 128 thousand logits, an arithmetic bound and not a measurement.
#pragma once
#include "kernels/reduce/rows.cuh"
#include "kernels/sample/sample_cuda.h"

enum {
    SAMPLE_THREADS = 1024,
    SAMPLE_WARPS = SAMPLE_THREADS / 32,
    SAMPLE_BINS = 2048,
    SAMPLE_LIST = 2048 // elements of a bin in shared memory
};

enum sample_kind { SAMPLE_TOP_K, SAMPLE_TOP_P, SAMPLE_TYPICAL, SAMPLE_KINDS };

struct sample_entry {
    uint64_t mass;
    uint32_t key, id;
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

// exp(x) of x <= 0 in the order of operations of kernels/vec/vec_math.h: the CPU's bits. What is
// less than 2^-125 has no mass and is 0 here.
EL_INLINE float sample_exp(float x)
{
    if (!(x > -86.0f)) return 0;
    const float n = el_add(fmaf(x, 0x1.715476p0f, 0x1.8p23f), -0x1.8p23f);
    const float r = fmaf(-n, 0x1.7f7d1cp-20f, fmaf(-n, 0x1.62e4p-1f, x));
    float q = fmaf(0x1.6a5a4p-10f, r, 0x1.123aeap-7f);
    q = fmaf(q, r, 0x1.5558a6p-5f);
    q = fmaf(q, r, 0x1.55549p-3f);
    q = fmaf(q, r, 0x1.fffffcp-2f);
    const float p = fmaf(fmaf(q, r, 1.0f), r, 1.0f);
    return el_mul(p, px_float((uint32_t)((int)n + 127) << 23));
}

// What is left of a row, in shared memory: cuts that were not made keep all.
struct sample_left {
    float top, temperature;
    float least; // weight; 0 until top-p is done
    float mean;  // of the logits, in units of z; of typical
    sample_cut cut[SAMPLE_KINDS];

    EL_INLINE float z(float v) const { return (v - top) / temperature; }
    // What a cut compares, and its largest value.
    EL_INLINE float value(int kind, float v) const
    {
        return kind == SAMPLE_TOP_K ? v : kind == SAMPLE_TOP_P ? z(v) : -fabsf(mean - z(v));
    }
    EL_INLINE float best(int kind) const { return kind == SAMPLE_TOP_K ? top : 0.0f; }
    // The weight of an element that is left, else 0.
    EL_INLINE float weight(float v, uint32_t id) const
    {
        if (!sample_is_token(v) || !cut[SAMPLE_TOP_K].keeps(sample_key(v), id)) return 0;
        const float at = z(v), w = sample_exp(at);
        const bool kept = cut[SAMPLE_TOP_P].keeps(sample_key(at), id) && !(w < least) &&
                          cut[SAMPLE_TYPICAL].keeps(sample_key(-fabsf(mean - at)), id);
        return kept ? w : 0;
    }
    // What top-k counts, and the others weigh.
    EL_INLINE uint64_t mass(int kind, float v, uint32_t id) const
    {
        return kind == SAMPLE_TOP_K ? (uint64_t)sample_is_token(v) : sample_fixed(weight(v, id));
    }
};

struct sample_room {
    uint64_t mass[SAMPLE_BINS];
    sample_entry list[SAMPLE_LIST];
    uint64_t warp[SAMPLE_WARPS];
    uint32_t count[SAMPLE_BINS];
    uint32_t n_list, bin, last_id, last_key;
    uint64_t before; // mass of what is better than the bin
    sample_left left;
};

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
                               uint32_t to, int vocab, const ig_draw &r, bool repetition)
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

EL_INLINE const float *sample_shaped(const ig_draw_args &a, const ig_draw &r, const float *logits)
{
    if (!r.masked && !r.n_bias && !r.n_before) return logits;
    float *x = (float *)a.scratch + (int64_t)r.scratch * 2 * a.vocab;
    int *counts = (int *)x + a.vocab;
    const uint32_t *mask = r.masked ? a.list + r.mask : nullptr;
    sample_each(logits, a.vocab, [&](uint32_t id, float v) {
        x[id] = !mask || mask[id / 32] >> id % 32 & 1 ? v : px_float(0xff800000u);
    });
    __syncthreads();
    for (uint32_t i = threadIdx.x; i < r.n_bias; i += SAMPLE_THREADS) {
        const uint32_t id = a.list[r.bias + 2 * i];
        x[id] = el_add(x[id], px_float(a.list[r.bias + 2 * i + 1]));
    }
    __syncthreads();
    const int32_t *before = (const int32_t *)a.list + r.before;
    if (r.repetition > 0 && r.repetition != 1)
        sample_penalise(x, counts, before, 0, r.n_before, a.vocab, r, true);
    if (r.presence != 0 || r.frequency != 0)
        sample_penalise(x, counts, before, r.n_prompt, r.n_before, a.vocab, r, false);
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
    t.status = key == 0xffffffffu                 ? IG_DRAW_NAN
               : t.value == px_float(0x7f800000u) ? IG_DRAW_INFINITE
               : !sample_is_token(t.value)        ? IG_DRAW_NONE_LEFT
                                                  : IG_DRAW_OK;
    return t;
}

// ---- cuts ----

// The sum over the lanes of a warp up to the own one.
EL_INLINE uint64_t sample_scan(uint64_t v)
{
#pragma unroll
    for (int d = 1; d < 32; d *= 2) {
        const uint64_t other = px_shfl_up(v, d);
        if (threadIdx.x % 32 >= (uint32_t)d) v += other;
    }
    return v;
}

// The first bin, from bin 0 on, with which the sum of masses reaches the target; false: none does.
EL_INLINE bool sample_find_bin(sample_room *room, uint64_t target)
{
    enum { EACH = SAMPLE_BINS / SAMPLE_THREADS };
    static_assert(EACH == 2, "two bins a thread");
    const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const uint64_t a = room->mass[2 * threadIdx.x], b = room->mass[2 * threadIdx.x + 1];
    uint64_t sum = sample_scan(a + b);
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

// Elements that have one key, in order of their ids: up to the one with which the target is
// reached.
EL_INLINE sample_cut sample_cut_ties(sample_room *room, const float *x, int vocab, int kind,
                                     uint32_t key, uint64_t target)
{
    const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    if (threadIdx.x == 0) room->last_id = 0;
    uint64_t seen = 0;
    for (int base = 0; base < vocab; base += SAMPLE_THREADS) {
        const uint32_t id = (uint32_t)base + threadIdx.x;
        const float v = id < (uint32_t)vocab ? x[id] : px_float(0xff800000u);
        const bool own = sample_key(room->left.value(kind, v)) == key;
        const uint64_t m = own ? room->left.mass(kind, v, id) : 0;
        const uint64_t upto = sample_scan(m);
        if (lane == 31) room->warp[warp] = upto;
        __syncthreads();
        uint64_t at = seen + upto;
        for (uint32_t w = 0; w < SAMPLE_WARPS; w++) {
            if (w < warp) at += room->warp[w];
            seen += room->warp[w];
        }
        if (at - m < target && target <= at) room->last_id = id;
        __syncthreads();
    }
    const sample_cut c = {key, room->last_id};
    __syncthreads();
    return c;
}

// The histogram of what is left; every thread gets the whole mass.
EL_INLINE uint64_t sample_tally(sample_room *room, const float *x, int vocab, int kind)
{
    const sample_left &left = room->left;
    __syncthreads();
    sample_clear(room);
    sample_each(x, vocab, [&](uint32_t id, float v) {
        const uint64_t m = left.mass(kind, v, id);
        if (!m) return;
        const uint32_t b = sample_bin(left.best(kind) - left.value(kind, v));
        sample_add(&room->mass[b], m);
        px_atomic_add(&room->count[b], 1u);
    });
    __syncthreads();
    uint64_t own = 0;
    for (uint32_t b = threadIdx.x; b < SAMPLE_BINS; b += SAMPLE_THREADS) own += room->mass[b];
    return rows_block(
        own, [](uint64_t a, uint64_t b) { return a + b; }, room->warp);
}

// Of what is left the fewest elements, largest value first, that have that share of the mass (of
// top-k: so many).
EL_INLINE sample_cut sample_find_cut(sample_room *room, const float *x, int vocab, int kind,
                                     float share, uint32_t k)
{
    const sample_left &left = room->left;
    const uint64_t total = sample_tally(room, x, vocab, kind);
    const double wanted = (double)share * (double)total;
    uint64_t target = k ? k : (uint64_t)wanted + ((double)(uint64_t)wanted < wanted);
    target = target ? target : 1;
    if (!sample_find_bin(room, target)) return {0, 0xffffffffu}; // they do not reach it
    const uint32_t bin = room->bin;
    uint32_t n = room->count[bin], prefix = 0;
    target -= room->before;
    const auto inside = [&](float v, int above) {
        const float value = left.value(kind, v);
        return sample_bin(left.best(kind) - value) == bin &&
               (above >= 32 || (sample_key(value) ^ prefix) >> above == 0);
    };
    int above = 32; // bits of the key below it are not known yet
    while (n > SAMPLE_LIST && above > 0) {
        const int shift = above > 11 ? above - 11 : 0, width = above - shift;
        __syncthreads();
        sample_clear(room);
        sample_each(x, vocab, [&](uint32_t id, float v) {
            const uint64_t m = left.mass(kind, v, id);
            if (!m || !inside(v, above)) return;
            const uint32_t digit = sample_key(left.value(kind, v)) >> shift & ((1u << width) - 1u);
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
    if (above == 0) return sample_cut_ties(room, x, vocab, kind, prefix, target);
    if (threadIdx.x == 0) room->n_list = 0;
    __syncthreads();
    sample_each(x, vocab, [&](uint32_t id, float v) {
        const uint64_t m = left.mass(kind, v, id);
        if (!m || !inside(v, above)) return;
        const uint32_t at = px_atomic_add(&room->n_list, 1u);
        room->list[at] = sample_entry{m, sample_key(left.value(kind, v)), id};
    });
    __syncthreads();
    return sample_cut_list(room, target);
}

// ---- the draw: warps have neighbouring segments of ids ----
EL_INLINE uint32_t sample_draw(sample_room *room, const float *x, int vocab, double u)
{
    const sample_left &left = room->left;
    const int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
    const int each = (vocab + SAMPLE_THREADS - 1) / SAMPLE_THREADS * 32;
    const int begin = warp * each, end = begin + each < vocab ? begin + each : vocab;
    uint64_t sum = 0;
    for (int i = begin + lane; i < end; i += 32)
        sum += sample_fixed(left.weight(x[i], (uint32_t)i));
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
            const uint64_t own = i < end ? sample_fixed(left.weight(x[i], (uint32_t)i)) : 0;
            const uint64_t upto = sample_scan(own);
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

EL_INLINE void sample_begin(sample_room *room, float top, float temperature)
{
    __syncthreads();
    if (threadIdx.x == 0) {
        sample_left &left = room->left;
        left.top = top, left.temperature = temperature, left.least = 0, left.mean = 0;
        for (int kind = 0; kind < SAMPLE_KINDS; kind++) left.cut[kind] = {0, 0xffffffffu};
    }
    __syncthreads();
}

// The mean of z over what is left, which typical measures from.
EL_INLINE void sample_find_mean(sample_room *room, const float *x, int vocab)
{
    uint64_t total = 0, energy = 0;
    sample_each(x, vocab, [&](uint32_t id, float v) {
        const float w = room->left.weight(v, id);
        if (!(w > 0)) return;
        total += sample_fixed(w);
        energy += sample_fixed(el_mul(w, -room->left.z(v))); // at most 1 / e
    });
    const auto add = [](uint64_t a, uint64_t b) { return a + b; };
    total = rows_block(total, add, room->warp);
    energy = rows_block(energy, add, room->warp);
    if (threadIdx.x == 0) room->left.mean = (float)-((double)energy / (double)total);
    __syncthreads();
}

// The token of a row with a temperature.
EL_INLINE uint32_t sample_choose(sample_room *room, const float *x, int vocab, const ig_draw &r,
                                 float top)
{
    sample_begin(room, top, r.temperature);
#pragma unroll 1
    for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
        const float share = kind == SAMPLE_TOP_P ? r.top_p : r.typical_p;
        const bool wanted =
            kind == SAMPLE_TOP_K ? r.top_k && r.top_k < (uint32_t)vocab : share > 0 && share < 1;
        if (kind == SAMPLE_TYPICAL) {
            if (threadIdx.x == 0) room->left.least = r.min_p; // the largest weight is 1
            __syncthreads();
        }
        if (!wanted) continue;
        if (kind == SAMPLE_TYPICAL) sample_find_mean(room, x, vocab);
        const sample_cut cut =
            sample_find_cut(room, x, vocab, kind, share, kind == SAMPLE_TOP_K ? r.top_k : 0);
        if (threadIdx.x == 0) room->left.cut[kind] = cut;
        __syncthreads();
    }
    return sample_draw(room, x, vocab, sample_uniform(r.seed, r.index));
}

// ---- log probabilities: of the model's own distribution, their logarithm is the host's ----
EL_INLINE uint64_t sample_total(sample_room *room, const float *x, int vocab, float top)
{
    uint64_t total = 0;
    sample_each(x, vocab, [&](uint32_t, float v) { total += sample_fixed(sample_exp(v - top)); });
    return rows_block(
        total, [](uint64_t a, uint64_t b) { return a + b; }, room->warp);
}

EL_INLINE uint32_t sample_tops(sample_room *room, const float *x, int vocab, float top,
                               ig_drawn_top *to, uint32_t n)
{
    sample_begin(room, top, 1.0f);
    const sample_cut cut = sample_find_cut(room, x, vocab, SAMPLE_TOP_K, 0.0f, n);
    __syncthreads();
    if (threadIdx.x == 0) room->n_list = 0;
    __syncthreads();
    sample_each(x, vocab, [&](uint32_t id, float v) {
        if (sample_is_token(v) && cut.keeps(sample_key(v), id))
            to[px_atomic_add(&room->n_list, 1u)] = ig_drawn_top{id, v};
    });
    __syncthreads();
    return room->n_list;
}

__global__ void __launch_bounds__(SAMPLE_THREADS) sample_k(const __grid_constant__ ig_draw_args a)
{
    IGT_SMEM(smem);
    sample_room *room = (sample_room *)smem;
    const ig_draw r = a.draws[blockIdx.x];
    const float *logits = a.logits + (int64_t)r.row * a.vocab;
    const float *x = sample_shaped(a, r, logits);
    const sample_top own = sample_find_top(logits, a.vocab, room->warp);
    sample_top t = own;
    if (x != logits && own.status == IG_DRAW_OK) t = sample_find_top(x, a.vocab, room->warp);
    ig_drawn out = {0, t.status, 0, own.value, 0, 0, 0};
    if (t.status == IG_DRAW_OK) {
        const bool greedy = !(r.temperature > 0) || r.top_k == 1;
        out.token = (int32_t)(greedy ? t.id : sample_choose(room, x, a.vocab, r, t.value));
        out.logit = logits[out.token];
        if (r.total) out.total = sample_total(room, logits, a.vocab, own.value);
        if (r.n_top)
            out.n_top = sample_tops(room, logits, a.vocab, own.value, a.tops + r.tops, r.n_top);
    }
    if (threadIdx.x == 0) a.drawn[blockIdx.x] = out;
}
