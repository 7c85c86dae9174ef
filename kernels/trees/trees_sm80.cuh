// trees_sm80.cuh - decision trees and linear models.
//
// Trees take two launches for a chunk of rows. The first finds the leaf of every (tree, row): a
// block holds up to 32 rows of features in shared memory, a thread walks one tree for one of them;
// the lanes of a warp share a tree where there are 32 rows, and have trees of their own for a
// single one. A node is one load of 16 bytes, and the tops of trees stay in the L1. Walks are
// chains of dependent loads: what counts is how many are on their way, 2048 a multiprocessor. The
// second launch adds each row's leaves in the order of the trees, as the CPU does, so that sums
// have its very bits. What is added comes into shared memory 1024 leaves at a time, which all
// threads of a block load side by side, also for a single row; then each (row, target) is a
// thread's, whose sum is a chain of additions of a few clocks each, not of loads from memory.
#pragma once
#include "kernels/trees/scores.cuh"

enum { TREES_THREADS = 256, TREES_ROWS = 32, TREES_SMEM = 96 * 1024, TREES_TILE = 1024 };
enum { TREE_LEAF, TREE_LEQ, TREE_LT, TREE_GTE, TREE_GT, TREE_EQ, TREE_NEQ }; // as IG_TREE_*
enum { TREE_MODES = 7, TREE_MISSING_TRUE = 8 };

template <class T> EL_INLINE bool tree_taken(T x, T threshold, uint32_t mode)
{
    if ((mode & TREE_MISSING_TRUE) && x != x) return true;
    switch (mode & TREE_MODES) {
    case TREE_LEQ:
        return x <= threshold;
    case TREE_LT:
        return x < threshold;
    case TREE_GTE:
        return x >= threshold;
    case TREE_GT:
        return x > threshold;
    case TREE_EQ:
        return x == threshold;
    default:
        return x != threshold;
    }
}

typedef struct {
    const void *x;
    const cu_tree_node *nodes;
    const double *thresholds;
    const int32_t *roots;
    int32_t *leaves;
    int64_t first, chunk; // the chunk's first row, and its pitch in `leaves`
    uint32_t rows, cols, n_roots, tile;
    int bytes, dtype;
    bool staged; // features go through shared memory
} walk_job;

template <class T>
__global__ void __launch_bounds__(TREES_THREADS) trees_walk_k(const __grid_constant__ walk_job j)
{
    IGT_SMEM(smem);
    T *tile = (T *)smem; // [cols, rows of the tile]
    const uint32_t base = blockIdx.x * j.tile, left = j.rows - base;
    const uint32_t n = left < j.tile ? left : j.tile; // rows
    const auto feature_of = [&](uint32_t row, uint32_t c) {
        return (T)el_double_at(j.x, j.bytes, j.dtype, (j.first + base + row) * j.cols + c);
    };
    if (j.staged) {
        for (uint32_t i = threadIdx.x; i < n * j.cols; i += TREES_THREADS)
            tile[i % j.cols * j.tile + i / j.cols] = feature_of(i / j.cols, i % j.cols);
        __syncthreads();
    }
    const uint64_t pairs = (uint64_t)j.n_roots * j.tile;
    const uint64_t step = (uint64_t)gridDim.y * TREES_THREADS;
    for (uint64_t p = (uint64_t)blockIdx.y * TREES_THREADS + threadIdx.x; p < pairs; p += step) {
        const uint32_t row = (uint32_t)(p % j.tile), tree = (uint32_t)(p / j.tile);
        if (row >= n) continue;
        int32_t at = j.roots[tree];
        for (;;) {
            const uint4 v = *(const uint4 *)(j.nodes + at);
            const uint32_t mode = v.y >> CU_TREE_MODE_SHIFT;
            if ((mode & TREE_MODES) == TREE_LEAF) break;
            const uint32_t c = v.y & (CU_TREE_FEATURES_MOST - 1);
            const T x = j.staged ? tile[c * j.tile + row] : feature_of(row, c);
            const T threshold = j.thresholds ? (T)j.thresholds[at] : (T)px_float(v.x);
            at = (int32_t)(tree_taken<T>(x, threshold, mode) ? v.z : v.w);
        }
        j.leaves[(int64_t)tree * j.chunk + base + row] = at;
    }
}

// ---- sums ----
// What the leaves of a tile of trees add, in shared memory: where their weights begin, and of
// leaves with one weight it and its target, of others how many they are.
template <class T> struct tree_tile {
    T weight[TREES_TILE];
    int32_t first[TREES_TILE], target[TREES_TILE];

    // Entry e of the tile is tree `from` + e / rows, row e % rows; all threads of the block.
    EL_INLINE void load(const cu_trees_args &a, int64_t from, int n, uint32_t row, uint32_t rows)
    {
#pragma unroll 4
        for (uint32_t e = threadIdx.x; e < (uint32_t)n * rows; e += TREES_THREADS) {
            const int64_t t = from + e / rows;
            const uint2 leaf = *(const uint2 *)&a.nodes[a.leaves[t * a.chunk + row + e % rows]].yes;
            first[e] = (int32_t)leaf.x;
            if (a.form == CU_TREE_ALL) continue;
            target[e] = (int32_t)leaf.y;
            if (a.form == CU_TREE_ANY) continue;
            target[e] = a.targets[leaf.x];
            weight[e] = ((const T *)a.weights)[leaf.x];
        }
    }
};

// One target's sum over the trees, in their order.
template <class T> struct tree_score {
    T v;
    bool seen;

    EL_INLINE void put(int aggregate, T by)
    {
        if (aggregate == CU_TREE_SUM || aggregate == CU_TREE_AVERAGE || !seen)
            v = el_add(v, by);
        else if (aggregate == CU_TREE_MIN ? by < v : by > v)
            v = by;
        seen = true;
    }
    // The n trees of a tile; e: the row's first entry, `step` from one tree to the next.
    EL_INLINE void add(const cu_trees_args &a, const tree_tile<T> &tile, int k, int n, uint32_t e,
                       uint32_t step)
    {
        const T *weights = (const T *)a.weights;
        if (a.form == CU_TREE_ANY) {
            for (int t = 0; t < n; t++, e += step)
                for (int32_t w = tile.first[e], end = w + tile.target[e]; w < end; w++)
                    if (a.targets[w] == k) put(a.aggregate, weights[w]);
            return;
        }
        const bool all = a.form == CU_TREE_ALL;
#pragma unroll 8
        for (int t = 0; t < n; t++, e += step) {
            const T by = all ? weights[tile.first[e] + k] : tile.weight[e];
            if (all || tile.target[e] == k) put(a.aggregate, by);
        }
    }
};

// ---- classes: a row a thread; v and seen are its own ----
EL_INLINE double tree_plus(const cu_trees_args &a, double x, double y)
{
    return a.wide ? el_add(x, y) : (double)el_add((float)x, (float)y);
}
EL_INLINE double tree_base(const cu_trees_args &a, int64_t k)
{
    return a.wide ? ((const double *)a.base)[k] : (double)((const float *)a.base)[k];
}

EL_INLINE int64_t tree_classify_two(const cu_trees_args &a, double *v, uint8_t *seen)
{
    int how = a.n_base ? SECOND_NONE : SECOND_NEGATED;
    bool lone = a.n_targets == 1 || !seen[1];
    if (a.n_targets == 1) how = SECOND_NONE;
    if (a.n_base == 2 && a.n_targets == 2) {
        lone = false;
        if (seen[1]) {
            v[1] = tree_plus(a, tree_base(a, 1), v[0]);
            v[0] = -v[1];
        } else {
            v[0] = tree_plus(a, v[0], tree_base(a, 0));
            v[1] = tree_plus(a, v[1], tree_base(a, 1));
            seen[0] = 1;
        }
    } else if (a.n_base == 1) {
        v[0] = tree_plus(a, v[0], tree_base(a, 0));
    }
    const double s = a.n_targets == 2 && seen[1] ? v[1] : v[0];
    if (a.binary == CU_BINARY_HALF) how = SECOND_COMPLEMENT;
    if (a.binary == CU_BINARY_SIGN) how = SECOND_NEGATED;
    const int64_t which = a.binary == CU_BINARY_HALF ? s > 0.5 : s > 0;
    if (a.n_targets == 1) {
        if (a.post == CU_POST_PROBIT) score_post(v, 1, CU_POST_PROBIT);
        return which;
    }
    if (lone) {
        score_pair(v, a.post, how);
        return which;
    }
    for (int k = 0; k < 2; k++) v[k] = seen[k] ? v[k] : 0;
    score_post(v, 2, a.post);
    return which;
}

EL_INLINE int64_t tree_classify(const cu_trees_args &a, double *v, uint8_t *seen)
{
    if (a.n_targets <= 2) return tree_classify_two(a, v, seen);
    int64_t best = -1;
    for (int64_t k = 0; k < a.n_targets; k++) {
        if (a.n_base) {
            v[k] = tree_plus(a, v[k], tree_base(a, a.n_base == 1 ? 0 : k));
            seen[k] = 1;
        }
        if (seen[k] && (best < 0 || v[k] > v[best])) best = k;
        if (!seen[k]) v[k] = 0;
    }
    score_post(v, (int)a.n_targets, a.post);
    return best < 0 ? 0 : best;
}

EL_INLINE void tree_regress(const cu_trees_args &a, double *v, const uint8_t *seen)
{
    for (int64_t k = 0; k < a.n_targets; k++) {
        if (!seen[k]) v[k] = 0;
        if (a.aggregate == CU_TREE_AVERAGE) v[k] /= (double)(a.n_roots ? a.n_roots : 1);
        if (a.n_base) v[k] = tree_plus(a, v[k], tree_base(a, a.n_base == 1 ? 0 : k));
    }
    score_post(v, (int)a.n_targets, a.post);
}

// Row `row` of the chunk, whose sums are there.
EL_INLINE void tree_finish(const cu_trees_args &a, int64_t first, uint32_t row)
{
    double *v = a.values + (int64_t)row * (a.n_targets + 1);
    uint8_t *seen = a.seen + (int64_t)row * (a.n_targets + 1);
    int64_t which = 0;
    if (a.classifier)
        which = tree_classify(a, v, seen);
    else
        tree_regress(a, v, seen);
    for (int64_t k = 0; a.scores && k < a.n_targets; k++) {
        const int64_t to = (first + row) * a.n_targets + k;
        if (a.scores_dtype == INGOT_F64)
            ((double *)a.scores)[to] = v[k];
        else if (a.scores_dtype == INGOT_F32)
            ((float *)a.scores)[to] = (float)v[k];
        else
            ((uint16_t *)a.scores)[to] =
                (uint16_t)el_code<float, 2>::to((float)v[k], a.scores_dtype);
    }
    if (a.index) a.index[first + row] = which;
}

// Rows [first, first + n) of the result, `rows` of them a block. A thread has one target of one
// row, for which it goes over all trees; blocks with fewer threads than targets go again.
template <class T>
__global__ void __launch_bounds__(TREES_THREADS, 4)
    trees_add_k(const __grid_constant__ cu_trees_args a, int64_t first, uint32_t n, uint32_t rows)
{
    IGT_SMEM(smem);
    tree_tile<T> &tile = *(tree_tile<T> *)smem;
    const uint32_t base = blockIdx.x * rows, here = n - base < rows ? n - base : rows;
    const uint32_t row = threadIdx.x % rows, targets = TREES_THREADS / rows;
    const int most = (int)(TREES_TILE / rows); // trees of a tile
    for (int64_t k0 = 0; k0 < a.n_targets; k0 += targets) {
        const int64_t k = k0 + threadIdx.x / rows;
        const bool mine = row < here && k < a.n_targets;
        tree_score<T> score = {0, false};
        for (int64_t t = 0; t < a.n_roots; t += most) {
            const int trees = (int)(a.n_roots - t < most ? a.n_roots - t : most);
            tile.load(a, t, trees, base, here);
            __syncthreads();
            if (mine) score.add(a, tile, (int)k, trees, row, here);
            __syncthreads();
        }
        if (!mine) continue;
        a.values[(int64_t)(base + row) * (a.n_targets + 1) + k] = (double)score.v;
        a.seen[(int64_t)(base + row) * (a.n_targets + 1) + k] = score.seen;
    }
    __syncthreads();
    if (threadIdx.x < here) tree_finish(a, first, base + threadIdx.x);
}

// ---- linear models: a (row, score) a thread adds in the order of the features; then a row ----
__global__ void __launch_bounds__(TREES_THREADS)
    linear_sum_k(const __grid_constant__ cu_linear_args a)
{
    const int64_t i = cu_thread();
    if (i >= a.rows * a.n_scores) return;
    const int64_t row = i / a.n_scores, e = i % a.n_scores;
    const int bytes = el_bytes(a.x_dtype);
    double sum = 0;
    for (int64_t c = 0; c < a.cols; c++)
        sum = el_add(sum, el_mul(el_double_at(a.x, bytes, a.x_dtype, row * a.cols + c),
                                 (double)a.coefficients[e * a.cols + c]));
    a.values[row * (a.n_scores + 1) + e] = el_add(sum, a.intercepts ? (double)a.intercepts[e] : 0);
}

__global__ void __launch_bounds__(TREES_THREADS)
    linear_finish_k(const __grid_constant__ cu_linear_args a)
{
    const int64_t row = cu_thread(), n_out = a.pair ? 2 : a.n_scores;
    if (row >= a.rows) return;
    double *v = a.values + row * (a.n_scores + 1);
    int64_t best = 0;
    for (int64_t e = 0; e < a.n_scores; e++)
        if (v[e] > v[best]) best = e;
    if (a.classifier && a.n_scores == 1) best = v[0] > 0;
    if (a.pair)
        score_pair(v, a.post, SECOND_COMPLEMENT);
    else
        score_post(v, (int)n_out, a.post);
    if (a.index) a.index[row] = best;
    for (int64_t k = 0; a.scores && k < n_out; k++) a.scores[row * n_out + k] = (float)v[k];
}
