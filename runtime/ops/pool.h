/* pool.h - what the pooling ops share: attributes, window, output type. */
#ifndef IG_OPS_POOL_H
#define IG_OPS_POOL_H

#include "runtime/ops/conv_window.h"

typedef enum { IG_POOL_MAX, IG_POOL_AVERAGE, IG_POOL_LP } ig_pool_fn;
extern const char *const ig_pool_names[];

typedef struct {
    ig_window_attrs window;
    int fn;
    int64_t global; /* the window is the whole image */
    int64_t count_include_pad, storage_order, p;
} ig_pool_attrs;

#define IG_POOL_FIELDS                                                                 \
    IG_WINDOW_FIELDS, IG_ENUM(ig_pool_attrs, fn, IG_POOL_MAX, ig_pool_names),          \
        IG_INT(ig_pool_attrs, global, 0), IG_INT(ig_pool_attrs, count_include_pad, 0), \
        IG_INT(ig_pool_attrs, storage_order, 0), IG_INT(ig_pool_attrs, p, 2)

/* ig_pool_window - for n spatial dims of these sizes (negative: unknown). */
ingot_status ig_pool_window(ig_window *w, const ig_pool_attrs *a, int n, const int64_t *in,
                            const ig_node *node, ingot_error *err);

#endif
