/* q_product.h - products with low-bit weights on the pool: what matmul_q and the benches share. */
#ifndef IG_Q_PRODUCT_H
#define IG_Q_PRODUCT_H

#include "kernels/gemm_q/gemm_q.h"
#include "runtime/base/pool.h"

typedef struct {
    gemm_q_fn *product;
    gemm_q_acts_fn *round;
} ig_q_kernels;

ig_q_kernels ig_q_choose(void); /* asked once, when a node is bound */

/* ig_q_product - c = epilogue(x W^T) with x rounded to 8 bits into `acts`, ig_q_acts_bytes of
 * scratch. x [m, k], ldx elements between rows; g->acts is set here. */
void ig_q_product(const ig_q_kernels *kernels, ig_pool *pool, const ig_gemm_q_args *g,
                  ig_q_act *acts, const float *x, size_t ldx);

#endif
