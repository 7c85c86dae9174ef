/* i8_product.h - what integer products and convolutions share: packed weights, and what becomes of
 * the 32-bit sums.
 *
 * Sums are made in tiles of IG_I8_ROWS by IG_I8_COLS that stay in L1, and leave as they are, scaled
 * to floats, or scaled and rounded to 8 bits. */
#ifndef IG_OPS_I8_PRODUCT_H
#define IG_OPS_I8_PRODUCT_H

#include "kernels/gemm_i8/gemm_i8.h"
#include "kernels/quant/quant.h"
#include "runtime/ops/wide.h"

enum { IG_I8_ROWS = 48, IG_I8_COLS = 256 };

/* Matrices of weights [n, k] in panels, one after the other. */
typedef struct {
    size_t count, n, n16, k, bytes; /* bytes: of one matrix */
    bool is_signed, constant;
    size_t at_panels, at_sums; /* in scratch, when not constant */
    size_t at_zero, at_fix;    /* in scratch always: the zero points may be inputs */
    uint8_t *panels;           /* constant: packed by bind */
    int32_t *sums;
} ig_i8_weights;

/* ig_i8_weights_bind - sizes, memory in the plan (constant) or the scratch. */
ingot_status ig_i8_weights_bind(ig_i8_weights *w, ig_bind *b, size_t count, size_t n, size_t k,
                                ingot_dtype dtype, bool constant);
/* Where to pack and what was packed; r is NULL in bind. */
uint8_t *ig_i8_panels(const ig_i8_weights *w, const ig_run *r);
int32_t *ig_i8_sums(const ig_i8_weights *w, const ig_run *r);
/* ig_i8_zeros - the zero points of all rows, repeated: `zeros` has 1, n or count * n elements, or
 * is NULL. */
void ig_i8_zeros(const ig_i8_weights *w, const ig_run *r, const ig_tensor *zeros);
/* ig_i8_operand - the fields of p that belong to matrix i of the weights. */
void ig_i8_operand(gemm_i8_args *p, const ig_i8_weights *w, const ig_run *r, size_t i);

/* What becomes of the sums of column (output channel) `c`:
 *     i32        acc
 *     f32, f16.. acc * scale[c] + bias[c]
 *     u8, i8     clip(rint((acc + bias[c]) * scale[c]) + zero) */
typedef struct {
    ingot_dtype to;
    const float *scale;
    size_t step;      /* 0: one scale for all */
    const void *bias; /* NULL; i32 for 8-bit results, else f32 */
    int32_t zero;
    requantize_i32_fn *requantize;
    scale_i32_fn *scale_up;
} ig_i8_finish;

/* Inputs of an op from `first` on: scale, bias, zero point of the result; `dtype`: of the result
 * without zero point, 0: i32, or f32 with a scale. infer checks them against n columns (or -1) and
 * tells the result's type. */
ingot_status ig_i8_finish_infer(ig_infer *c, uint32_t first, int64_t dtype, int64_t n,
                                ingot_dtype *to);
ig_i8_finish ig_i8_finish_bind(const ig_bind *b);
void ig_i8_finish_run(ig_i8_finish *f, const ig_run *r, uint32_t first);
/* ig_i8_finish_row - acc[n] of columns [col, col + n), which it may change, to elements [at, at +
 * n) of y. */
void ig_i8_finish_row(const ig_i8_finish *f, void *y, size_t at, int32_t *acc, size_t col,
                      size_t n);

static inline bool ig_is_byte(ingot_dtype d) { return d == INGOT_U8 || d == INGOT_I8; }

/* ig_i8_infer_pair - both operands are bytes and their zero points (may be absent) of their type.
 */
ingot_status ig_i8_infer_pair(ig_infer *c, uint32_t a, uint32_t b, uint32_t a_zero,
                              uint32_t b_zero);

#endif
