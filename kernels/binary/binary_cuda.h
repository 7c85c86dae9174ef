/* binary_cuda.h - launchers of the elementwise kernels of two and three operands. */
#ifndef BINARY_CUDA_H
#define BINARY_CUDA_H

#include "kernels/cuda/index.h"
#include "kernels/cuda/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Names as the op `binary` has them; and, or and xor are words of C++. */
// clang-format off
#define CU_BINARY_FNS(X)                                                                \
    X(add) X(sub) X(mul) X(div) X(pow) X(max) X(min) X(mod) X(fmod) X(prelu)            \
    X(bitwise_and) X(bitwise_or) X(bitwise_xor) X(shift_left) X(shift_right)            \
    X(and) X(or) X(xor) X(equal) X(less) X(less_or_equal) X(greater) X(greater_or_equal)
// clang-format on
#define X(name) CU_BINARY_##name,
typedef enum { CU_BINARY_FNS(X) CU_BINARY_FNS_N } cu_binary_fn;
#undef X

/* y = fn(a, b), broadcast as the walk of operands a and b says; y is contiguous. dtype: an
 * ingot_dtype, of a, b and y; comparisons write bool. bits: of a value of that dtype. Which
 * functions a dtype has, and what they give, runtime/ops/binary_fns.c says. y may be a or b where
 * that one is not repeated. */
typedef struct {
    const void *a, *b;
    void *y;
    cu_walk walk;
    int fn, dtype, bits;
} cu_binary_args;

int cu_binary(const cu_binary_args *a, cu_stream s);

/* y = condition ? a : b, elements of `bytes` 1, 2, 4 or 8; the walk is of condition (bool), a, b.
 */
typedef struct {
    const void *condition, *a, *b;
    void *y;
    cu_walk walk;
    int bytes;
} cu_where_args;

int cu_where(const cu_where_args *a, cu_stream s);

/* y = x * scale + shift: scale and shift f32, or f64 for f64; x and y of a float dtype. */
typedef struct {
    const void *x, *scale, *shift;
    void *y;
    cu_walk walk;
    int dtype;
} cu_scale_shift_args;

int cu_scale_shift(const cu_scale_shift_args *a, cu_stream s);

/* y = quantize(fn(dequantize(a), dequantize(b))) of bytes, with the bits of those four ops one
 * after the other; fn: 0 add, 1 sub, 2 mul. low and high: of the result, its zero point taken off.
 */
typedef struct {
    const uint8_t *a, *b;
    uint8_t *y;
    cu_walk walk;
    int fn, a_zero, b_zero, y_zero;
    bool a_signed, b_signed;
    float a_scale, b_scale, y_scale, low, high;
} cu_binary_i8_args;

int cu_binary_i8(const cu_binary_i8_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
