/* gemm_i8_cuda.h - launchers of the CUDA products of 8-bit integers, exact in 32 bits (wrapping).
 *
 *     sum[i, m, n] = sum over k of (a[i, m, k] - a_zero[m]) * (w[i, n, k] - w_zero[n])
 *
 * computed as in gemm_i8.h but with both operands signed (s8 as it is, u8 with its top bit flipped,
 * which is 128 less; zero points likewise):
 *
 *     aw - w_zero[n] a_sum[m] - a_zero[m] (w_sum[n] - k w_zero[n])
 *
 * and finished as i8_finish.h says, to the same bits. Every operand, zero point, scale and bias
 * lies in device memory. */
#ifndef GEMM_I8_CUDA_H
#define GEMM_I8_CUDA_H

#include "kernels/cuda/stream.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes as they come, in the form that products read: y [rows, pitch] s8, pitch a multiple of 16,
 * zero past k; sums [rows] of the signed values. y or sums may be NULL. */
typedef struct {
    const void
        *x; /* element (i, r, c) at x[i * step + r * x_row + c * x_col]; one of the two is 1 */
    int64_t step, x_row, x_col;
    int matrices, rows, k, pitch; /* y and sums: all rows of a matrix, then the next one's */
    int is_signed;
    int8_t *y;
    int32_t *sums;
} cu_i8_rows_args;

int cu_i8_rows(const cu_i8_rows_args *a, cu_stream s);

typedef enum { CU_I8_I32, CU_I8_F32, CU_I8_F16, CU_I8_BF16, CU_I8_S8, CU_I8_U8 } cu_i8_to;

/* A vector in device memory, one element for all (step 0) or one for each (step 1). */
typedef struct {
    const void *p; /* NULL: zeros; of a scale: ones */
    int step;
    int64_t batch; /* elements from one matrix to the next */
} cu_i8_vector;

enum { CU_I8_RANK = 8 };

/* How a product runs; the results are the same. */
typedef enum {
    CU_I8_MODEL, /* the first of cu_gemm_i8_variants */
    CU_I8_T64,   /* sm_80, 64 x 64 */
    CU_I8_T128,  /* sm_80, 128 x 128 */
    CU_I8_W,     /* sm_90a */
    CU_I8_VARIANTS
} cu_i8_variant;

typedef struct {
    cu_i8_variant variant;
    const void *a;   /* s8 or u8 [.., m, lda], lda a multiple of 16, zero past k or w is */
    const int8_t *w; /* s8 [.., n, ldw] */
    int64_t lda, ldw;
    int m, n, k;
    int a_signed, w_signed; /* what the operands were; zero points are in those terms */
    int a_ready;            /* a is s8 by now; else it is as it was */
    /* Product i of `batch`, i in row-major order over dims; steps count matrices. rank 0: one. */
    int batch, rank;
    int dims[CU_I8_RANK], a_step[CU_I8_RANK], w_step[CU_I8_RANK];
    int64_t a_matrix, w_matrix; /* bytes from one to the next */
    const int32_t *a_sum;       /* [a's matrices, m], of signed values; not read without w_zero */
    const int32_t *w_sum;       /* [w's matrices, n]; not read without a_zero */
    cu_i8_vector a_zero;        /* bytes, of rows */
    cu_i8_vector w_zero;        /* bytes, of columns */
    /* the rest of i8_finish.h */
    cu_i8_to to;
    cu_i8_vector scale;     /* f32, of columns; not read for I32 */
    const float *row_scale; /* [a's matrices, m], or NULL; F32, F16, BF16: times scale */
    cu_i8_vector bias;      /* f32, or i32, which is added to the sum; of columns */
    int bias_is_int;
    const void *y_zero; /* a byte of the result's type, or NULL: 0 */
    int low, high;      /* of S8, U8 */
    void *y;            /* [batch, m, n] */
} cu_gemm_i8_args;

int cu_gemm_i8(const cu_gemm_i8_args *a, cu_stream s);

/* cu_gemm_i8_variants - what the present device may run the product on, the model's choice first:
 * how many, at most `most`. Where that is CU_I8_W, unsigned activations are worth a copy: it wants
 * a_signed or a_ready. cu_gemm_i8_name - for people and files. */
int cu_gemm_i8_variants(cu_i8_variant *out, int most, const cu_gemm_i8_args *a);
const char *cu_gemm_i8_name(cu_i8_variant v);

/* One product on Hopper's tensor cores; a signed by now (a_signed or a_ready), k >= 1. */
int cu_gemm_i8_sm90(const cu_gemm_i8_args *a, cu_stream s);
int cu_gemm_i8_sm80(const cu_gemm_i8_args *a, cu_stream s); /* whatever the chip */

#ifdef __cplusplus
}
#endif

#endif
