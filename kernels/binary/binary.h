/* binary.h - elementwise functions of two operands, fp32, and the per-channel scale_shift.
 *
 *   y  [n], may be a or b itself; any other overlap is not allowed
 *   a  [n], or one value in the sv forms
 *   b  [n], or one value in the vs forms
 *
 * scale_shift: y[r, c] = x[r, c] * scale[c] + shift[c], rounded once (batch norm over NHWC; one
 * channel of NCHW is unary.h's affine); shift may be NULL.
 * Class E. Threads: pure; split n or rows anywhere. */
#ifndef IG_BINARY_H
#define IG_BINARY_H

#include "kernels/cpu.h"

typedef void binary_f32_fn(float *y, const float *a, const float *b, size_t n);
typedef void scale_shift_f32_fn(float *y, const float *x, const float *scale, const float *shift,
                                size_t rows, size_t cols);

#define K(family, fn, needs) binary_f32_fn fn;
#include "kernels/binary/binary.kern"
#undef K
#define K(family, fn, needs) family##_fn fn;
#include "kernels/binary/scale_shift.kern"
#undef K

/* ig_binary_past - y = fn(a, b), where y is neither, past the caches: kernels/stream/stream.h.
 * step_a, step_b: 1, or 0 for the one value of the sv and vs forms. */
void ig_binary_past(binary_f32_fn *fn, float *y, const float *a, size_t step_a, const float *b,
                    size_t step_b, size_t n);

/* ig_add_f32(), ig_add_vs_f32(), ig_add_sv_f32() and so on: the best usable variant. */
#define B(op)                              \
    binary_f32_fn *ig_##op##_f32(void);    \
    binary_f32_fn *ig_##op##_vs_f32(void); \
    binary_f32_fn *ig_##op##_sv_f32(void);
#include "kernels/binary/binary.def"
#undef B
scale_shift_f32_fn *ig_scale_shift_f32(void);

#endif
