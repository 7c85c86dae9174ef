/* half.h - floats of 16 bits to and from f32, n at a time.
 *
 * Widening is exact (a signalling NaN may become a quiet one). Narrowing rounds to nearest even,
 * overflow gives infinity, a NaN keeps the top of its payload: all variants give the same bits,
 * those of runtime/base/half.h. Bound by memory. y must not overlap x. */
#ifndef IG_HALF_KERNELS_H
#define IG_HALF_KERNELS_H

#include "kernels/cpu.h"

typedef void widen_f16_fn(float *y, const uint16_t *x, size_t n);
typedef widen_f16_fn widen_bf16_fn;
typedef void narrow_f16_fn(uint16_t *y, const float *x, size_t n);
typedef narrow_f16_fn narrow_bf16_fn;

#define K(family, fn, needs) family##_fn fn;
#include "kernels/half/widen_f16.kern"
#include "kernels/half/widen_bf16.kern"
#include "kernels/half/narrow_f16.kern"
#include "kernels/half/narrow_bf16.kern"
#undef K

widen_f16_fn *ig_widen_f16(void);
widen_bf16_fn *ig_widen_bf16(void);
narrow_f16_fn *ig_narrow_f16(void);
narrow_bf16_fn *ig_narrow_bf16(void);

#endif
