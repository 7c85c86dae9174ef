/* q_rows_cuda.h - rows of weights of 4 and 8 bits in f32: embeddings, from the tiles (q_tiles.h)
 * that a product reads. */
#ifndef Q_ROWS_CUDA_H
#define Q_ROWS_CUDA_H

#include "kernels/gather/gather_cuda.h"
#include "kernels/gemm_q/gemm_q_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* to[i] = scale * row id[i] of W [rows, size], whose scales are what they are in the tiles. An id
 * outside gives zeros and is told to `fault`. n * w.k / 16 < 2^31. */
typedef struct {
    float *to; /* [n, size] */
    cu_q_weights w;
    cu_indices id; /* [n] */
    int64_t n, size, rows;
    float scale;
    cu_fault_to fault;
} cu_q_rows_args;

int cu_q_rows(const cu_q_rows_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
