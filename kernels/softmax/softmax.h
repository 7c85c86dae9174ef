/* softmax.h - softmax and its logarithm over contiguous rows, and down columns, fp32.
 *
 *   y     [rows, cols], may be x itself
 *   x     [rows, cols]
 *   mask  NULL, or what is added to x * scale: row r begins at mask + r * mask_stride, so that 0
 *         gives every row the same mask. -infinity leaves an element out.
 *
 * softmax: y = exp(z - top) / sum(exp(z - top)), z = x * scale + mask, top the row's largest z. A
 * row that holds a NaN or +infinity, or nothing but -infinity, gives NaN throughout.
 * past: y is not x, is larger than the caches and goes past them, where rows of up to 4096 elements
 * are whole lines; kernels/stream/stream.h says when.
 * log_softmax: y = z - top - log(sum(exp(z - top))).
 * Class E: sums run in sixteen lanes, then by halves; 1 / sum is rounded once.
 * Threads: pure; split the rows anywhere.
 *
 * softmax_cols, log_softmax_cols: the same without a scale and a mask over the n elements of each
 * of `cols` columns, x[k * row + c]; y has the same rows and may be x. A column's sum is a chain
 * over blocks of 128 elements, joined in order. Split the columns anywhere. */
#ifndef IG_SOFTMAX_H
#define IG_SOFTMAX_H

#include "kernels/cpu.h"

#include <stdbool.h>

typedef void softmax_f32_fn(float *y, const float *x, const float *mask, size_t mask_stride,
                            size_t rows, size_t cols, float scale, bool past);
typedef softmax_f32_fn log_softmax_f32_fn;

typedef void softmax_cols_f32_fn(float *y, const float *x, size_t n, size_t cols, size_t row);
typedef softmax_cols_f32_fn log_softmax_cols_f32_fn;

#define K(family, fn, needs) family##_fn fn;
#include "kernels/softmax/softmax.kern"
#include "kernels/softmax/softmax_cols.kern"
#undef K

softmax_f32_fn *ig_softmax_f32(void);
log_softmax_f32_fn *ig_log_softmax_f32(void);
softmax_cols_f32_fn *ig_softmax_cols_f32(void);
log_softmax_cols_f32_fn *ig_log_softmax_cols_f32(void);

#endif
