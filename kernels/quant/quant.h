/* quant.h - between floats and 8-bit integers, and what follows an integer product.
 *
 *   quantize    y = clip(rint(x / scale) + zero)      ties to even; NaN becomes the lowest value
 *   dequantize  y = (x - zero) * scale
 *   requantize  y = clip(rint(acc * scale[i]) + zero) of 32-bit sums
 *   scale_i32   y = acc * scale[i] + bias[i]          each rounded; bias may be NULL
 *   dw_i8       acc[i] = sum over t < taps of ((x[t][i] ^ flip) - zero) * w[t][i], exact in 32
 * bits: a depthwise window over channels side by side range       the lowest and highest of 0 and
 * all x; NaN is passed over
 *
 *   y  [n]; does not overlap the inputs
 *   to_signed, from_signed  bytes are s8, else u8; zero lies in the range of that type
 *   step  0: scale[0] holds for all, 1: one each
 *
 * Bound by memory. Plain loops that the flags of each ISA file vectorise, one operation an element,
 * so that all variants give the same bits (class E). Threads: pure; split n anywhere. */
#ifndef IG_QUANT_H
#define IG_QUANT_H

#include "kernels/cpu.h"

#include <stdbool.h>

typedef void quantize_f32_fn(uint8_t *y, const float *x, size_t n, float scale, int32_t zero,
                             bool to_signed);
typedef void dequantize_f32_fn(float *y, const uint8_t *x, size_t n, float scale, int32_t zero,
                               bool from_signed);
typedef void requantize_i32_fn(uint8_t *y, const int32_t *acc, const float *scale, size_t step,
                               size_t n, int32_t zero, bool to_signed);
typedef void scale_i32_fn(float *y, const int32_t *acc, const float *scale, size_t step,
                          const float *bias, size_t n);
typedef void dw_i8_fn(int32_t *acc, const uint8_t *const *x, const int16_t *const *w, size_t taps,
                      size_t n, uint8_t flip, int16_t zero);
typedef void range_f32_fn(float *low, float *high, const float *x, size_t n);

#define K(family, fn, needs) family##_fn fn;
#include "kernels/quant/quantize_f32.kern"
#include "kernels/quant/dequantize_f32.kern"
#include "kernels/quant/requantize_i32.kern"
#include "kernels/quant/scale_i32.kern"
#include "kernels/quant/range_f32.kern"
#include "kernels/quant/dw_i8.kern"
#undef K

quantize_f32_fn *ig_quantize_f32(void);
dequantize_f32_fn *ig_dequantize_f32(void);
requantize_i32_fn *ig_requantize_i32(void);
scale_i32_fn *ig_scale_i32(void);
range_f32_fn *ig_range_f32(void);
dw_i8_fn *ig_dw_i8(void);

#endif
