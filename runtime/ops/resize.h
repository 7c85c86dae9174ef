/* resize.h - what the resize ops of CPU and devices share: attributes and sizes. */
#ifndef IG_OPS_RESIZE_H
#define IG_OPS_RESIZE_H

#include "runtime/ops/resize_table.h"

typedef struct {
    int64_t antialias, exclude_outside;
    ig_ints axes;
    int coordinate_transformation_mode, keep_aspect_ratio_policy, mode, nearest_mode;
    double cubic_coeff_a, extrapolation_value;
} ig_resize_attrs;

typedef struct {
    int rank;
    bool on[IG_MAX_RANK];      /* an axis that may change */
    int order[IG_MAX_RANK], n; /* these axes as they were given */
    double scale[IG_MAX_RANK];
    int64_t out[IG_MAX_RANK];
} ig_resize_geometry;

/* ig_resize_given - input i is there and not empty. */
bool ig_resize_given(const ig_type *const *in, uint32_t n_in, uint32_t i);

/* ig_resize_resolve - sizes and scales of all axes of x, whose dims are known, from the given ones
 * of scales and sizes. NULL: all is well, else what is wrong. */
const char *ig_resize_resolve(ig_resize_geometry *g, const ig_resize_attrs *a, const ig_type *x,
                              const ig_tensor *scales, const ig_tensor *sizes);

ig_resize_rule ig_resize_rule_of(const ig_resize_attrs *a);

#endif
