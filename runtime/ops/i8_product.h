/* i8_product.h - what integer products and convolutions share: packed weights, and the numbers of
 * each column (output channel) with which the kernel finishes the 32-bit sums.
 *
 * Inputs of both ops from FINISH on are scale, bias and the zero point of the result:
 *     no scale              i32: the sums
 *     scale                 f32, f16, bf16: sum * scale + bias, bias f32
 *     scale and zero point  u8, i8: clip(rint((sum + bias) * scale) + zero) with an i32 bias,
 *                           clip(rint(sum * scale + bias) + zero) with an f32 one
 * and clip narrows to the attributes low .. high, so that a relu or clip is free. */
#ifndef IG_OPS_I8_PRODUCT_H
#define IG_OPS_I8_PRODUCT_H

#include "kernels/gemm_i8/gemm_i8.h"
#include "runtime/ops/wide.h"

enum { IG_I8_ROWS = 48, IG_I8_COLS = 256 };

/* What the result becomes. */
typedef struct {
    int64_t dtype;     /* of a result without zero point; 0: i32, or f32 with a scale */
    int64_t low, high; /* of an 8-bit result, in its own terms */
} ig_i8_out_attrs;

/* ---- weights ---- */

/* Matrices of weights [n, k] in panels, one after the other. */
typedef struct {
    size_t count, n, n16, k, bytes; /* bytes: of one matrix */
    bool is_signed;
    size_t at_panels, at_sums; /* in scratch, when not constant */
    int8_t *panels;            /* constant: packed by bind or before; else NULL */
    int32_t *sums;
} ig_i8_weights;

/* ig_i8_weights_bind - sizes, and the panels of input `in`: its own bytes where it is packed
 * (*packed), memory in the plan where it is a plain constant, else in the scratch. */
ingot_status ig_i8_weights_bind(ig_i8_weights *w, ig_bind *b, uint32_t in, size_t count, size_t n,
                                size_t k, bool *packed);
/* Where to pack and what was packed; r is NULL in bind. */
int8_t *ig_i8_panels(const ig_i8_weights *w, const ig_run *r);
int32_t *ig_i8_sums(const ig_i8_weights *w, const ig_run *r);

/* ---- the numbers of each column ---- */

typedef struct {
    const ig_tensor *a_zero; /* NULL: 0, or one a row */
    const ig_tensor *b_zero; /* NULL: 0; 1, n or count * n elements */
    const ig_tensor *scale, *bias, *y_zero;
    bool a_signed;
} ig_i8_terms;

typedef struct {
    i8_finish finish;      /* of the first matrix; its arrays [count, n16] go on with the others */
    const int32_t *w_zero; /* [count, n16], NULL: all 0 */
    const int32_t *w_fix;  /* [count, n16] */
} ig_i8_columns;

/* ig_i8_columns_bytes - room that ig_i8_columns_fill needs; false: too large. */
bool ig_i8_columns_bytes(const ig_i8_weights *w, size_t *bytes);
/* ig_i8_columns_fill - `to`: the op's result; results of f16 and bf16 leave the kernel as f32. */
ig_i8_columns ig_i8_columns_fill(void *room, const ig_i8_weights *w, const int32_t *sums,
                                 const ig_i8_terms *terms, ingot_dtype to,
                                 const ig_i8_out_attrs *attrs);

/* ig_i8_operand - the fields of p that belong to columns [col, col + n) of matrix i. */
void ig_i8_operand(gemm_i8_args *p, const ig_i8_weights *w, const int8_t *panels,
                   const ig_i8_columns *columns, size_t i, size_t col, size_t n);

/* ---- infer ---- */

/* ig_i8_finish_infer - scale, bias and zero point at inputs `first` on fit n columns (or -1). */
ingot_status ig_i8_finish_infer(ig_infer *c, uint32_t first, const ig_i8_out_attrs *attrs,
                                int64_t n, ingot_dtype *to);

static inline bool ig_is_byte(ingot_dtype d) { return d == INGOT_U8 || d == INGOT_I8; }

/* ig_i8_infer_pair - both operands are bytes and their zero points (may be absent) of their type.
 */
ingot_status ig_i8_infer_pair(ig_infer *c, uint32_t a, uint32_t b, uint32_t a_zero,
                              uint32_t b_zero);

#endif
