/* conv_i8.h - the geometry of a convolution of bytes with channels last, and its two ways through
 * the kernels: rows of gathered windows as a matrix product, or depthwise.
 *
 * Output positions are made in blocks; a block's windows are gathered by one worker, or read where
 * they are when a window is one position of x. */
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

#endif
