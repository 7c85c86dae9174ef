// suppress_sm80.cuh - non-maximum suppression: the best boxes of a class, without those that
// overlap a better one.
//
// A block has one class of one batch, and keeps one box a round: in one pass over the class its
// threads strike out what overlaps the box that was kept last, and find the best of what is left;
// of equal scores the first. A box that is struck out has the score NaN. So nothing is sorted, and
// the work is (boxes kept) x (boxes), all of it from the L2: of 25000 boxes a round is 100 a
// thread. Sums and products are not contracted: the limit is compared with the CPU's bits.
#pragma once
#include "kernels/convert/element.cuh"
#include "kernels/select/select_cuda.h"

enum { SUPPRESS_THREADS = 256 };

typedef struct {
    float y1, x1, y2, x2;
} box_corners;

EL_INLINE box_corners box_read(const float *v, bool centered)
{
    const float4 b = *(const float4 *)v;
    if (centered) return {b.y - b.w / 2, b.x - b.z / 2, b.y + b.w / 2, b.x + b.z / 2};
    return {fminf(b.x, b.z), fminf(b.y, b.w), fmaxf(b.x, b.z), fmaxf(b.y, b.w)};
}

EL_INLINE bool box_overlaps(const box_corners &a, const box_corners &b, float limit)
{
    const float h = fminf(a.y2, b.y2) - fmaxf(a.y1, b.y1);
    const float w = fminf(a.x2, b.x2) - fmaxf(a.x1, b.x1);
    if (!(h > 0) || !(w > 0)) return false;
    const float both = el_mul(h, w);
    const float area_a = el_mul(a.y2 - a.y1, a.x2 - a.x1);
    const float area_b = el_mul(b.y2 - b.y1, b.x2 - b.x1);
    const float all = el_add(el_add(area_a, area_b), -both);
    if (!(area_a > 0) || !(area_b > 0) || !(all > 0)) return false;
    return both / all > limit;
}

typedef struct {
    float score;
    int32_t index; // -1: none
} box_best;

EL_INLINE box_best box_better(box_best a, box_best b)
{
    if (a.index < 0 || b.index < 0) return a.index < 0 ? b : a;
    if (a.score != b.score) return a.score > b.score ? a : b;
    return a.index < b.index ? a : b;
}

// The best of all threads, in all of them; `room`: one a warp, free again when this returns.
EL_INLINE box_best box_best_of_block(box_best v, box_best *room)
{
#pragma unroll
    for (int d = 16; d; d >>= 1)
        v = box_better(v, {px_shfl_xor(v.score, d), px_shfl_xor(v.index, d)});
    if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = v;
    __syncthreads();
    v = room[0];
    for (int w = 1; w < SUPPRESS_THREADS / 32; w++) v = box_better(v, room[w]);
    __syncthreads();
    return v;
}

__global__ void __launch_bounds__(SUPPRESS_THREADS)
    suppress_k(const __grid_constant__ cu_suppress_args a)
{
    IGT_SMEM(smem);
    const int64_t group = blockIdx.x;
    const float *boxes = a.boxes + group / a.classes * a.n * 4, *scores = a.scores + group * a.n;
    float *left = a.left + group * a.n;
    const float struck = px_float(0x7fc00000u);
    box_best best = {0, -1};
    for (int64_t i = threadIdx.x; i < a.n; i += SUPPRESS_THREADS) {
        const float s = scores[i];
        const bool there = s == s && (!a.scored || s > a.score);
        left[i] = there ? s : struck;
        if (there) best = box_better(best, {s, (int32_t)i});
    }
    int32_t found = 0;
    while (found < a.most) {
        best = box_best_of_block(best, (box_best *)smem);
        if (best.index < 0) break;
        const int32_t kept = best.index;
        const box_corners mine = box_read(boxes + 4 * (int64_t)kept, a.centered);
        if (threadIdx.x == 0) a.kept[group * a.most + found] = kept;
        found++;
        best = {0, -1};
        for (int64_t i = threadIdx.x; i < a.n; i += SUPPRESS_THREADS) {
            const float s = left[i];
            if (s != s) continue;
            if (i == kept || box_overlaps(box_read(boxes + 4 * i, a.centered), mine, a.iou))
                left[i] = struck;
            else
                best = box_better(best, {s, (int32_t)i});
        }
    }
    if (threadIdx.x == 0) a.found[group] = found;
}

// found: where each group's rows begin.
__global__ void __launch_bounds__(SUPPRESS_THREADS)
    suppress_put_k(const __grid_constant__ cu_suppress_args a)
{
    const int64_t groups = a.batches * a.classes;
    for (int64_t i = cu_thread(); i < groups * a.most; i += cu_threads()) {
        const int64_t group = i / a.most, k = i % a.most, from = a.found[group];
        const int64_t to = group + 1 < groups ? a.found[group + 1] : *a.count;
        if (k >= to - from) continue;
        int64_t *y = a.y + 3 * (from + k);
        y[0] = group / a.classes, y[1] = group % a.classes, y[2] = a.kept[i];
    }
}
