/* gemv_cuda.h - launcher of CUDA products with very few rows: y [m, n] = finish(x [m, k] W^T), m of
 * 1 to 4, W as rows of any type of 8 bits or more, sums in f32.
 *
 * Weights with a scale for every few k (4 and 8 bits, in groups) lie in tiles and go to
 * kernels/gemm_q/gemm_q_cuda.h, for a single row as well: see there why. */
#ifndef GEMV_CUDA_H
#define GEMV_CUDA_H

#include "kernels/gemm_q/finish_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { CU_GEMV_F32, CU_GEMV_F16, CU_GEMV_BF16, CU_GEMV_E4M3, CU_GEMV_S8 } cu_gemv_type;

typedef struct {
    const void *w; /* [n, ldw], rows along k; see cu_gemv_fits */
    int64_t ldw;
    cu_gemv_type type;
    const float *scale; /* [n] of each row of W, or NULL */
    const void *x;      /* [m, ldx] */
    int64_t ldx;
    cu_float x_type;
    int m, n, k;
    cu_finish finish;
} cu_gemv_args;

enum { CU_GEMV_ROWS = 4 };

static inline int cu_gemv_bytes(cu_gemv_type t)
{
    return t == CU_GEMV_F32 ? 4 : t == CU_GEMV_F16 || t == CU_GEMV_BF16 ? 2 : 1;
}
/* Rows are read 16 bytes at a time: can they be? */
static inline bool cu_gemv_fits(const void *w, cu_gemv_type t, int64_t ldw, int64_t k, int64_t m)
{
    const int64_t bytes = cu_gemv_bytes(t);
    return m >= 1 && m <= CU_GEMV_ROWS && (uintptr_t)w % 16 == 0 && ldw * bytes % 16 == 0 &&
           k * bytes % 16 == 0;
}

int cu_gemv(const cu_gemv_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
