/* gemm_any_cuda.h - launcher of the matrix products that have no fast kernel: f64 and integers.
 *
 *     c[i] = alpha * a[i] b[i]^T + bias + residual[i]      for i < batch
 *
 * Integers wrap as their type does and take no alpha, bias or residual; f64 is summed in f64 with
 * fused multiply-adds, k ascending. Results do not depend on how the work is spread. */
#ifndef GEMM_ANY_CUDA_H
#define GEMM_ANY_CUDA_H

#include "kernels/cuda/number.h"
#include "kernels/gemm/gemm_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* a: element (i, x) at a[i * a_row + x * a_col], (m x k); b: element (x, j) at b[j * b_row + x *
 * b_col], in elements; c and the residual [m, n] of each product are dense, batch.c_step apart. */
typedef struct {
    const void *a, *b;
    const double *bias;     /* [n] or NULL */
    const double *residual; /* or NULL */
    void *c;
    int type; /* of cu_number, of all operands: NB_F64 or an integer's, not NB_BOOL */
    int m, n, k;
    int64_t a_row, a_col, b_row, b_col;
    cu_gemm_batch batch; /* r_step is not looked at: the residual's is c_step */
    double alpha;
} cu_gemm_any_args;

/* cu_gemm_any_fits - it has fewer than 2^31 tiles; of others cu_gemm_any gives CU_INVALID. */
bool cu_gemm_any_fits(const cu_gemm_any_args *a);
int cu_gemm_any(const cu_gemm_any_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
