/* softmax_cuda.h - launcher of softmax and log softmax. */
#ifndef SOFTMAX_CUDA_H
#define SOFTMAX_CUDA_H

#include "kernels/cuda/stream.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* y = softmax of x [outer, n, inner] along its middle axis, or its logarithm; dtype (an
 * ingot_dtype): f32, f16, bf16 or f64, fewer than 2^31 elements. y may be x. */
typedef struct {
    const void *x;
    void *y;
    int64_t outer, n, inner;
    int dtype;
    bool log;
} cu_softmax_args;

int cu_softmax(const cu_softmax_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
