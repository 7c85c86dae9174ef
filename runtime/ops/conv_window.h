/* conv_window.h - the windows of convolutions and pools: attributes, padding rules, output sizes.
 *
 * Spatial dims only, at most IG_SPATIAL of them, in the order of the tensor. */
#ifndef IG_OPS_WINDOW_H
#define IG_OPS_WINDOW_H

#include "runtime/graph/op.h"

enum { IG_SPATIAL = 6 };
typedef enum { IG_PAD_NOTSET, IG_PAD_VALID, IG_PAD_SAME_UPPER, IG_PAD_SAME_LOWER } ig_auto_pad;
extern const char *const ig_auto_pad_names[];

/* The attributes that all have; embed first in the op's struct and begin its table with
 * IG_WINDOW_FIELDS. */
typedef struct {
    ig_ints kernel_shape, strides, dilations, pads; /* empty: 1, 1, 1, 0 */
    int auto_pad;
    int64_t ceil_mode;
} ig_window_attrs;

#define IG_WINDOW_FIELDS                                                       \
    IG_INTS(ig_window_attrs, kernel_shape), IG_INTS(ig_window_attrs, strides), \
        IG_INTS(ig_window_attrs, dilations), IG_INTS(ig_window_attrs, pads),   \
        IG_ENUM(ig_window_attrs, auto_pad, IG_PAD_NOTSET, ig_auto_pad_names),  \
        IG_INT(ig_window_attrs, ceil_mode, 0)

typedef struct {
    int n;
    int64_t kernel[IG_SPATIAL], stride[IG_SPATIAL], dilation[IG_SPATIAL];
    int64_t begin[IG_SPATIAL], end[IG_SPATIAL]; /* padding, resolved for these sizes */
    int64_t in[IG_SPATIAL], out[IG_SPATIAL];    /* -1: not known yet */
} ig_window;

/* ig_window_make - attributes for n spatial dims of sizes `in` (negative: unknown). kernel: from
 * the weights, or NULL: the attribute. E_FORMAT says what is wrong. node for messages. */
ingot_status ig_window_make(ig_window *w, const ig_window_attrs *a, int n, const int64_t *in,
                            const int64_t *kernel, const ig_node *node, ingot_error *err);

#endif
