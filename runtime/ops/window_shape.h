/* window_shape.h - how a window slides over the spatial dimensions of a convolution. */
#ifndef IG_OPS_WINDOW_SHAPE_H
#define IG_OPS_WINDOW_SHAPE_H

#include "runtime/graph/op.h"

enum { IG_MAX_SPATIAL = IG_MAX_RANK - 2 };

typedef enum { IG_PAD_NOTSET, IG_PAD_SAME_UPPER, IG_PAD_SAME_LOWER, IG_PAD_VALID } ig_auto_pad;
extern const char *const ig_auto_pad_names[];

typedef struct {
    ig_ints kernel_shape, strides, dilations, pads;
    int auto_pad;
} ig_window_attrs;

typedef struct {
    int n; /* spatial dimensions */
    int64_t in[IG_MAX_SPATIAL], out[IG_MAX_SPATIAL], kernel[IG_MAX_SPATIAL];
    int64_t stride[IG_MAX_SPATIAL], dilation[IG_MAX_SPATIAL], before[IG_MAX_SPATIAL];
} ig_window_shape;

/* ig_window_infer - x [N, C, in...], w [M, C / group, kernel...], both of known rank; out is
 * unknown where in or kernel is. E_FORMAT: the attributes make no sense. */
ingot_status ig_window_infer(ig_infer *c, ig_window_shape *s, const ig_window_attrs *a,
                             const ig_type *x, const ig_type *w);
/* ig_window_of - the same for sizes that infer has passed. */
void ig_window_of(ig_window_shape *s, const ig_window_attrs *a, const ig_type *x, const ig_type *w,
                  const ig_type *y);

#endif
