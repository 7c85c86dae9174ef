/* det_cuda.h - launcher of determinants on a device. */
#ifndef DET_CUDA_H
#define DET_CUDA_H

#include "kernels/cuda/number.h"
#include "kernels/cuda/stream.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* y[i] = determinant of x[i], n matrices [size, size] of a float type (cu_number), by elimination
 * with row pivots in f64: the first of equal pivots, as on the CPU. */
typedef struct {
    const void *x;
    void *y;
    int type;
    int64_t n;
    int size;
    void *room; /* cu_det_room bytes */
} cu_det_args;

/* cu_det_room - bytes of device memory for matrices that do not fit the shared memory; 0: they do.
 * Reads n and size. */
size_t cu_det_room(const cu_det_args *a, const cu_chip *chip);
int cu_det(const cu_det_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
