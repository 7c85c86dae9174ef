/* unary_cuda.h - launchers of the elementwise kernels of one operand. */
#ifndef UNARY_CUDA_H
#define UNARY_CUDA_H

#include "kernels/cuda/stream.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Names as the op `unary` has them, then clip. */
// clang-format off
#define CU_UNARY_FNS(X)                                                                     \
    X(abs) X(neg) X(sign) X(floor) X(ceil) X(round) X(sqrt) X(reciprocal) X(exp) X(log)     \
    X(sin) X(cos) X(tan) X(asin) X(acos) X(atan) X(sinh) X(cosh) X(tanh) X(asinh) X(acosh)  \
    X(atanh) X(erf) X(relu) X(sigmoid) X(softplus) X(softsign) X(elu) X(selu) X(celu)       \
    X(leaky_relu) X(thresholded_relu) X(hard_sigmoid) X(hard_swish) X(shrink) X(gelu)       \
    X(gelu_tanh) X(mish) X(swish) X(isnan) X(isinf) X(not) X(bitwise_not) X(clip)
// clang-format on
#define X(name) CU_UNARY_##name,
typedef enum { CU_UNARY_FNS(X) CU_UNARY_FNS_N } cu_unary_fn;
#undef X

/* y = fn(x) with parameters a and b, n elements < 2^31. dtype: an ingot_dtype, of x and y; isnan
 * and isinf write bool. Which functions a dtype has, and what they give, runtime/ops/unary.c says.
 * clip: low and high are elements of x's dtype in device memory, or NULL. y may be x. Pointers are
 * 16-byte aligned. */
typedef struct {
    const void *x;
    void *y;
    int64_t n;
    int fn, dtype;
    double a, b;
    const void *low, *high;
} cu_unary_args;

int cu_unary(const cu_unary_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
