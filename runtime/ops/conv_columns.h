/* conv_columns.h - convolution of any spatial rank and float type, images as ONNX has them.
 *
 *     y[g, m, pixels] = w[g, m, c * taps] columns[c * taps, pixels]
 *
 * The columns of a few pixels at a time are gathered straight into panels (the right operand), so
 * the weights need no packing and the result lies as it should. The order of a sum is (c, taps). */
#ifndef IG_OPS_CONV_COLUMNS_H
#define IG_OPS_CONV_COLUMNS_H

#include "runtime/ops/product.h"
#include "runtime/ops/conv_window.h"

typedef struct {
    ig_product_kernels kernels;
    ig_window window;
    ig_wide x, w, bias, residual, y;
    size_t batch, groups, c, m;     /* channels of a group: in, out */
    size_t taps, pixels, pixels_in; /* of an image */
    size_t block;                   /* pixels at a time */
    size_t columns;                 /* elements of their panels: scratch of one thread */
    size_t at_columns;
    int act;
    double act_a, act_b;
} ig_conv_columns;

ingot_status ig_conv_columns_bind(ig_conv_columns *s, ig_bind *b, const ig_window *w,
                                  int64_t groups, int act, double act_a, double act_b);
ingot_status ig_conv_columns_run(const ig_conv_columns *s, ig_run *r);

#endif
