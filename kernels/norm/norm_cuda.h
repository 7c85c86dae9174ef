/* norm_cuda.h - launchers of the normalisations of rows and across channels. */
#ifndef NORM_CUDA_H
#define NORM_CUDA_H

#include "kernels/cuda/stream.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rows of x (+ residual) [rows, cols] brought to mean 0 and deviation 1, or with rms to a root mean
 * square of 1, then y = unit * gamma + beta. dtype (an ingot_dtype) of x, residual and y: f32, f16,
 * bf16 or f64. gamma, beta (NULL: 1, 0), mean and inv_std [rows] (NULL: not wanted; rms has no
 * mean) are f32, for f64 f64. Parameter of element i in row r: r % period * row + i / inner. Fewer
 * than 2^31 elements; y may be x. */
typedef struct {
    const void *x, *residual, *gamma, *beta;
    void *y, *mean, *inv_std;
    int64_t rows, cols, period, row, inner;
    double eps;
    int dtype;
    bool rms;
} cu_norm_args;

int cu_norm(const cu_norm_args *a, cu_stream s);

/* scale[c] = gamma[c] / sqrt(var[c] + eps), shift[c] = beta[c] - mean[c] scale[c], computed in f64;
 * inputs of the dtypes given, outputs f32, or f64 where `wide`. n channels. */
typedef struct {
    const void *gamma, *beta, *mean, *var;
    void *scale, *shift;
    int64_t n;
    double eps;
    int gamma_dtype, beta_dtype, mean_dtype, var_dtype;
    bool wide;
} cu_fold_args;

int cu_fold(const cu_fold_args *a, cu_stream s);

/* y = x / (bias + scale * sum of x^2 over channels c - before .. c + after)^beta; x [samples,
 * channels, inner]. dtype as above, and floats of a byte. y does not overlap x. */
typedef struct {
    const void *x;
    void *y;
    int64_t samples, channels, inner, before, after;
    double scale, beta, bias;
    int dtype;
} cu_lrn_args;

int cu_lrn(const cu_lrn_args *a, cu_stream s);

/* Each row of x [rows, cols] (any number) divided by its largest element (kind 0), the sum of its
 * absolute values (1) or its length (2); by 0: as it is. y f32. */
typedef struct {
    const void *x;
    float *y;
    int64_t rows, cols;
    int dtype, kind;
} cu_row_normalize_args;

int cu_row_normalize(const cu_row_normalize_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
