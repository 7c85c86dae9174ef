/* unique_cuda.h - the distinct elements or slices of a tensor on a device; see
 * runtime/ops/unique.c. How many there are only the device knows.
 *
 * Positions are sorted by merging runs of them, log2(n) launches; heads of groups are counted like
 * elements other than zero (select_cuda.h). Threads: any; errors: the runtime's number. */
#ifndef UNIQUE_CUDA_H
#define UNIQUE_CUDA_H

#include "kernels/cuda/stream.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* x seen as [outer, n, inner]: slice i is x[:, i, :]. Numbers of any dtype (an ingot_dtype); all
 * are fewer than 2^31. Scratch is of n int32 each. */
typedef struct {
    const void *x;
    int dtype;
    int64_t outer, n, inner;
    bool sorted;                 /* else by first occurrence */
    uint64_t *keys;              /* scratch, [n, outer * inner]: what sorts like the elements */
    int32_t *order[2];           /* scratch; positions in order, equal ones by place */
    int32_t *head;               /* scratch: 1 where a group begins, along the order */
    int32_t *sums, *names;       /* scratch: heads before that place; ... before that position */
    int32_t *index, *blocks;     /* scratch: places of heads; [cu_select_blocks(n)] */
    int32_t *first;              /* scratch, [*count]: positions of the values, for cu_kept_rows */
    int64_t *at, *of, *repeated; /* [*count] where each first occurs; [n] which value each is;
                                    [*count] how often it occurs; NULL: not asked */
    int64_t *count;
} cu_unique_args;

int cu_unique(const cu_unique_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
