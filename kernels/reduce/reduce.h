/* reduce.h - sums, products and extremes of rows or of columns, fp32.
 *
 *   rows: y[r] = op over c of x[r, c], rows contiguous
 *   cols: y[c] = op over r of x[r * x_row + c]
 *
 * Class E. A row runs in 64 lanes (element c in lane c mod 64) over blocks of 4096 elements; the
 * lanes of a block are joined to sixteen ((0 + 16) + (32 + 48) and so on), the blocks in order,
 * then the sixteen by halves; a column is one chain over blocks of
 * 128 rows, joined in order. So a long sum errs like a short one. y does not overlap x. Threads:
 * pure; split rows (rows) or columns (cols). */
#ifndef IG_REDUCE_H
#define IG_REDUCE_H

#include "kernels/cpu.h"

typedef void reduce_rows_f32_fn(float *y, const float *x, size_t rows, size_t cols);
typedef void reduce_cols_f32_fn(float *y, const float *x, size_t rows, size_t cols, size_t x_row);

#define K(family, fn, needs) reduce_rows_f32_fn fn;
#include "kernels/reduce/reduce_rows.kern"
#undef K
#define K(family, fn, needs) reduce_cols_f32_fn fn;
#include "kernels/reduce/reduce_cols.kern"
#undef K

/* ig_sum_rows_f32(), ig_sum_cols_f32() and so on: the best usable variant. */
#define R(op)                                     \
    reduce_rows_f32_fn *ig_##op##_rows_f32(void); \
    reduce_cols_f32_fn *ig_##op##_cols_f32(void);
#include "kernels/reduce/reduce.def"
#undef R

#endif
