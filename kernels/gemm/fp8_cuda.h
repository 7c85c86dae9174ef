/* fp8_cuda.h - launchers of CUDA products of 8-bit floats (e4m3):
 *
 *     y [m, n] = finish(a_scale[m] * w_scale[n] * sum over k of a [m, k] w [n, k])
 *
 * with sums in f32: those that the tensor cores keep, which have fewer bits for 8-bit floats, are
 * added to full ones after every 512 k. Hopper (sm_90a) and Ada (sm_89). */
#ifndef FP8_CUDA_H
#define FP8_CUDA_H

#include "kernels/gemm_q/finish_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const uint8_t *a,
        *w; /* e4m3 [m, lda], [n, ldw]; 16-byte aligned, lda and ldw multiples of 16 */
    int64_t lda, ldw;
    const float *a_scale, *w_scale; /* [m], [n]; NULL: ones */
    int m, n, k;
    cu_finish finish; /* not gated */
} cu_gemm_fp8_args;

int cu_gemm_fp8(const cu_gemm_fp8_args *a, cu_stream s); /* a chip without such units: CU_INVALID */
int cu_gemm_fp8_sm90(const cu_gemm_fp8_args *a, cu_stream s);
int cu_gemm_fp8_sm89(const cu_gemm_fp8_args *a, cu_stream s);

/* x [rows, k] to e4m3 [rows, pitch], zero past k: x = scale[r] * q, the largest of a row becomes
 * 448. A row with a NaN or an infinity has the scale NaN, one below 2^-100 is zeros. */
typedef struct {
    const void *x;
    int64_t ldx;
    cu_float type;
    int rows, k, pitch; /* pitch: a multiple of 16 */
    uint8_t *y;
    float *scale; /* [rows] */
} cu_fp8_quantise_args;

int cu_fp8_quantise(const cu_fp8_quantise_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
