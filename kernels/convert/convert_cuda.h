/* convert_cuda.h - launchers of the kernels that convert, repeat and mask elements. */
#ifndef CONVERT_CUDA_H
#define CONVERT_CUDA_H

#include "kernels/cuda/stream.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* y[i] = x[i] in another dtype, n < 2^31 elements; from and to are numbers, not complex. What does
 * not fit is said in runtime/ops/cast.c; saturate and round (ig_round) are for floats of a byte.
 * Pointers are 16-byte aligned and do not overlap, except y == x where the widths are the same. */
typedef struct {
    const void *x;
    void *y;
    int64_t n;
    int from, to, round;
    bool saturate;
} cu_cast_args;

int cu_cast(const cu_cast_args *a, cu_stream s);

/* y[i] = table[x[i]]: bytes, by a table of 256 in device memory. y may be x. */
typedef struct {
    const uint8_t *x, *table;
    uint8_t *y;
    int64_t n;
} cu_byte_table_args;

int cu_byte_table(const cu_byte_table_args *a, cu_stream s);

/* y[i] = 1, n bytes. */
typedef struct {
    uint8_t *y;
    int64_t n;
} cu_ones_args;

int cu_ones(const cu_ones_args *a, cu_stream s);

/* The upper or lower triangle of matrices [n, rows, columns] of elements of `bytes` 1, 2, 4 or 8,
 * bounded by diagonal k; zeros elsewhere. y may be x. */
typedef struct {
    const void *x;
    void *y;
    int64_t n, rows, columns, k;
    int bytes;
    bool upper;
} cu_trilu_args;

int cu_trilu(const cu_trilu_args *a, cu_stream s);

/* y [outer, depth, inner] = values[1] where the index [outer, inner] (dtype) is that place, counted
 * from the end when negative, else values[0]; elements of `bytes` 1, 2, 4 or 8. values NULL: the
 * bits `on`, else 0. */
typedef struct {
    const void *index, *values;
    void *y;
    int64_t outer, depth, inner;
    uint64_t on;
    int dtype, bytes;
} cu_one_hot_args;

int cu_one_hot(const cu_one_hot_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
