/* conv_columns.h - convolution of any spatial rank and float type: gather columns, multiply. */
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
    size_t panels;                  /* elements of one group's packed weights */
    size_t at_columns, at_result, at_panels;
    int act;
    double act_a, act_b;
} ig_conv_columns;

ingot_status ig_conv_columns_bind(ig_conv_columns *s, ig_bind *b, const ig_window *w,
                                  int64_t groups, int act, double act_a, double act_b);
ingot_status ig_conv_columns_run(const ig_conv_columns *s, ig_run *r);

#endif
