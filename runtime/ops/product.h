/* product.h - matrix products on the pool, in f32, f64 or 64-bit integers.
 *
 *     C[m, n] = act(scale * sum over k of A[m, k] B[k, n] + bias[n] + residual[m, n])
 *
 * B lies in panels of 16 columns (kernels/gemm/gemm.h) of the computing type, or of f16 or bf16
 * where that is f32. The order of every sum depends on K alone, so neither threads nor neighbours
 * change a bit. Integers wrap. */
#ifndef IG_OPS_PRODUCT_H
#define IG_OPS_PRODUCT_H

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_f64.h"
#include "runtime/ops/act.h"
#include "runtime/ops/wide.h"

/* What bind chooses. */
typedef struct {
    ig_calc calc;  /* F32, F64 or I64 */
    ingot_dtype b; /* of B's elements: the computing type, or F16, BF16 */
    gemm_f32_fn *f32;
    gemm_f64_fn *f64;
    gemm_pack_f32_fn *pack_f32;
    gemm_pack_f16_fn *pack_half;
    gemm_bf16_fast_fn *pairs; /* not NULL: A is of bf16 too (b is BF16, K even) */
} ig_product_kernels;

ig_product_kernels ig_product_choose(ig_calc calc);
/* ig_product_choose_b - for a B of type `b`: F16 and BF16 under F32 are multiplied as they are; B
 * of any other type is to be widened to `calc` before it is packed. */
ig_product_kernels ig_product_choose_b(ig_calc calc, ingot_dtype b);

static inline bool ig_product_half(const ig_product_kernels *k)
{
    return k->b == INGOT_F16 || k->b == INGOT_BF16;
}
static inline size_t ig_product_b_bytes(const ig_product_kernels *k)
{
    return ig_dtype(k->b)->bytes;
}
/* The K of the panels in memory. */
static inline size_t ig_product_depth(const ig_product_kernels *kernels, size_t k)
{
    return kernels->b == INGOT_BF16 ? ig_gemm_even(k) : k;
}

typedef struct {
    void *c;       /* [M, N] */
    const void *a; /* [M, K], of the computing type, or of bf16 under kernels.pairs */
    const void *b; /* panels */
    size_t m, n, k, ldc, lda;
    double scale;
    const void *bias;     /* [N] or NULL; not for integers */
    const void *residual; /* [M, N] or NULL; not for integers */
    size_t ld_residual;
    int act; /* index in ig_act_names */
    double act_a, act_b;
} ig_product;

/* ig_product_part - rows [m0, m1), panels [p0, p1) on this thread. */
void ig_product_part(const ig_product_kernels *k, const ig_product *p, size_t m0, size_t m1,
                     size_t p0, size_t p1);
/* ig_product_pack - panels [p0, p1) of B[k, n] = src[k * ld_k + n * ld_n], on this thread. */
void ig_product_pack(const ig_product_kernels *kernels, void *panels, const void *src, size_t k,
                     size_t n, size_t ld_k, size_t ld_n, size_t p0, size_t p1);

/* `at` fills in what differs for product i of a batch: all have the same m, n and k. */
typedef void ig_product_at_fn(const void *arg, size_t i, ig_product *p);
void ig_product_run(const ig_product_kernels *k, ig_pool *pool, const ig_product *p, size_t batch,
                    ig_product_at_fn *at, const void *arg);

/* ig_product_pack_all - pack the B that `at` gives for each i < batch, on the pool. */
typedef struct {
    void *panels;
    const void *src;
} ig_pack_pair;
typedef ig_pack_pair ig_pack_at_fn(const void *arg, size_t i);
void ig_product_pack_all(const ig_product_kernels *kernels, ig_pool *pool, size_t k, size_t n,
                         size_t ld_k, size_t ld_n, size_t batch, ig_pack_at_fn *at,
                         const void *arg);

/* ig_product_packed - elements of the panels of B [k, n]; false: too many. */
bool ig_product_packed(size_t k, size_t n, size_t *elements);

#endif
