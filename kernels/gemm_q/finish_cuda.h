/* finish_cuda.h - what becomes of the f32 sums of a product on the device before they are stored
 * once: y = act(sum + bias + residual), or, gated, y = up * act(gate) of pairs of rows.
 *
 * The activations are those of epilogue.h and kernels/unary, by number. */
#ifndef CU_FINISH_H
#define CU_FINISH_H

#include <stdint.h>

typedef enum { CU_F32, CU_F16, CU_BF16 } cu_float;

/* In the order of the names in cu_act_names. */
typedef enum {
    CU_ACT_NONE,
    CU_ACT_RELU,
    CU_ACT_CLIP,
    CU_ACT_LEAKY_RELU,
    CU_ACT_HARD_SIGMOID,
    CU_ACT_HARD_SWISH,
    CU_ACT_CELU,
    CU_ACT_ELU,
    CU_ACT_ERF,
    CU_ACT_GELU_ERF,
    CU_ACT_GELU_TANH,
    CU_ACT_MISH,
    CU_ACT_SELU,
    CU_ACT_SIGMOID,
    CU_ACT_SILU,
    CU_ACT_SOFTPLUS,
    CU_ACT_SOFTSIGN,
    CU_ACT_TANH,
    CU_ACT_THRESHOLDED_RELU,
    CU_ACT_AFFINE,
    CU_ACTS
} cu_act;

typedef struct {
    const void *bias;     /* [n] or NULL; gated: of both rows of a pair */
    const void *residual; /* [m, ld_residual] or NULL; not gated */
    void *y;              /* [m, ldy] */
    int64_t ld_residual, ldy;
    int64_t bias_step; /* from the bias of one matrix to the next */
    cu_float type;     /* of y, bias and residual */
    cu_act act;
    float a, b;
    /* Panels of 16 rows of W are 8 of "up" and their 8 of "gate" (kernels/gemm/glu.h). */
    int gated;
    int n_out; /* columns of y */
} cu_finish;

#endif
