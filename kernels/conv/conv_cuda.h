/* conv_cuda.h - convolutions on a device: on matrix units, depthwise, and directly of any shape.
 *
 *     y[n, o, m] = act(sum over taps t, channels c of x[n, o stride - before + t dilation, c]
 *                  w[m, t, c] + bias[m] + residual[n, o, m])
 *
 * Matrix units multiply 16-bit floats. f32 comes as bf16 (math=fast) or as three planes of bf16
 * whose six products that matter are summed, which keeps f32's precision (kernels/gemm/gemm_cuda.h,
 * cu_gemm_cast makes both forms). Runs give the same bits each time. */
#ifndef CONV_CUDA_H
#define CONV_CUDA_H

#include "kernels/cuda/index.h"
#include "kernels/gemm/gemm_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Two spatial dims (one: height 1). */
typedef struct {
    int batch, in_h, in_w, out_h, out_w;
    int kh, kw, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
} cu_conv_window;

/* ---- on matrix units ---- */

typedef struct {
    cu_conv_window window;
    cu_float type, c_type; /* of x and w: CU_F16 or CU_BF16; of y: CU_F32 or the same */
    bool split;            /* x and w are three bf16 planes */
    bool planes;           /* y and the residual are [n, m, pixels], else [n, pixels, m] */
    int groups, in_c,
        out_c;     /* channels of a group; in_c a multiple of 8, zero where there are none */
    const void *x; /* 16-byte aligned; pixel p of image n, group g, plane s at n * x_image + g *
                      x_group + p * x_pixel + s * in_c; all multiples of 8 */
    int64_t x_image, x_group, x_pixel;
    const void *w;   /* [groups * out_c][taps][1 or 3 planes][in_c], 16-byte aligned */
    cu_gemm_out out; /* c, bias, residual, act; ldc, alpha, gate and columns are not used */
    void *room;      /* of cu_conv_room(), 256-byte aligned; NULL: sums are not shared */
} cu_conv_args;

int cu_conv(const cu_conv_args *a, cu_stream s);
size_t cu_conv_room(const cu_conv_args *a);

/* ---- directly, one thread an output: any number of spatial dims, any float ---- */

enum { CU_SPATIAL = 6 };
typedef struct {
    int type;                            /* of cu_number: f32, f64, f16 or bf16 */
    int spatial;                         /* 1 .. CU_SPATIAL */
    int64_t images, groups, in_c, out_c; /* channels of a group */
    /* innermost spatial dim first */
    int64_t in[CU_SPATIAL], out[CU_SPATIAL], kernel[CU_SPATIAL];
    int64_t stride[CU_SPATIAL], dilation[CU_SPATIAL], before[CU_SPATIAL];
    bool transposed;   /* conv_transpose: x and y change roles in the window; w [in, out, taps] */
    const void *x, *w; /* [images, channels, spatial..], [groups * out_c, in_c, taps..] */
    const void *bias, *residual; /* may be NULL */
    void *y;
    int act; /* cu_act */
    double act_a, act_b;
} cu_conv_direct_args;

int cu_conv_direct(const cu_conv_direct_args *a, cu_stream s);

/* ---- depthwise, f32 images with channels last ---- */

typedef struct {
    cu_conv_window window;
    int channels;
    const float *x, *w; /* w [taps, channels] */
    const float *bias, *residual;
    float *y;
    int act;
    float act_a, act_b;
} cu_conv_dw_args;

int cu_conv_dw(const cu_conv_dw_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
