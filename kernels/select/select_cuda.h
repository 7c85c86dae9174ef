/* select_cuda.h - elements that count among others, on a device: which they are in their order, and
 * how many, which only the device knows. */
#ifndef SELECT_CUDA_H
#define SELECT_CUDA_H

#include "kernels/cuda/fault.h"
#include "kernels/cuda/number.h"
#include "kernels/cuda/stream.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* y i64 [rows, tokens]: pad + 1, pad + 2 .. for the tokens of a row other than `pad`, in their
 * order; pad for those. pad -1: 0, 1 .. for all (runtime/ops/token_positions.c). */
typedef struct {
    const void *ids; /* [rows, tokens] integers of `type`, a cu_number */
    int64_t *y;
    int64_t rows, tokens, pad;
    int type;
} cu_positions_args;

int cu_positions(const cu_positions_args *a, cu_stream s);

/* index[0 .. *count): which elements of x [n] are other than zero, in their order. Those from
 * `limit` on are told to `fault` and left out. n < 2^31. */
typedef struct {
    const void *x;
    int32_t *index;  /* [min(n, limit)] at most */
    int64_t *count;  /* device memory */
    int32_t *blocks; /* [cu_select_blocks(n)]: scratch */
    int64_t n, limit;
    int x_dtype; /* an ingot_dtype of numbers */
    cu_fault_to fault;
} cu_select_args;

int64_t cu_select_blocks(int64_t n);
int cu_select(const cu_select_args *a, cu_stream s);

/* v[i] = sum of v[0 .. i), *total = that of all; n < 2^31. */
int cu_running_sums(int32_t *v, int64_t n, int64_t *total, cu_stream s);

/* y i64 [rank, *count]: the indices of elements index[] of a tensor of these dims. */
typedef struct {
    const int32_t *index;
    const int64_t *count;
    int64_t *y;
    int64_t n; /* *count at most */
    int rank;
    int64_t dims[8];
} cu_coordinates_args;

int cu_coordinates(const cu_coordinates_args *a, cu_stream s);

/* y [outer, *count, row] = x[:, index[], :], x [outer, size, row]; rows of `units` elements of
 * `bytes` (1, 2, 4 or 8). */
typedef struct {
    const void *x;
    const int32_t *index;
    const int64_t *count;
    void *y;
    int64_t outer, size, units, n; /* n: *count at most */
    int bytes;
} cu_kept_rows_args;

int cu_kept_rows(const cu_kept_rows_args *a, cu_stream s);

/* Boxes [batches, n, 4] that runtime/ops/non_max_suppression.c keeps of each class, by scores
 * [batches, classes, n]: y i64 [*count, 3]. most: boxes kept of one class. */
typedef struct {
    const float *boxes, *scores;
    float *left;    /* [batches * classes, n]: scratch */
    int32_t *kept;  /* [batches * classes, most]: scratch */
    int32_t *found; /* [batches * classes]: scratch */
    int64_t *y, *count;
    int64_t batches, classes, n, most;
    float iou, score; /* limits */
    bool scored, centered;
} cu_suppress_args;

int cu_suppress(const cu_suppress_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
