/* conv_winograd.h - 3 x 3 convolutions of NHWC images by kernels/winograd, for math=fast. */
#ifndef IG_OPS_CONV_WINOGRAD_H
#define IG_OPS_CONV_WINOGRAD_H

#include "runtime/graph/op.h"
#include "kernels/winograd/winograd.h"

typedef struct {
    winograd_in_f32_fn *in; /* NULL: not used */
    winograd_out_f32_fn *out;
    gemm_f32_fn *gemm;
    const float *weights; /* transformed, in plan memory */
    size_t tiles, block;  /* of all images; at a time */
    size_t scratch;       /* elements a thread */
} ig_conv_winograd;

/* ig_conv_winograd_fits - whether a layer is one that it pays for: 64 channels or more on both
 * sides and a map of 14 x 14 or more, below which its 36 products are too thin. */
bool ig_conv_winograd_fits(const ig_conv_f32_args *a);

/* ig_conv_winograd_plan - all but the weights, for n_threads > 0; batch > 0. False: too large. */
bool ig_conv_winograd_plan(ig_conv_winograd *s, const ig_conv_f32_args *a, size_t n_threads);

/* ig_conv_winograd_bind - w: constant weights as ig_winograd_weights reads them. The scratch of all
 * threads is added to the node's at *at. */
ingot_status ig_conv_winograd_bind(ig_conv_winograd *s, ig_bind *b, const ig_conv_f32_args *a,
                                   const float *w, bool panels, size_t *at);

/* ig_conv_winograd_run - a: with all pointers but w set. */
void ig_conv_winograd_run(const ig_conv_winograd *s, ig_pool *pool, float *scratch,
                          const ig_conv_f32_args *a);

#endif
