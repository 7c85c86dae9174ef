/* q_product.h - products with low-bit weights on the pool: what matmul_q and the benches share. */
#ifndef IG_Q_PRODUCT_H
#define IG_Q_PRODUCT_H

#include "kernels/gemm_q/gemm_q.h"
#include "runtime/base/pool.h"

/* How products read x: choices of the attribute `acts`. a8 is for quants, f8 for e4m3. */
enum { IG_ACTS_F32, IG_ACTS_A8, IG_ACTS_F8 };
extern const char *const ig_acts_names[];
static inline bool ig_acts_fit(int acts, const ig_q_format *f)
{
    return acts == IG_ACTS_F32 || (f && (acts == IG_ACTS_F8) == (f->offset == IG_Q_E4M3));
}

typedef struct {
    gemm_q_fn *product;
    gemm_q_acts_fn *round;
    gemm_q_f32_fn *product_f32;
} ig_q_kernels;

ig_q_kernels ig_q_choose(void); /* asked once, when a node is bound */

/* ig_q_product - c = epilogue(x W^T) with x rounded to 8 bits into `acts`, ig_q_acts_bytes of
 * scratch. x [m, k], ldx elements between rows; g->acts is set here. */
void ig_q_product(const ig_q_kernels *kernels, ig_pool *pool, const ig_gemm_q_args *g,
                  ig_q_act *acts, const float *x, size_t ldx);

/* ig_q_grouped - experts (MoE): rows [first, end) of `order` meet their own weights.
 *   groups  in any order, rows of several may overlap; g->panels is not read
 *   order   [m] row i of c is row order[i] of x; NULL: row i
 * Each row has the bits of a product of its own. */
typedef struct {
    const uint8_t *panels;
    size_t first, end;
    const float *bias; /* NULL: none but g's */
} ig_q_expert;
void ig_q_grouped(const ig_q_kernels *kernels, ig_pool *pool, const ig_gemm_q_args *g,
                  ig_q_act *acts, const float *x, size_t ldx, const int32_t *order,
                  const ig_q_expert *experts, size_t n_experts);

/* ig_q_round_f8 - rows of x [m, k], ldx elements between them, to [m, k] with the values that they
 * have as e4m3, see ig_q_e4m3_row; `to` may be x. */
void ig_q_round_f8(ig_pool *pool, float *to, const float *x, size_t m, size_t k, size_t ldx,
                   const ig_q_format *f);

/* ig_q_product_f32 - the same with x as it is, g->a. Rows beyond IG_Q_DIRECT need g->scratch:
 * ig_q_product_scratch bytes, for all threads. false: they do not fit size_t. */
bool ig_q_product_scratch(size_t m, size_t k, size_t threads, size_t *bytes);
void ig_q_product_f32(const ig_q_kernels *kernels, ig_pool *pool, const ig_gemm_q_f32_args *g,
                      size_t m);

#endif
