/* finish_cuda.h - what becomes of the f32 sums of a product with weights in tiles before they are
 * stored once: y = act(sum + bias + residual), or, gated, y = up * act(gate) of pairs of rows. */
#ifndef CU_FINISH_H
#define CU_FINISH_H

#include "kernels/gemm/gemm_cuda.h"

typedef struct {
    const void *bias;     /* [n] or NULL; gated: of both rows of a pair */
    const void *residual; /* [m, ld_residual] or NULL; not gated */
    void *y;              /* [m, ldy] */
    int64_t ld_residual, ldy;
    int64_t bias_step; /* from the bias of one matrix to the next */
    cu_float type;     /* of y, bias and residual */
    int act;           /* a cu_act */
    float a, b;
    /* Panels of 16 rows of W are 8 of "up" and their 8 of "gate" (kernels/gemm/glu.h). */
    int gated;
    int n_out; /* columns of y */
} cu_finish;

#endif
