/* copy_cuda.h - moving elements on a device: strided copies, fills, and picks by tables.
 *
 * Elements are moved by their size, whatever they mean. All results have fewer than 2^31 elements
 * (kernels/cuda/index.h). Bound: bytes read plus bytes written over the memory bandwidth. */
#ifndef COPY_CUDA_H
#define COPY_CUDA_H

#include "kernels/cuda/index.h"
#include "kernels/cuda/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* For each index of the walk: to[walk 0] = from[walk 1]. Strides in elements; those of `to` must
 * not overlap; those of `from` may be 0 (repeat) or negative (reverse). Dimensions should be in the
 * order of `to`, contiguous first (innermost). */
typedef struct {
    void *to;         /* where index 0 lies */
    const void *from; /* likewise; must not overlap `to` */
    int bytes;        /* of an element: 1, 2, 4, 8 or 16; pointers are aligned to it */
    cu_walk walk;     /* of two operands */
} cu_move_args;

int cu_move(const cu_move_args *a, cu_stream s);

/* n elements of the same content. */
typedef struct {
    void *to;
    int bytes;         /* of an element: 1, 2, 4, 8 or 16 */
    int64_t n;         /* elements */
    uint64_t value[2]; /* the element, in its first bytes */
} cu_fill_args;

int cu_fill(const cu_fill_args *a, cu_stream s);

/* to[i0, i1, ..] = from[t0(i0), t1(i1), ..]: `to` is contiguous, t are tables in device memory, or
 * the index itself where there is none. An entry of -1 lies outside and gives `outside`. */
typedef struct {
    void *to;
    const void *from;
    int bytes;                     /* of an element */
    int rank;                      /* 1..CU_RANK */
    int64_t size[CU_RANK];         /* of the result, innermost first; product < 2^31 */
    int64_t stride[CU_RANK];       /* of `from`, in elements */
    const int32_t *table[CU_RANK]; /* [size[d]] or NULL */
    uint64_t outside[2];
} cu_pick_args;

int cu_pick(const cu_pick_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
