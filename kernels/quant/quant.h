/* quant.h - between floats and 8-bit integers, and what follows an integer product.
 *
 *   quantize    y = clip(rint(x / scale) + zero)      ties to even; NaN becomes the lowest value
 *   dequantize  y = (x - zero) * scale
 *   binary_i8   y = clip(rint(f(dequantize(a), dequantize(b)) / scale) + zero), the bits of the
 *               three steps one after the other; a and b may be repeated
 *   max_i8      y[i] = the largest x[t][i] of t < taps, or the lowest byte: a window of channels
 * side by side range       the lowest and highest of 0 and all x; NaN is passed over
 *
 *   y  [n]; does not overlap the inputs, but may be one input of binary_i8 that is not repeated
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
typedef enum { BINARY_I8_ADD, BINARY_I8_SUB, BINARY_I8_MUL } binary_i8_kind;

typedef struct {
    float scale;
    int32_t zero;
    bool is_signed;
    size_t step; /* 0: one element for all of y */
} binary_i8_operand;

typedef struct {
    binary_i8_kind fn;
    binary_i8_operand a, b;
    float scale, low, high; /* of y; the bounds have the zero point taken off */
    int32_t zero;
} binary_i8_args;

typedef void binary_i8_fn(uint8_t *y, const uint8_t *a, const uint8_t *b, size_t n,
                          const binary_i8_args *p);
typedef void max_i8_fn(uint8_t *y, const uint8_t *const *x, size_t taps, size_t n, bool is_signed);
typedef void range_f32_fn(float *low, float *high, const float *x, size_t n);

#define K(family, fn, needs) family##_fn fn;
#include "kernels/quant/quantize_f32.kern"
#include "kernels/quant/dequantize_f32.kern"
#include "kernels/quant/range_f32.kern"
#include "kernels/quant/binary_i8.kern"
#include "kernels/quant/max_i8.kern"
#undef K

quantize_f32_fn *ig_quantize_f32(void);
dequantize_f32_fn *ig_dequantize_f32(void);
range_f32_fn *ig_range_f32(void);
binary_i8_fn *ig_binary_i8(void);
max_i8_fn *ig_max_i8(void);

#endif
