/* weight_rows_cuda.h - launcher that brings weights as they lie in files into rows along k, the
 * form that products read. */
#ifndef WEIGHT_ROWS_CUDA_H
#define WEIGHT_ROWS_CUDA_H

#include "kernels/cuda/stream.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    CU_ROWS_16,     /* 16 bits, as they are */
    CU_ROWS_32,     /* 32 bits, as they are */
    CU_ROWS_TO_BF16 /* f32, rounded */
} cu_rows_type;

/* x is a list of lines of `width` elements, `deep` of them a block. turned: line i of a block is
 * column i of the block's rows of y [.., ld]: a plain [k, n] is one block; panels of columns are
 * blocks of 16, `blocks` to a matrix of n rows. Else lines are rows of y. Lines [first, first +
 * count) are at x. y is zero where nothing is written. */
typedef struct {
    cu_rows_type type;
    const void *x; /* the line `first` */
    void *y;
    int64_t first;
    int count, width, deep, blocks, n;
    int64_t ld;
    int turned;
} cu_weight_rows_args;

int cu_weight_rows(const cu_weight_rows_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
