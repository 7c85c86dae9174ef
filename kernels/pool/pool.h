/* pool.h - fp32 2-D max and average pooling, NHWC.
 *
 *     y[b, oy, ox, c] = max or mean over ky, kx of x[b, iy, ix, c]
 *     iy = oy stride_h - pad_top + ky dilation_h          ix likewise
 *
 * Taps outside the image are left out. Global pooling is a window as large as the image. A 1-D pool
 * is one of height 1. The output is partitioned by rows r = b * out_h + oy. All variants give the
 * same bits:
 *
 *   pool_max_f32  NaN wins over every number; of -0 and +0 the earlier stays. No tap: -infinity.
 *   pool_avg_f32  runs of up to IG_POOL_RUN taps of a window's row, each added up from +0; the sums
 * of the runs are added in the order (ky, kx) from +0 (one long chain would lose bits in global
 * pooling); divided by the number of taps inside the image, or with count_pad inside the image and
 * its padding (ceil mode can put taps beyond both). No tap counted: 0. */
#ifndef IG_KERNELS_POOL_H
#define IG_KERNELS_POOL_H

#include "kernels/cpu.h"

enum { IG_POOL_RUN = 16 };

typedef struct {
    float *y;       /* [batch, out_h, out_w, channels]; must not overlap x */
    const float *x; /* [batch, in_h, in_w, channels] */
    size_t batch, in_h, in_w, out_h, out_w, channels;
    size_t kh, kw, stride_h, stride_w, dilation_h, dilation_w;
    size_t pad_top, pad_left, pad_bottom, pad_right; /* the last two matter to count_pad only */
    bool count_pad;
} ig_pool_f32_args;

typedef void pool_max_f32_fn(const ig_pool_f32_args *p, size_t r0, size_t r1);
typedef void pool_avg_f32_fn(const ig_pool_f32_args *p, size_t r0, size_t r1);

#define K(family, fn, needs) family##_fn fn;
#include "kernels/pool/pool_max.kern"
#include "kernels/pool/pool_avg.kern"
#undef K

pool_max_f32_fn *ig_pool_max_f32(void); /* asked once, when a node is bound */
pool_avg_f32_fn *ig_pool_avg_f32(void);

#endif
