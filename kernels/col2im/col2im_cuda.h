/* col2im_cuda.h - launcher that puts sliding blocks back into images on a device. */
#ifndef COL2IM_CUDA_H
#define COL2IM_CUDA_H

#include "kernels/cuda/index.h"
#include "kernels/cuda/number.h"
#include "kernels/cuda/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CU_COL2IM_SPATIAL = 6 };

/* y [planes, image..] = sums of x [planes, block.., columns..] over the blocks that cover a pixel,
 * in the order of the block's elements: of floats in f32 (f64 of f64), rounded once; of integers
 * wrapping. planes: images times channels. All sizes of tensors are below 2^31. */
typedef struct {
    const void *x;
    void *y;
    int type; /* of cu_number */
    int spatial;
    int64_t planes;
    /* innermost first */
    int32_t image[CU_COL2IM_SPATIAL], block[CU_COL2IM_SPATIAL], columns[CU_COL2IM_SPATIAL];
    int32_t stride[CU_COL2IM_SPATIAL], dilation[CU_COL2IM_SPATIAL], pad[CU_COL2IM_SPATIAL];
} cu_col2im_args;

int cu_col2im(const cu_col2im_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
