/* product.h - products of floats on the device, for ops that multiply: which kernel, operands in
 * its form, room.
 *
 *     c[i] = act(alpha * a[i] b[i] + bias + residual[i])
 *
 *   1 to 4 rows   of a by constant weights: x in f32, bound by reading the weights (gemv_cuda.h)
 *   f32 by f32    in f32 (one fused multiply-add a product); with math=fast rounded to bf16 first
 *   x by f16/bf16 on matrix units with f32 sums: an `a` of f32 is rounded to b's type
 *
 * Weights are brought into rows along k when they are bound, other operands by a kernel in front
 * where they do not lie so already. f64 and integers are declined. */
#ifndef IG_CU_PRODUCT_H
#define IG_CU_PRODUCT_H

#include "kernels/gemm/gemv_cuda.h"
#include "runtime/device/cuda/op.h"

/* What an op asks for. */
typedef struct {
    ingot_dtype a, b, c; /* elements; bias and residual are of c */
    int64_t m, n, k;
    bool a_turned;          /* a is [k, m] in memory, else [m, k] */
    bool b_turned;          /* b is [n, k] in memory, else [k, n] */
    cu_gemm_batch batch;    /* steps in whole matrices; c_step, r_step are not looked at */
    int64_t a_n, b_n;       /* matrices in memory */
    const ig_tensor *known; /* b's content where it is a constant */
    ig_layout layout;       /* IG_P16: b is in panels */
    bool gated;             /* n columns of b make `columns` of c, see kernels/gemm/glu.h */
    int64_t columns;        /* n unless gated */
    double alpha, act_a, act_b;
    const char *act; /* a name of kernels/gemm/act_cuda.def */
    uint32_t input_b;
} ig_cu_product_ask;

/* Made when a node is bound; lies in the plan's arena and does not move. Of the three products one
 * is used. */
typedef struct {
    enum { IG_CU_GEMM, IG_CU_GEMM_F32, IG_CU_GEMV } kind;
    cu_gemm_args half;
    cu_gemm_f32_args full;
    cu_gemv_args thin;
    bool casts_a, casts_b; /* an operand is brought into rows first */
    cu_gemm_cast_args cast_a, cast_b;
    size_t at_a, at_b, at_room; /* scratch */
    bool splits;                /* K: partial sums at at_room */
    void *weights, *tickets;    /* packed constants, or NULL */
} ig_cu_product;

/* ig_cu_product_bind - may decline (see b->declined). Sets b->scratch_bytes, b->kernel and, where
 * the weights were packed, b->taken. */
ingot_status ig_cu_product_bind(ig_cu_product *p, ig_device *d, ig_device_bind *b,
                                const ig_cu_product_ask *ask);

/* ig_cu_product_tune - the variant of a gemm whose sizes are set (product_tune.c): its choice, and
 * b->kernel. For ig_cu_product_bind. */
ingot_status ig_cu_product_tune(ig_cu_product *p, ig_device *d, ig_device_bind *b,
                                const ig_cu_product_ask *ask);

typedef struct {
    const void *a, *b, *bias, *residual; /* device memory; b NULL: packed */
    void *c, *scratch;
} ig_cu_product_io;

/* ig_cu_product_launch - 0, or an error for ig_cu_done. */
int ig_cu_product_launch(const ig_cu_product *p, const ig_cu_product_io *io, cu_stream s);

void ig_cu_product_unbind(ig_cu_product *p, ig_device *d);

#endif
