/* unary.h - elementwise functions of one operand, fp32. unary.def lists them.
 *
 *   y  [n], may be x itself; any other overlap is not allowed
 *   x  [n], no alignment asked for
 *   a, b  the function's parameters; ignored by those that have none
 *
 * Class E: every variant gives the same bits (a NaN is a NaN, its payload is free), and the result
 * of an element depends on nothing but that element. Errors are about 2 ulp (exp 1.1); those of
 * each function are stated and held by tests/kernels/check_unary.c.
 * Threads: pure; split n anywhere. */
#ifndef IG_UNARY_H
#define IG_UNARY_H

#include "kernels/cpu.h"

typedef void unary_f32_fn(float *y, const float *x, size_t n, float a, float b);

#define K(family, fn, needs) unary_f32_fn fn;
#include "kernels/unary/unary.kern"
#undef K

/* ig_unary_past - y = fn(x), where y is not x, past the caches: kernels/stream/stream.h. */
void ig_unary_past(unary_f32_fn *fn, float *y, const float *x, size_t n, float a, float b);

/* ig_exp_f32() and so on: the best variant that this machine may use. */
#define U(op) unary_f32_fn *ig_##op##_f32(void);
#include "kernels/unary/unary.def"
#undef U

#endif
