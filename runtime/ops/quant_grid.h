/* quant_grid.h - which scale and zero point belong to which element.
 *
 * Scales hold for the whole tensor (one element), for each index of an axis (a vector), or for
 * blocks of an axis (x's shape with that axis divided by block_size, rounded up). A tensor is
 * walked in pieces of consecutive elements that have one scale, or consecutive scales. */
#ifndef IG_OPS_QUANT_GRID_H
#define IG_OPS_QUANT_GRID_H

#include "runtime/graph/op.h"

enum { IG_QUANT_X, IG_QUANT_SCALE, IG_QUANT_ZERO }; /* inputs of quantize and dequantize */

typedef struct {
    size_t n, inner, block, blocks; /* of the axis, and behind it */
    bool whole, blocked;
} ig_quant_grid;

typedef struct {
    size_t n;    /* elements */
    size_t at;   /* index of the first scale */
    size_t step; /* 0: the same scale for all, 1: the next for each */
} ig_quant_piece;

/* ig_quant_infer - the shapes of x, scale and zero point fit together as far as they are known. */
ingot_status ig_quant_infer(ig_infer *c, int64_t axis, int64_t block_size);
ig_quant_grid ig_quant_grid_of(const ig_type *x, const ig_type *scale, int64_t axis,
                               int64_t block_size);
/* ig_quant_piece_at - what starts at element `at` and ends at `end` at the latest. */
ig_quant_piece ig_quant_piece_at(const ig_quant_grid *g, size_t at, size_t end);

#endif
