/* scatter_cuda.h - updates of rows that repeat, in a fixed order, on a device.
 *
 * The CPU takes updates one after another; a device gets the same result without atomics on data:
 * the pairs (row, update) are sorted, each run of a row is walked by one thread in the order of the
 * updates. Rows are those of gather_cuda.h; updates of row -1 are dropped. */
#ifndef SCATTER_CUDA_H
#define SCATTER_CUDA_H

#include "kernels/cuda/number.h"
#include "kernels/cuda/stream.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { CU_PUT, CU_PUT_ADD, CU_PUT_MUL, CU_PUT_MIN, CU_PUT_MAX } cu_put;

/* Keys (row << 32 | i) of n updates in ascending order; those without a row come last. */
typedef struct {
    uint64_t *key;      /* [cu_order_room(n)]; the first n are the result */
    const int32_t *row; /* [n] */
    int64_t n;          /* < 2^30 */
} cu_order_args;

int64_t cu_order_room(int64_t n);
int cu_order(const cu_order_args *a, cu_stream s);

/* y[row] = y[row] op x[i], slices of `slice` elements, in the order of the keys; CU_PUT: the last
 * update of a row is what it becomes. n * slice < 2^31. */
typedef struct {
    void *y;
    const void *x;       /* [n, slice] */
    const uint64_t *key; /* [n], of cu_order */
    int64_t n, slice;
    cu_put put;
    int type;  /* of cu_number; CU_PUT: not used */
    int bytes; /* of an element */
} cu_scatter_args;

int cu_scatter(const cu_scatter_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
