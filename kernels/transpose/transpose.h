/* transpose.h - batches of strided two-dimensional transposes of 1-, 2-, 4- and 8-byte elements.
 *
 *   y[b][c][r] = x[b][r][c]   for b < batch, r < rows, c < cols
 *
 * Strides are in elements: x_row >= cols, y_row >= rows, x_batch and y_batch anything. y and x do
 * not overlap. NCHW to NHWC is rows = C, cols = H * W (x_row = H * W, y_row = C, both batch strides
 * C * H * W); NHWC to NCHW swaps rows and cols.
 *
 * Bound by memory; full blocks go through registers, edges element by element. past: y is larger
 * than the caches and goes past them where its rows begin on lines; kernels/stream/stream.h says
 * when, and what to call at the end.
 * Threads: pure; split the batch, or cols in multiples of 16 (y lines then stay apart). */
#ifndef IG_TRANSPOSE_H
#define IG_TRANSPOSE_H

#include "kernels/cpu.h"

#include <stdbool.h>

typedef struct {
    size_t batch, rows, cols;
    size_t x_batch, x_row, y_batch, y_row;
    bool past;
} transpose_shape;

typedef void transpose_fn(void *y, const void *x, const transpose_shape *s);

#define K(family, fn, needs) transpose_fn fn;
#include "kernels/transpose/transpose.kern"
#undef K

/* ig_transpose - the best usable variant for elements of 1, 2, 4 or 8 bytes; NULL for others. */
transpose_fn *ig_transpose(size_t element_bytes);

#endif
