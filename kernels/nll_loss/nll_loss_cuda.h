/* nll_loss_cuda.h - launcher of the negative log likelihood loss on a device. */
#ifndef NLL_LOSS_CUDA_H
#define NLL_LOSS_CUDA_H

#include "kernels/cuda/fault.h"
#include "kernels/cuda/number.h"
#include "kernels/cuda/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of x [outer, classes, inner], targets [outer, inner] and weights [classes] (NULL: ones): element
 * i is -weight[target] * x[.., target, ..], 0 where the target is ignore_index and that counts.
 * y: these elements (NONE), their sum, or the sum over that of the weights. In f64, rounded once;
 * sums are made of parts of fixed length, in order. */
typedef enum { CU_NLL_MEAN, CU_NLL_SUM, CU_NLL_NONE } cu_nll_reduction;
typedef struct {
    const void *x, *target, *weight;
    void *y, *room;                     /* room: cu_nll_loss_room bytes */
    int type, target_type, weight_type; /* of cu_number; x and y, an integer's, a float's */
    cu_nll_reduction reduction;
    bool ignore;
    int64_t ignore_index, outer, classes, inner;
    cu_fault_to fault; /* told of a target that is no class: at its element */
} cu_nll_loss_args;

size_t cu_nll_loss_room(const cu_nll_loss_args *a); /* 0 for NONE */
int cu_nll_loss(const cu_nll_loss_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
