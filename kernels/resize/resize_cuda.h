/* resize_cuda.h - resampling on a device: separable resize, and samples at points that the data
 * tells (grid_sample, affine_grid, roi_align, max_roi_pool, deformable windows). */
#ifndef RESIZE_CUDA_H
#define RESIZE_CUDA_H

#include "kernels/cuda/fault.h"
#include "kernels/cuda/index.h"
#include "kernels/cuda/number.h"
#include "kernels/cuda/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One axis: y[outer, j, inner] = sum over taps t of weight[j, t] x[outer, index[j, t], inner]. An
 * index of -1 at tap 0 lies outside and gives `fill`. Sums are f64 where `wide`, else f32; results
 * of integer types are rounded, halves to even, and saturate. */
typedef struct {
    const void *x;      /* [outer, in, inner] of x_type */
    void *y;            /* [outer, out, inner] of y_type */
    int x_type, y_type; /* of cu_number */
    bool wide;
    int64_t outer, in, out, inner;
    int taps;
    const int32_t *index; /* [out, taps], device memory */
    const double *weight; /* [out, taps], device memory */
    double fill;
} cu_resize_args;

int cu_resize(const cu_resize_args *a, cu_stream s);

typedef enum { CU_SAMPLE_LINEAR, CU_SAMPLE_NEAREST, CU_SAMPLE_CUBIC } cu_sample_mode;
typedef enum { CU_PAD_ZEROS, CU_PAD_BORDER, CU_PAD_REFLECTION } cu_sample_padding;

/* y[n, c, p] = x at the point grid[n, p, dims], 1 to 3 dims; points in -1..1, the last dim first.
 */
typedef struct {
    const void *x;    /* [batch, channels, size..] of type */
    const void *grid; /* [batch, points, dims] of grid_type */
    void *y;          /* [batch, channels, points] of type */
    int type, grid_type, dims;
    cu_sample_mode mode;
    cu_sample_padding padding;
    bool align_corners;
    int64_t batch, channels, points, size[3]; /* size: in the order of x */
} cu_grid_sample_args;

int cu_grid_sample(const cu_grid_sample_args *a, cu_stream s);

/* y [batch, points.., dims] = theta [batch, dims, dims + 1] times each pixel's place and 1. */
typedef struct {
    const void *theta;
    void *y;
    int theta_type, y_type, dims; /* 2 or 3 */
    bool align_corners;
    int64_t batch, size[3]; /* of the output, in its order */
} cu_affine_grid_args;

int cu_affine_grid(const cu_affine_grid_args *a, cu_stream s);

/* y [rois, channels, out_h, out_w] from x [batch, channels, h, w]: bilinear samples of each bin
 * (He et al. 2017), averaged or their maximum. A roi of a batch that is not there, or whose bins
 * take more samples than `most` along a side, gives zeros and is told to `fault`. */
typedef struct {
    const void *x, *rois; /* rois [n, 4]: x1 y1 x2 y2 */
    cu_number batch_type;
    const void *batch; /* [n] integers */
    void *y;
    int x_type, rois_type;
    bool half_pixel, maximum;
    int64_t n, batches, channels, h, w, out_h, out_w, samples, most; /* samples 0: adaptive */
    double scale;
    cu_fault_to fault; /* at: the roi; kind: of cu_roi_fault */
} cu_roi_align_args;
typedef enum { CU_ROI_BATCH, CU_ROI_BOX } cu_roi_fault; /* what is wrong with a roi */

int cu_roi_align(const cu_roi_align_args *a, cu_stream s);

/* y [rois, channels, out_h, out_w]: maxima of the cells of rois [n, 5]: batch x1 y1 x2 y2. */
typedef struct {
    const void *x, *rois;
    void *y;
    int x_type, rois_type;
    int64_t n, batches, channels, h, w, out_h, out_w;
    double scale;
    cu_fault_to fault; /* at: the roi; kind: of cu_roi_fault */
} cu_roi_pool_args;

int cu_roi_pool(const cu_roi_pool_args *a, cu_stream s);

/* Windows of a deformable convolution as columns (Dai et al. 2017), and the convolution: y [batch,
 * groups * out_c, out_h, out_w], one thread an output of a channel block. f32 and f64 sums. */
typedef struct {
    const void *x, *w, *offset, *bias, *mask; /* bias and mask may be NULL */
    void *y;
    int type;                                      /* f32, f64, f16 or bf16 */
    int batch, groups, offset_groups, in_c, out_c; /* channels of a group */
    int h, w_in, out_h, out_w, kh, kw;
    int stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
} cu_deform_args;

int cu_deform(const cu_deform_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
