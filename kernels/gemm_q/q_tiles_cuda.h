/* q_tiles_cuda.h - launchers that make the tiles of q_tiles.h on a device, from panels as they lie
 * in files: the same bytes as ig_q_tiles_fill and ig_q_tiles16_fill, on memory that was zero. */
#ifndef Q_TILES_CUDA_H
#define Q_TILES_CUDA_H

#include "kernels/cuda/stream.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Panels [first, first + count) of one matrix after the other, `per_matrix` panels each. */
typedef struct {
    const void *panels; /* the panel `first`, 32-byte aligned */
    uint8_t *tiles;     /* of the first matrix, zero */
    int64_t first;
    int count, per_matrix;
    int64_t panel_bytes, matrix_bytes; /* of a matrix in tiles */
    int n, k;                          /* of a matrix */
    int tiles_n, tiles_k;              /* multiples of 64 */
    int64_t row;                       /* where the rows' factors lie in a matrix, in bytes */
    int bf16;                          /* cu_q_tiles16: panels of bf16, else of f16 */
    /* cu_q_tiles: ig_q_format .. */
    int bits, group, scale_bytes; /* group: 0 for the row */
    int offset;                   /* ig_q_offset */
    /* .. ig_q_layout .. */
    int groups, per_block, per_scale, quant_bytes, scale_step, super_bytes;
    int64_t block_bytes;
    /* .. and ig_q_tiles */
    int scale_groups; /* of a row */
    int64_t scales, offsets;
} cu_q_tiles_args;

int cu_q_tiles(const cu_q_tiles_args *a, cu_stream s);
int cu_q_tiles16(const cu_q_tiles_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
