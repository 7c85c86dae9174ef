/* conv_i8_cuda.h - exact convolution of 8-bit integers on a device, on integer matrix units.
 *
 * Activations become s8 with channels last (u8 less 128), padded with zeros to 16 channels a group;
 * weights are s8 less their zero points. Sums of 32 bits are exact. */
#ifndef CONV_I8_CUDA_H
#define CONV_I8_CUDA_H

#include "kernels/conv/conv_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y [batch, pixels, groups, ld] of s8 from x [batch, pixels, groups * in_c], or planes: [batch,
 * groups * in_c, pixels]; u8 is shifted by 128. */
typedef struct {
    const uint8_t *x;
    int8_t *y;
    int64_t batch, pixels;
    int groups, in_c, ld; /* ld: a multiple of 16 */
    bool planes, is_signed;
} cu_conv_i8_cast_args;

int cu_conv_i8_cast(const cu_conv_i8_cast_args *a, cu_stream s);

/* y [batch, pixels, groups * out_c] = finish(sum of (x - x_zero) w), see runtime/ops/i8_product.h:
 * without scale i32; with scale f32; with scale and zero point u8 or i8, within low .. high. */
typedef struct {
    cu_conv_window window;
    int groups, in_c, out_c; /* channels of a group; in_c a multiple of 16 */
    const int8_t *x;         /* of cu_conv_i8_cast */
    const int8_t *w;         /* [groups * out_c][taps][in_c], zero where there are no channels */
    const int32_t *w_sum;    /* [groups * out_c] */
    const uint8_t *x_zero;   /* one, in x's own type; NULL: 0 */
    bool x_signed;
    int8_t *border; /* [16] scratch: what stands for x outside of the image */
    void *y;
    const float *scale; /* NULL: i32 */
    int scales;         /* 1, or one a channel */
    const void *bias;   /* [groups * out_c] or NULL: f32, or i32 with a zero point */
    bool bias_is_int;
    bool to_bytes;         /* with a scale: y is u8 or i8, else f32 */
    const uint8_t *y_zero; /* one, in y's type; NULL: 0 */
    bool y_signed;
    int low, high;
} cu_conv_i8_args;

int cu_conv_i8(const cu_conv_i8_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
