// det_sm80.cuh - determinants by elimination with row pivots in double, a block a matrix.
//
// The matrix lies in shared memory (up to 169 rows on an H100), else in device memory. A step finds
// its pivot by a tree over the threads, exchanges two rows and subtracts multiples of the pivot's
// row from those below: bound by shared memory, two reads and a write of 8 bytes a multiply-add,
// and by four barriers a row.
#pragma once
#include "kernels/cuda/number.cuh"
#include "kernels/det/det_cuda.h"

enum { DET_THREADS = 256, DET_HEAD = DET_THREADS * 12 /* bytes of the pivots' tree */ };

// The row of the largest |a[i][k]| for i >= k, the first of equals (a NaN is never larger).
__device__ __forceinline__ int det_pivot(const double *a, int size, int k, double *best, int *row)
{
    const int t = threadIdx.x;
    best[t] = -1;
    row[t] = size;
    for (int i = k + t; i < size; i += DET_THREADS) {
        const double v = fabs(a[(int64_t)i * size + k]);
        if (v > best[t] || i == k) best[t] = v, row[t] = i;
    }
    __syncthreads();
    for (int half = DET_THREADS / 2; half; half /= 2) {
        if (t < half) {
            const double v = best[t + half];
            const bool first = v == best[t] && row[t + half] < row[t];
            if (row[t + half] < size && (v > best[t] || first)) best[t] = v, row[t] = row[t + half];
        }
        __syncthreads();
    }
    return row[0];
}

__global__ void __launch_bounds__(DET_THREADS) determinants(const cu_det_args g)
{
    IGT_SMEM(smem);
    const int m = g.size, t = threadIdx.x;
    const int64_t cells = (int64_t)m * m;
    double *best = (double *)smem;
    int *row = (int *)(best + DET_THREADS);
    double *a = g.room ? (double *)g.room + blockIdx.x * cells : (double *)(smem + DET_HEAD);
    for (int64_t matrix = blockIdx.x; matrix < g.n; matrix += gridDim.x) {
        for (int64_t i = t; i < cells; i += DET_THREADS)
            a[i] = nb_real<double>(g.x, g.type, matrix * cells + i);
        __syncthreads();
        double det = 1; // every thread has it
        for (int k = 0; k < m; k++) {
            const int pivot = det_pivot(a, m, k, best, row);
            if (pivot != k) {
                det = -det;
                for (int j = k + t; j < m; j += DET_THREADS) {
                    const double v = a[(int64_t)k * m + j];
                    a[(int64_t)k * m + j] = a[(int64_t)pivot * m + j];
                    a[(int64_t)pivot * m + j] = v;
                }
            }
            __syncthreads();
            const double *top = a + (int64_t)k * m;
            det *= top[k];
            if (top[k] == 0) break;
            // column k is read by all: it is left as it is
            const int below = m - k - 1;
            for (int64_t i = t; i < (int64_t)below * below; i += DET_THREADS) {
                double *x = a + (k + 1 + i / below) * m;
                const int j = k + 1 + (int)(i % below);
                x[j] -= x[k] / top[k] * top[j];
            }
            __syncthreads();
        }
        if (t == 0) nb_put<double>(g.y, g.type, matrix, det);
        __syncthreads();
    }
}
