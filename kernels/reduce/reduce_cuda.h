/* reduce_cuda.h - launchers of the kernels that make one element of many, and running totals. */
#ifndef REDUCE_CUDA_H
#define REDUCE_CUDA_H

#include "kernels/cuda/index.h"
#include "kernels/cuda/stream.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    CU_REDUCE_SUM,
    CU_REDUCE_ABS,
    CU_REDUCE_SQUARE,
    CU_REDUCE_PROD,
    CU_REDUCE_MAX,
    CU_REDUCE_MIN,
    CU_REDUCE_EXP /* of x - shift, floats only; a shift that is not finite counts as 0 */
} cu_reduce_kind;

/* What becomes of the gathered value: nothing, divided by the count, its root, its logarithm, its
 * logarithm plus the shift. */
typedef enum {
    CU_FINISH_NONE,
    CU_FINISH_MEAN,
    CU_FINISH_ROOT,
    CU_FINISH_LOG,
    CU_FINISH_LOG_SHIFT
} cu_reduce_finish;

/* y[o] gathers, for output o, the elements of x at the offsets of `kept` (o) plus those of `gone`:
 * walks of one operand. dtype: an ingot_dtype, of x and y; it is computed in f32, f64 or 64-bit
 * integers (runtime/ops/reduce.c). shift: [outputs] of the computing type, or NULL. Empty: what
 * changes nothing, then finished. part: cu_reduce_scratch bytes; one launch or two. */
typedef struct {
    const void *x, *shift;
    void *y, *part;
    cu_walk kept, gone;
    int kind, finish, dtype;
} cu_reduce_args;

size_t cu_reduce_scratch(const cu_reduce_args *a, int processors); /* reads the walks and dtype */
int cu_reduce(const cu_reduce_args *a, cu_stream s);

/* y [outer, inner] i64: the place along the middle axis of x [outer, n, inner] of its largest
 * element, or smallest; the first of equals or the last. A NaN counts as the extreme. n > 0. */
typedef struct {
    const void *x;
    int64_t *y;
    int64_t outer, n, inner;
    int dtype;
    bool smallest, last;
} cu_arg_reduce_args;

int cu_arg_reduce(const cu_arg_reduce_args *a, cu_stream s);

/* Running sums or products of x [outer, n, inner] along its middle axis, in f64 or 64-bit integers;
 * exclusive: without the element itself. y may be x. */
typedef struct {
    const void *x;
    void *y;
    int64_t outer, n, inner;
    int dtype;
    bool prod, exclusive, reverse;
} cu_cumulate_args;

int cu_cumulate(const cu_cumulate_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
