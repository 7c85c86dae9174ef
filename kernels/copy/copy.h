/* copy.h - strided copies: one engine under transpose, slice, expand, concat, pad and their kin.
 *
 * A copy is a nest of loops over elements with a stride for each side. Planning drops loops of one
 * turn, merges loops that continue each other and chooses the innermost step:
 *
 *   RUN   both sides are contiguous: memcpy
 *   LINE  one loop with any two strides (a stride of 0 repeats an element, a negative one reverses)
 *   TILE  two loops, one contiguous on each side: a blocked transpose
 *
 * Short runs of 2, 4, 8 or 16 bytes become elements of that size. The work is cut into units that
 * do not depend on each other, so that any range of them may run on any thread. */
#ifndef IG_KERNELS_COPY_H
#define IG_KERNELS_COPY_H

#include "kernels/stream/stream.h"
#include "kernels/transpose/transpose.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IG_COPY_RANK = 16 };

typedef enum { IG_COPY_RUN, IG_COPY_LINE, IG_COPY_TILE } ig_copy_kind;

typedef struct ig_copy {
    ig_copy_kind kind;
    int rank; /* of the outer loops */
    size_t n[IG_COPY_RANK];
    ptrdiff_t to[IG_COPY_RANK], from[IG_COPY_RANK]; /* bytes */
    size_t bytes;                                   /* of an element: 1, 2, 4, 8 or 16 */
    size_t line;                  /* elements of the inner loop; of a RUN: bytes */
    ptrdiff_t line_to, line_from; /* bytes */
    size_t rows;                  /* TILE: the loop with contiguous source */
    ptrdiff_t rows_to;
    transpose_fn *transpose; /* TILE by a SIMD kernel; NULL: by our own loops */
    bool along_line;         /* TILE: the line is cut into pieces, else the rows */
    size_t piece, pieces;    /* the inner loop is cut into pieces of `piece` */
    size_t units;            /* outer turns times pieces; 0: nothing to copy */
    stream_fn *stream;       /* the copy is larger than the caches and goes past them; else NULL */
} ig_copy;

/* ig_copy_plan - n, to, from: [rank] loops, outermost first, strides in elements. bytes: of an
 * element, one of 1, 2, 4, 8, 16. rank <= IG_COPY_RANK. The sides must not overlap. Loops should be
 * in the order of the destination: contiguous last. */
void ig_copy_plan(ig_copy *c, size_t bytes, int rank, const size_t *n, const ptrdiff_t *to,
                  const ptrdiff_t *from);

/* ig_copy_units - run units [begin, end). to, from: where the loops start at index 0. */
void ig_copy_units(const ig_copy *c, void *to, const void *from, size_t begin, size_t end);

/* ig_copy_unit_bytes - about how much one unit moves, to choose a grain. */
size_t ig_copy_unit_bytes(const ig_copy *c);

/* ig_copy_fill - n elements of the same content. */
void ig_copy_fill(void *to, const void *element, size_t bytes, size_t n);

/* ig_copy_pick - y[i] = x[index[i]] for elements of 1, 2, 4, 8 or 16 bytes. */
void ig_copy_pick(void *y, const void *x, const int64_t *index, size_t bytes, size_t n);

#endif
