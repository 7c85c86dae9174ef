/* rope_cuda.h - launchers of rotary position embedding (kernels/rope/rope.h) on CUDA devices. */
#ifndef ROPE_CUDA_H
#define ROPE_CUDA_H

#include "kernels/cuda/fault.h"
#include "kernels/cuda/stream.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* y [n, 2, half] f32: cosines and sines of position * w[i], times `by`, rounded once from double; a
 * negative position gives NaN and is told to `fault`. */
typedef struct {
    float *y;
    const void *positions; /* [n] i64, or i32 where narrow */
    const double *w;       /* [half], device memory */
    double by;
    int64_t n;
    int32_t half, narrow;
    cu_fault_to fault;
} cu_rope_table_args;

int cu_rope_table(const cu_rope_table_args *a, cu_stream s);

typedef enum { CU_ROPE_F32, CU_ROPE_F16, CU_ROPE_BF16 } cu_rope_type;

/* Heads [batch, tokens, heads, size] of x, with strides in elements, turn into y of the same
 * strides. cos and sin [rows, half]: the row is positions[batch, token], or positions[0] + token
 * (from_first), or batch * tokens + token (NULL); outside the table the result is NaN, and `fault`
 * is told of the entry of positions. */
typedef struct {
    void *y;
    const void *x, *cos, *sin;
    cu_rope_type x_type, cos_type, sin_type; /* y is of x's */
    const int64_t *positions;
    int64_t x_batch, x_head, x_token, rows;
    int32_t batch, heads, tokens, size, half, interleaved, from_first;
    cu_fault_to fault;
} cu_rope_args;

int cu_rope(const cu_rope_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
