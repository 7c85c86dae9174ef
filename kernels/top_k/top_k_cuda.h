/* top_k_cuda.h - launcher of the k best along an axis. */
#ifndef TOP_K_CUDA_H
#define TOP_K_CUDA_H

#include "kernels/cuda/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CU_TOP_K_MOST = 65536 }; /* k */

/* The k largest, or smallest, along the middle axis of x [outer, n, inner], best first, of equal
 * elements the lower index first; NaN counts as the largest, -0 equals 0. values (x's dtype, an
 * ingot_dtype) and index (i64) are [outer, k, inner], each may be NULL. 1 <= k <= n, k <=
 * CU_TOP_K_MOST. scratch: cu_top_k_scratch bytes. Two launches. */
typedef struct {
    const void *x;
    void *values, *scratch;
    int64_t *index;
    int64_t outer, n, inner, k;
    int dtype;
    bool smallest;
} cu_top_k_args;

size_t cu_top_k_scratch(int64_t lines, int64_t k);
int cu_top_k(const cu_top_k_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
