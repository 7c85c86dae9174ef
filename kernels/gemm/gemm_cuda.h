/* gemm_cuda.h - launchers of the CUDA matrix products. */
#ifndef GEMM_CUDA_H
#define GEMM_CUDA_H

#include "kernels/cuda/stream.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* c [m, n] = a [m, k] w [n, k]^T + bias, of bf16 with f32 sums; k % 8 == 0, n % 2 == 0; rows are
 * contiguous, pointers 16-byte aligned. */
typedef struct {
    const uint16_t *a, *w;
    const float *bias; /* [n] or NULL */
    uint16_t *c;
    int m, n, k;
} cu_gemm_bf16_args;

int cu_gemm_bf16_sm80(const cu_gemm_bf16_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
