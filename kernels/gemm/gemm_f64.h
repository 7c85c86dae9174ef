/* gemm_f64.h - double precision matrix multiplication with packed weights: gemm.h's contract and
 * panels of 16 columns ([N/16][K][16] doubles, zero-padded), for classic models and graphs that ask
 * for double.
 *
 *     C[m, n] = (sum over k of A[m, k] B[k, n]) + bias[n]      bias may be NULL: left out
 */
#ifndef IG_GEMM_F64_H
#define IG_GEMM_F64_H

#include "kernels/gemm/gemm.h"

typedef struct {
    double *c;       /* [M, N], ldc elements between rows; must not overlap a, b */
    const double *a; /* [M, K], lda elements between rows */
    const double *b; /* panels */
    size_t ldc, lda, n, k;
    const double *bias; /* [N] or NULL */
} ig_gemm_f64_args;

/* Rows [m0, m1), panels [p0, p1). */
typedef void gemm_f64_fn(const ig_gemm_f64_args *g, size_t m0, size_t m1, size_t p0, size_t p1);

#define K(family, fn, needs) family##_fn fn;
#include "kernels/gemm/gemm_f64.kern"
#undef K

gemm_f64_fn *ig_gemm_f64(void); /* asked once, when a node is bound */

/* Pack B, where B[k, n] = src[k * ld_k + n * ld_n], into ig_gemm_packed(k, n) doubles. */
void ig_gemm_pack_f64(double *dst, const double *src, size_t k, size_t n, size_t ld_k, size_t ld_n);

#endif
