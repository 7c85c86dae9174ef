// svm_sm80.cuh - support vector machines in three launches, in double: kernel values of every (row,
// support vector), the decision of every (row, pair of classes), and what a row makes of them.
//
// Values are a small matrix product with a function behind it: a block has 32 rows by 32 vectors,
// which pass through shared memory 32 features at a time, so that each is read once a block; sums
// run in the order of the features, as on the CPU. A value costs a product and a sum in double a
// feature; where doubles are slow (not on data center chips) that is the limit, else the reading
// from shared memory. A decision is a warp's: its lanes add every 32nd vector, joined in a fixed
// order, so that a result does not depend on the batch. The last launch is a warp a row too, since
// the coupling of probabilities is a sequence of steps over all classes.
#pragma once
#include "kernels/reduce/rows.cuh"
#include "kernels/svm/svm_cuda.h"
#include "kernels/trees/scores.cuh"

enum { SVM_THREADS = 256, SVM_TILE = 32, SVM_ROWS = SVM_TILE / (SVM_THREADS / 32) };
enum { SVM_SMEM = SVM_TILE * (SVM_TILE + 1) * (int)(sizeof(double) + sizeof(float)) };

EL_INLINE double svm_warp_sum(double v)
{
    return rows_warp(v, [](double a, double b) { return el_add(a, b); });
}

// A row's part of the scratch.
typedef struct {
    double *values, *decision, *p, *qp, *r, *q;
} svm_room;

EL_INLINE svm_room svm_room_of(const cu_svm_args &a, int64_t n_values, int64_t row)
{
    const int64_t k = a.n_classes;
    svm_room v;
    v.values = a.room + row * n_values;
    v.decision = a.room + a.chunk * n_values + row * (a.n_pairs + 1);
    v.p = a.room + a.chunk * (n_values + a.n_pairs + 1) + row * 2 * (k + 1);
    v.qp = v.p + k + 1;
    v.r = a.room + a.chunk * (n_values + a.n_pairs + 1 + 2 * (k + 1)) + row * 2 * k * k;
    v.q = v.r + k * k;
    return v;
}

EL_INLINE double svm_function(const cu_svm_args &a, int kernel, double sum)
{
    if (kernel == CU_SVM_RBF) return fn_exp(el_mul(-a.gamma, sum));
    if (kernel == CU_SVM_LINEAR) return sum;
    const double v = el_add(el_mul(a.gamma, sum), a.coef0);
    return kernel == CU_SVM_POLY ? fn_pow(v, a.degree) : fn_tanh(v);
}

// values[row, v] of rows [first, first + n) and `vectors` [n_values, cols].
__global__ void __launch_bounds__(SVM_THREADS)
    svm_values_k(const __grid_constant__ cu_svm_args a, const float *vectors, int64_t n_values,
                 int kernel, int64_t first, int n)
{
    IGT_SMEM(smem);
    double *xs = (double *)smem;                           // [feature, row]
    float *vs = (float *)(xs + SVM_TILE * (SVM_TILE + 1)); // [feature, vector]
    const int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
    const int64_t v0 = (int64_t)blockIdx.x * SVM_TILE, v = v0 + lane;
    const int r0 = (int)blockIdx.y * SVM_TILE, mine = r0 + warp * SVM_ROWS,
              bytes = el_bytes(a.x_dtype);
    double sum[SVM_ROWS] = {};
    for (int64_t c0 = 0; c0 < a.cols; c0 += SVM_TILE) {
        const int wide = a.cols - c0 < SVM_TILE ? (int)(a.cols - c0) : (int)SVM_TILE;
        for (int i = warp; i < SVM_TILE && lane < wide; i += SVM_THREADS / 32) {
            if (r0 + i < n)
                xs[lane * (SVM_TILE + 1) + i] =
                    el_double_at(a.x, bytes, a.x_dtype, (first + r0 + i) * a.cols + c0 + lane);
            if (v0 + i < n_values)
                vs[lane * (SVM_TILE + 1) + i] = vectors[(v0 + i) * a.cols + c0 + lane];
        }
        __syncthreads();
        for (int c = 0; c < wide && mine < n && v < n_values; c++) {
            const double w = (double)vs[c * (SVM_TILE + 1) + lane];
#pragma unroll
            for (int r = 0; r < SVM_ROWS; r++) {
                if (mine + r >= n) continue;
                const double x = xs[c * (SVM_TILE + 1) + warp * SVM_ROWS + r], d = x - w;
                sum[r] = el_add(sum[r], kernel == CU_SVM_RBF ? el_mul(d, d) : el_mul(x, w));
            }
        }
        __syncthreads();
    }
    if (v >= n_values) return;
#pragma unroll
    for (int r = 0; r < SVM_ROWS; r++)
        if (mine + r < n)
            svm_room_of(a, n_values, mine + r).values[v] = svm_function(a, kernel, sum[r]);
}

// The part of a decision that one class's vectors [from, to) have, in every lane.
EL_INLINE double svm_part(const float *coefficients, const double *values, int32_t from, int32_t to,
                          int lane)
{
    double sum = 0;
    for (int32_t v = from + lane; v < to; v += 32)
        sum = el_add(sum, el_mul(values[v], (double)coefficients[v]));
    return svm_warp_sum(sum);
}

// The pair of classes (i, j), i < j, that is the p-th in order.
EL_INLINE void svm_pair(int64_t p, int64_t k, int64_t &i, int64_t &j)
{
    const double b = (double)(2 * k - 1);
    i = (int64_t)((b - fn_sqrt(b * b - 8.0 * (double)p)) / 2);
    while (i > 0 && i * (2 * k - i - 1) / 2 > p) i--;
    while ((i + 1) * (2 * k - i - 2) / 2 <= p) i++;
    j = p - i * (2 * k - i - 1) / 2 + i + 1;
}

// decision[row, pair] of n rows, a warp each; of a regressor its sum is the only one.
__global__ void __launch_bounds__(SVM_THREADS)
    svm_decide_k(const __grid_constant__ cu_svm_args a, int n)
{
    const int64_t warps = (int64_t)gridDim.x * (SVM_THREADS / 32);
    const int64_t s = a.n_vectors;
    const int lane = (int)threadIdx.x % 32;
    for (int64_t item = (int64_t)blockIdx.x * (SVM_THREADS / 32) + threadIdx.x / 32;
         item < n * a.n_pairs; item += warps) {
        const int64_t pair = item % a.n_pairs;
        const svm_room room = svm_room_of(a, s, item / a.n_pairs);
        double sum;
        if (a.n_classes == 0) {
            sum = svm_part(a.coefficients, room.values, 0, (int32_t)s, lane);
        } else {
            int64_t i, j;
            svm_pair(pair, a.n_classes, i, j);
            sum = svm_part(a.coefficients + (j - 1) * s, room.values, a.starts[i], a.starts[i + 1],
                           lane);
            sum = el_add(sum, svm_part(a.coefficients + i * s, room.values, a.starts[j],
                                       a.starts[j + 1], lane));
        }
        if (lane == 0) room.decision[pair] = el_add(sum, (double)a.rho[pair]);
    }
}

// ---- what a row makes of it: a warp, whose lanes have every 32nd class ----

// The class with most votes; of several the first.
EL_INLINE int64_t svm_vote(const cu_svm_args &a, const double *decision, int lane)
{
    enum { CLASSES = 4096 }; // runtime/ops/svm.c has no more
    const int64_t k = a.n_classes;
    int32_t best = 0; // votes * CLASSES + the class from the end
    for (int64_t c = lane; c < k; c += 32) {
        int32_t votes = 0;
        for (int64_t j = c + 1; j < k; j++)
            votes += decision[c * (2 * k - c - 1) / 2 + j - c - 1] > 0;
        for (int64_t i = 0; i < c; i++)
            votes += !(decision[i * (2 * k - i - 1) / 2 + c - i - 1] > 0);
        const int32_t key = votes * CLASSES + (int32_t)(CLASSES - 1 - c);
        best = key > best ? key : best;
    }
    return CLASSES - 1 - px_redux_max(best) % CLASSES;
}

// Probabilities of the pairs by Platt's sigmoids, r[i, j] = 1 - r[j, i]; then Q of their coupling.
EL_INLINE void svm_pair_probabilities(const cu_svm_args &a, const svm_room &m, int lane)
{
    const int64_t k = a.n_classes;
    for (int64_t pair = lane; pair < a.n_pairs; pair += 32) {
        int64_t i, j;
        svm_pair(pair, k, i, j);
        const double v = el_add(el_mul(m.decision[pair], (double)a.proba[pair]),
                                (double)a.proba[a.n_proba + pair]);
        const double both = 1 / (1 + fn_exp(v)), low = both > 1e-7 ? both : 1e-7;
        const double sure = low < 1 - 1e-7 ? low : 1 - 1e-7;
        m.r[i * k + j] = sure;
        m.r[j * k + i] = 1 - sure;
    }
    __syncwarp();
    for (int64_t t = lane; t < k; t += 32) {
        double own = 0;
        for (int64_t j = 0; j < k; j++) {
            if (j == t) continue;
            const double back = m.r[j * k + t];
            own = el_add(own, el_mul(back, back));
            m.q[t * k + j] = -el_mul(back, m.r[t * k + j]);
        }
        m.q[t * k + t] = own;
        m.p[t] = 1.0 / (double)k;
    }
    __syncwarp();
}

// Method: Wu, Lin & Weng 2004, second approach: steps over all classes until p is at rest.
EL_INLINE void svm_couple(const svm_room &m, int64_t k, int lane)
{
    enum { ROUNDS = 100 };
    for (int round = 0; round < ROUNDS; round++) {
        double pqp = 0, most = 0;
        for (int64_t t = lane; t < k; t += 32) {
            double sum = 0;
            for (int64_t j = 0; j < k; j++) sum = el_add(sum, el_mul(m.q[t * k + j], m.p[j]));
            m.qp[t] = sum;
            pqp = el_add(pqp, el_mul(m.p[t], sum));
        }
        pqp = svm_warp_sum(pqp);
        for (int64_t t = lane; t < k; t += 32) {
            const double off = fn_fabs(m.qp[t] - pqp);
            most = most > off ? most : off;
        }
        most = rows_warp(most, [](double x, double y) { return x > y ? x : y; });
        if (most < 0.005 / (double)k) return;
        __syncwarp();
        for (int64_t t = 0; t < k; t++) {
            const double own = m.q[t * k + t], diff = (pqp - m.qp[t]) / own;
            pqp = (pqp + diff * (diff * own + 2 * m.qp[t])) / (1 + diff) / (1 + diff);
            __syncwarp(); // qp[t] was read by all
            for (int64_t j = lane; j < k; j += 32) {
                m.qp[j] = (m.qp[j] + diff * m.q[t * k + j]) / (1 + diff);
                m.p[j] = (m.p[j] + (j == t ? diff : 0)) / (1 + diff);
            }
            __syncwarp();
        }
    }
}

// A linear classifier: the scores are the values.
EL_INLINE int64_t svm_linear_class(const cu_svm_args &a, double *v)
{
    int64_t best = 0;
    for (int64_t i = 0; i < a.n_classes; i++) {
        v[i] = el_add(v[i], (double)a.rho[0]);
        if (v[i] > v[best]) best = i;
    }
    if (a.n_classes == 2 && (a.positive ? v[best] >= 0.5 : v[best] > 0)) best = 1;
    return best;
}

// One lane's: scores from v on.
EL_INLINE void svm_post(const cu_svm_args &a, double *v)
{
    if (a.n_classes == 2 && a.n_vectors && !a.n_proba)
        score_pair(v, a.post, a.post == CU_POST_NONE ? SECOND_NEGATED : SECOND_COMPLEMENT);
    else
        score_post(v, (int)a.n_out, a.post);
}

__global__ void __launch_bounds__(SVM_THREADS)
    svm_finish_k(const __grid_constant__ cu_svm_args a, int64_t n_values, int64_t first, int n)
{
    const int row = (int)(blockIdx.x * (SVM_THREADS / 32) + threadIdx.x / 32);
    const int lane = (int)threadIdx.x % 32;
    if (row >= n) return;
    const svm_room m = svm_room_of(a, n_values, row);
    double *v = a.n_vectors ? m.decision : m.values;
    int64_t best = 0;
    if (a.n_vectors && a.n_classes) best = svm_vote(a, m.decision, lane);
    if (a.n_vectors && a.n_classes && a.n_proba) {
        svm_pair_probabilities(a, m, lane);
        svm_couple(m, a.n_classes, lane);
        __syncwarp();
        v = m.p;
    }
    if (lane == 0) {
        if (!a.n_vectors && a.n_classes) best = svm_linear_class(a, v);
        if (!a.n_vectors && !a.n_classes) v[0] = el_add(v[0], (double)a.rho[0]);
        if (!a.n_classes && a.one_class) v[0] = v[0] > 0 ? 1 : -1;
        svm_post(a, v);
        if (a.index) a.index[first + row] = best;
    }
    __syncwarp();
    for (int64_t k = lane; a.scores && k < a.n_out; k += 32)
        a.scores[(first + row) * a.n_out + k] = (float)v[k];
}
