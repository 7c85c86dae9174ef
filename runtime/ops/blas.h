/* blas.h - OpenBLAS, for products under math=fast whose right side is no packed constant.
 *
 * Its results depend on the shape and the machine, so math=exact never comes here. It is loaded
 * when math=fast first asks for it; a machine without it multiplies with Ingot's own kernels, and
 * so do minimal builds. Threads: any, but one product at a time. */
#ifndef IG_OPS_BLAS_H
#define IG_OPS_BLAS_H

#include <stdbool.h>
#include <stddef.h>

/* ig_blas_name - what it says of itself, or NULL where it is not; loads it. */
const char *ig_blas_name(void);

/* ig_blas_worth - a product of this size is worth the call, and OpenBLAS is there. */
bool ig_blas_worth(size_t m, size_t n, size_t k);

/* ig_blas_gemm - C [M, N] = alpha A' B', dense rows; a_turned: A lies as [K, M], b_turned: B as [N,
 * K]. OpenBLAS uses up to n_threads threads of its own. Only after ig_blas_worth. */
void ig_blas_gemm(float *c, const float *a, const float *b, size_t m, size_t n, size_t k,
                  bool a_turned, bool b_turned, float alpha, size_t n_threads);

#endif
