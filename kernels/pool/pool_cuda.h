/* pool_cuda.h - pools on a device, of any shape and float type (a maximum also of bytes). */
#ifndef POOL_CUDA_H
#define POOL_CUDA_H

#include "kernels/cuda/index.h"
#include "kernels/cuda/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { CU_POOL_MAX, CU_POOL_AVERAGE, CU_POOL_LP } cu_pool_fn;

enum { CU_POOL_SPATIAL = 6 };

/* Taps outside the image take no part, except that an average counts the padding with count_pad
 * (but nothing beyond it). */
typedef struct {
    const void *x; /* [outer, in.., inner] */
    void *y;       /* [outer, out.., inner] */
    int64_t
        *index; /* like y: where a maximum was found, counted over x; NULL: not asked. inner 1 */
    int type;   /* of cu_number */
    cu_pool_fn fn;
    int spatial;                /* 1 .. CU_POOL_SPATIAL */
    bool count_pad, by_columns; /* by_columns: indices count an image with its first dim fastest */
    int64_t p;                  /* of CU_POOL_LP */
    double lowest;              /* of a maximum without taps */
    int64_t outer, inner;       /* images times channels, 1; or images, channels */
    /* innermost spatial dim first */
    int64_t in[CU_POOL_SPATIAL], out[CU_POOL_SPATIAL], kernel[CU_POOL_SPATIAL];
    int64_t stride[CU_POOL_SPATIAL], dilation[CU_POOL_SPATIAL];
    int64_t begin[CU_POOL_SPATIAL], end[CU_POOL_SPATIAL]; /* padding */
} cu_pool_args;

int cu_pool(const cu_pool_args *a, cu_stream s);

/* One window that is the whole image: y[outer, inner] of x [outer, pixels, inner], a maximum or an
 * average of f32, f16, bf16 or f64. */
int cu_pool_whole(const cu_pool_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
