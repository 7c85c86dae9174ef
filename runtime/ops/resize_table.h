/* resize_table.h - which input elements, with which weights, an output element of Resize comes
 * from: one table an axis. */
#ifndef IG_OPS_RESIZE_TABLE_H
#define IG_OPS_RESIZE_TABLE_H

#include "kernels/resize/resize.h"
#include "runtime/graph/op.h"

typedef enum { IG_NEAREST, IG_LINEAR, IG_CUBIC } ig_resize_mode;

typedef enum {
    IG_HALF_PIXEL,
    IG_HALF_PIXEL_SYMMETRIC,
    IG_PYTORCH_HALF_PIXEL,
    IG_ALIGN_CORNERS,
    IG_ASYMMETRIC,
    IG_TF_CROP,
    IG_TF_HALF_PIXEL
} ig_resize_coordinates;

typedef enum { IG_PREFER_FLOOR, IG_PREFER_CEIL, IG_FLOOR, IG_CEIL } ig_resize_rounding;

typedef struct {
    ig_resize_mode mode;
    ig_resize_coordinates coordinates;
    ig_resize_rounding rounding;
    bool antialias, exclude_outside;
    double cubic_a;
} ig_resize_rule;

/* ig_resize_open - room for the table of an axis; in, out > 0. E_NOMEM. */
ingot_status ig_resize_open(ig_resize_axis *axis, ig_arena *arena, const ig_resize_rule *rule,
                            size_t in, size_t out, double scale, ingot_error *err);

/* ig_resize_fill - roi: start and end of the axis (IG_TF_CROP), else not read. */
void ig_resize_fill(ig_resize_axis *axis, const ig_resize_rule *rule, double scale,
                    const double roi[2]);

#endif
