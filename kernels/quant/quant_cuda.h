/* quant_cuda.h - launchers of the kernels that quantise and dequantise. */
#ifndef QUANT_CUDA_H
#define QUANT_CUDA_H

#include "kernels/cuda/index.h"
#include "kernels/cuda/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which scale belongs to element i: the only one (n = 0); with row = i / inner that of row % n; or,
 * with block > 0, of blocks along an axis of n: (row / n * blocks + row % n / block) * inner + i %
 * inner. */
typedef struct {
    int64_t n, inner, block, blocks;
} cu_quant_grid;

/* y = saturate(round(x / scale) + zero), x of n < 2^31 elements. Dtypes are ingot_dtypes, of x
 * (f32, f16, bf16, f64, i32), scale, y (integers of at most 16 bits, floats of a byte; zero's too,
 * NULL: 0) and the precision that the quotient is rounded to. saturate: of floats of a byte. */
typedef struct {
    const void *x, *scale, *zero;
    void *y;
    int64_t n;
    cu_quant_grid grid;
    int x_dtype, scale_dtype, y_dtype, precision;
    bool saturate;
} cu_quantize_args;

int cu_quantize(const cu_quantize_args *a, cu_stream s);

/* y = (x - zero) * scale in f32, rounded once to y's dtype: f32, f16 or bf16. x: integers of at
 * most 32 bits, floats of a byte. */
typedef struct {
    const void *x, *scale, *zero;
    void *y;
    int64_t n;
    cu_quant_grid grid;
    int x_dtype, scale_dtype, y_dtype;
} cu_dequantize_args;

int cu_dequantize(const cu_dequantize_args *a, cu_stream s);

/* y u8, scale f32, zero u8 that fit the range of x f32, widened to hold 0. part:
 * CU_DYNAMIC_SCRATCH bytes. Two launches. */
enum { CU_DYNAMIC_BLOCKS = 512, CU_DYNAMIC_SCRATCH = 2 * 4 * CU_DYNAMIC_BLOCKS };
typedef struct {
    const float *x;
    uint8_t *y, *zero;
    float *scale, *part;
    int64_t n;
} cu_dynamic_quantize_args;

int cu_dynamic_quantize(const cu_dynamic_quantize_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
