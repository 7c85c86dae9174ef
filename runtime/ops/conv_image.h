/* conv_image.h - fp32 convolutions of NHWC images on the pool; what conv and conv_nhwc share. */
#ifndef IG_OPS_CONV_IMAGE_H
#define IG_OPS_CONV_IMAGE_H

#include "kernels/conv/conv.h"
#include "runtime/ops/conv_window.h"

typedef struct {
    ig_conv_f32_args args; /* without pointers until the run */
    conv_f32_fn *dense;    /* conv_f32 or conv_few_f32 */
    bool few;
    conv_dw_f32_fn *depthwise; /* NULL: dense */
    size_t scratch;            /* elements a thread */
    size_t panels;             /* of all groups */
} ig_conv_image;

/* ig_conv_image_choose - kernels, panels and scratch for args that are set. */
void ig_conv_image_choose(ig_conv_image *c, bool depthwise);

/* ig_conv_image_bind - one or two spatial dims. in_c, out_c: channels; act as in act.h. */
ingot_status ig_conv_image_bind(ig_conv_image *c, ig_bind *b, const ig_window *w, int64_t batch,
                                int64_t in_c, int64_t out_c, int64_t groups, bool depthwise,
                                int act, double act_a, double act_b);

/* ig_conv_image_room - add the kernel's scratch for all threads to the node's, at *at. */
ingot_status ig_conv_image_room(const ig_conv_image *c, ig_bind *b, size_t *at);

/* ig_conv_image_run - y, x, w, bias, residual as in conv.h; bias and residual may be NULL. */
void ig_conv_image_run(const ig_conv_image *c, ig_pool *pool, float *scratch, float *y,
                       const float *x, const float *w, const float *bias, const float *residual);

/* ig_conv_weights_oihw - pack [M, C/G, kh, kw] as the kernel wants it, on this thread: panels, or
 * [kh * kw, M] when depthwise. room: k * m/groups elements for one group. */
void ig_conv_weights_oihw(float *packed, float *room, const float *w, const ig_conv_image *c);
size_t ig_conv_weights_elements(const ig_conv_image *c); /* of `packed` */
size_t ig_conv_weights_room(const ig_conv_image *c);

#endif
