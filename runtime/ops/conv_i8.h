/* conv_i8.h - the geometry of a convolution of bytes with channels last, and its ways through the
 * kernels: rows of windows as a matrix product, or depthwise.
 *
 * Output positions are made in blocks; a block's windows are gathered by one worker, or read where
 * they are when a window is one position of x. In two dimensions they are read where they are as
 * far as they lie in the image (conv_i8_place.c), if the kernel can do that. */
#ifndef IG_OPS_CONV_I8_H
#define IG_OPS_CONV_I8_H

#include "kernels/conv_i8/conv_dw_i8.h"
#include "runtime/ops/conv_window.h"
#include "runtime/ops/i8_product.h"

typedef struct {
    ig_window win;
    size_t batch, c, m, groups, c_each, m_each; /* channels; _each: of a group */
    size_t p_in, p_out, taps, k;                /* positions; k = taps * c_each */
    int64_t *tap;                               /* [taps, spatial]: offsets of position */
    ptrdiff_t *offset;                          /* [taps]: the same in bytes of x */
    size_t run;                                 /* neighbouring taps that lie side by side in x */
    /* [dw_groups, 4]: the kernel's order of the taps of a depthwise window, -1: none. Slot i has
     * copy i / taps of its tap, if it is not in columns. */
    int64_t *slot;
    ptrdiff_t *slot_offset; /* the same in bytes of x; 0 for none */
    size_t dw_groups;
    bool dw_columns;
    size_t blocks, col_blocks, block_rows; /* of an image; positions of the longest block */
    bool x_signed, depthwise, direct;      /* direct: a window is one position of x */
    bool raw;                              /* the kernel reads rows of u8 */
    gemm_i8_fn *gemm;
    gemm_i8_acts_fn *pack;
    conv_dw_i8_fn *dw;
    size_t worker_bytes, at_acts, at_sums; /* a worker's scratch: windows, packed rows, sums */
    size_t bands, band_cols;               /* in place: of output rows; columns of a task */
    bool in_place;                         /* windows may be read where they are */
} ig_conv_i8;

/* ig_conv_i8_bind - from a window and the channels filled in; lists the taps, cuts the blocks.
 * copies: how often each tap of a depthwise window occurs (weights beyond s8 are the sum of
 * several), 0: the windows are rows of a product. */
ingot_status ig_conv_i8_bind(ig_conv_i8 *s, ig_bind *b, size_t copies);

/* What a run adds. */
typedef struct {
    const ig_conv_i8 *s;
    const ig_i8_weights *w; /* of the groups; not used by depthwise */
    const int8_t *panels;   /* or depthwise weights */
    ig_i8_columns columns;  /* depthwise: in the order of the kernel */
    void *y;                /* [batch, p_out, m] of y_bytes each */
    size_t y_bytes;
    const uint8_t *x;      /* [batch, p_in, c] */
    const uint8_t *border; /* [c]: the zero point of x */
    char *workers;         /* [threads] of worker_bytes */
} ig_conv_i8_job;

void ig_conv_i8_run(const ig_conv_i8_job *j, ig_pool *pool);

/* ---- between the two files ---- */

/* The windows of output positions [p, p + rows) of an image x, group g, as rows of k rounded up to
 * 4 bytes. */
void ig_conv_i8_gather(const ig_conv_i8_job *j, uint8_t *to, const uint8_t *x, size_t p,
                       size_t rows, size_t g);

/* ig_conv_i8_place_bind - sets in_place and the bands. */
void ig_conv_i8_place_bind(ig_conv_i8 *s, size_t n_threads);

/* ig_conv_i8_place_run - all of the convolution, when in_place is set and neither x is signed nor
 * the weights have zero points. */
void ig_conv_i8_place_run(const ig_conv_i8_job *j, ig_pool *pool);

#endif
