/* transpose_walk.h - the walk over a matrix in square blocks, shared by the ISA files.
 *
 * A block of `side` elements square goes through registers; what is left at the right and at the
 * bottom is copied element by element. Bands of 64 bytes of x's columns are walked from the top, so
 * that each line of x that a band touches is used whole while it is in L1, and the lines of y fill
 * in order.
 *
 * Past the caches bands are of x's rows: 64 streams that move on by a line, which is turned in a
 * room of 4 KB and leaves as whole lines of y. Strides of powers of two fall on few sets of a
 * cache: that is why no line is touched twice, and none of y is fetched. */
#ifndef IG_TRANSPOSE_WALK_H
#define IG_TRANSPOSE_WALK_H

#include "kernels/transpose/transpose.h"

#include <stdbool.h>
#include <string.h>

#define WALK_INLINE static inline __attribute__((always_inline))

enum { AHEAD = 32, FETCH_BYTES = 8 << 20, LINE = 64, BAND = 64, LINES_AHEAD = 4 };

/* Strides in bytes. */
typedef void block_fn(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row);

/* Whole lines past the caches; both sides begin on one. */
typedef void send_fn(uint8_t *y, const uint8_t *x, size_t bytes);

WALK_INLINE void copy_wide(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row, size_t rows,
                           size_t cols, size_t bytes)
{
    for (size_t c = 0; c < cols; c++)
        for (size_t r = 0; r < rows; r++)
            memcpy(y + c * y_row + r * bytes, x + r * x_row + c * bytes, bytes);
}

WALK_INLINE void copy_tall(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row, size_t rows,
                           size_t cols, size_t bytes)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            memcpy(y + c * y_row + r * bytes, x + r * x_row + c * bytes, bytes);
}

/* Sides of 2, 3 and 4 are known numbers: planes and pixels of images above all. */
WALK_INLINE void copy_edge(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row, size_t rows,
                           size_t cols, size_t bytes)
{
    if (rows == 2)
        copy_wide(y, y_row, x, x_row, 2, cols, bytes);
    else if (rows == 3)
        copy_wide(y, y_row, x, x_row, 3, cols, bytes);
    else if (rows == 4)
        copy_wide(y, y_row, x, x_row, 4, cols, bytes);
    else if (cols == 3)
        copy_tall(y, y_row, x, x_row, rows, 3, bytes);
    else if (cols == 4)
        copy_tall(y, y_row, x, x_row, rows, 4, bytes);
    else
        copy_wide(y, y_row, x, x_row, rows, cols, bytes);
}

/* The lines of x some blocks further down the band, and those of y to its right: far strides are
 * nothing that the hardware foresees. */
WALK_INLINE void fetch_lines(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row, size_t r,
                             size_t side, size_t cols, size_t bytes)
{
    for (size_t i = 0; i < side; i++) __builtin_prefetch(x + (r + AHEAD + i) * x_row);
    if (r * bytes % 64 == 0)
        for (size_t i = 0; i < cols; i++) __builtin_prefetch(y + i * y_row + r * bytes + 64, 1);
}

WALK_INLINE void walk_matrix(uint8_t *y, const uint8_t *x, const transpose_shape *s, size_t bytes,
                             size_t side, block_fn *block)
{
    const size_t y_row = s->y_row * bytes, x_row = s->x_row * bytes;
    const size_t rows = s->rows - s->rows % side, cols = s->cols - s->cols % side;
    const size_t band = 64 / bytes < side ? side : 64 / bytes;
    const bool fetch = x_row * rows > FETCH_BYTES;
    for (size_t c0 = 0; c0 < cols; c0 += band) {
        const size_t end = c0 + band < cols ? c0 + band : cols;
        for (size_t r = 0; r < rows; r += side) {
            if (fetch)
                fetch_lines(y + c0 * y_row, y_row, x + c0 * bytes, x_row, r, side, end - c0, bytes);
            for (size_t c = c0; c < end; c += side)
                block(y + c * y_row + r * bytes, y_row, x + r * x_row + c * bytes, x_row);
        }
    }
    copy_edge(y + cols * y_row, y_row, x + cols * bytes, x_row, rows, s->cols - cols, bytes);
    copy_edge(y + rows * bytes, y_row, x + rows * x_row, x_row, s->rows - rows, s->cols, bytes);
}

/* BAND rows by one line of columns. */
WALK_INLINE void turn_lines(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row, size_t bytes,
                            size_t side, block_fn *block, send_fn *send)
{
    _Alignas(LINE) uint8_t room[LINE * BAND]; /* [columns][BAND] */
    const size_t cols = LINE / bytes, room_row = BAND * bytes;
    for (size_t r = 0; r < BAND; r += side) {
        const uint8_t *from = x + r * x_row;
        for (size_t i = 0; i < side; i++)
            __builtin_prefetch(from + i * x_row + LINES_AHEAD * LINE, 0, 2);
        for (size_t c = 0; c < cols; c += side)
            block(room + c * room_row + r * bytes, room_row, from + c * bytes, x_row);
    }
    for (size_t c = 0; c < cols; c++) send(y + c * y_row, room + c * room_row, room_row);
}

WALK_INLINE void walk_past(uint8_t *y, const uint8_t *x, const transpose_shape *s, size_t bytes,
                           size_t side, block_fn *block, send_fn *send)
{
    const size_t y_row = s->y_row * bytes, x_row = s->x_row * bytes, wide = LINE / bytes;
    transpose_shape right = *s, below = *s;
    right.cols = s->cols % wide, below.rows = s->rows % BAND, below.cols = s->cols - right.cols;
    const size_t rows = s->rows - below.rows, cols = below.cols;
    for (size_t r = 0; r < rows; r += BAND)
        for (size_t c = 0; c < cols; c += wide)
            turn_lines(y + c * y_row + r * bytes, y_row, x + r * x_row + c * bytes, x_row, bytes,
                       side, block, send);
    walk_matrix(y + cols * y_row, x + cols * bytes, &right, bytes, side, block);
    walk_matrix(y + rows * bytes, x + rows * x_row, &below, bytes, side, block);
}

WALK_INLINE void walk_batch(void *y, const void *x, const transpose_shape *s, size_t bytes,
                            size_t side, block_fn *block, send_fn *send)
{
    const bool lines = (uintptr_t)y % LINE == 0 && s->y_row * bytes % LINE == 0 &&
                       (s->batch == 1 || s->y_batch * bytes % LINE == 0);
    for (size_t b = 0; b < s->batch; b++) {
        uint8_t *to = (uint8_t *)y + b * s->y_batch * bytes;
        const uint8_t *from = (const uint8_t *)x + b * s->x_batch * bytes;
        if (s->past && lines)
            walk_past(to, from, s, bytes, side, block, send);
        else
            walk_matrix(to, from, s, bytes, side, block);
    }
}

#endif
