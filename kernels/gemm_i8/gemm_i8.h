/* gemm_i8.h - exact integer matrix product of 8-bit operands, accumulated in 32 bits, finished in
 * registers.
 *
 *   y[m, n] = finish(sum over k of (a[m, k] - a_zero[m]) * (w[n, k] - w_zero[n]))
 *
 * Activations and weights may each be signed or unsigned. Inside, activations are unsigned (u8 as
 * it is, s8 + 128) and weights signed (s8 as it is, u8 - 128); zero points are given in those
 * terms: add 128 to the zero point of signed activations, take 128 from that of unsigned weights.
 * Then the sum is
 *
 *   sum(aw) - w_zero[n] * a_sum[m] - a_zero[m] * w_fix[n],   w_fix = w_sum - k * w_zero
 *
 * which is exact modulo 2^32, so exact whenever the result fits 32 bits. Nothing saturates. Weights
 * are mostly symmetric (w_zero NULL) and activations mostly have one zero point, whose term the
 * caller puts into finish.start (a_zero NULL): then the loop over k is all there is.
 *
 * Weights: panels of 16 rows, k interleaved by 4 (cpu-kernels.md 1.1):
 *     for each panel: for k4 = 0, 4, 8 ..: for row 0 .. 15: the 4 bytes w[row][k4 .. k4 + 3]
 * Rows and k beyond the matrix are 0. Activations are packed for each product, in the order that
 * the chosen variant wants: take ig_gemm_i8_acts() and ig_gemm_i8() under the same CPU mask. Where
 * ig_gemm_i8_raw() says so, rows of u8 are that order already when each row has k rounded up to 4
 * readable bytes (of any value: they meet weights of 0), and may lie in pieces; what is in none of
 * them takes no part in the sum over aw.
 *
 * Class E. Threads: pure; split rows and panels anywhere. */
#ifndef IG_GEMM_I8_H
#define IG_GEMM_I8_H

#include "kernels/cpu.h"
#include "kernels/gemm_i8/i8_finish.h"

enum { GEMM_I8_PANEL = 16 };

/* Bytes of packed weights and of packed activations; false when they do not fit size_t. */
bool ig_gemm_i8_weight_bytes(size_t n, size_t k, size_t *bytes);
bool ig_gemm_i8_acts_bytes(size_t m, size_t k, size_t *bytes);

/* ig_gemm_i8_pack_weights - panels and the sums of their signed rows.
 *   panels  ig_gemm_i8_weight_bytes, sums [n rounded up to 16]
 *   w       element (n, k) is at w[n * n_stride + k * k_stride] */
void ig_gemm_i8_pack_weights(int8_t *panels, int32_t *sums, const void *w, bool is_signed, size_t n,
                             size_t k, size_t n_stride, size_t k_stride);

/* ig_gemm_i8_fix - w_fix of every row of the panels from its sum and zero point; may be in place.
 */
void ig_gemm_i8_fix(int32_t *fix, const int32_t *sums, const int32_t *zeros, size_t n, size_t k);

/* Packs rows of activations: acts as ig_gemm_i8_acts_bytes says, sums [m] or NULL. */
typedef void gemm_i8_acts_fn(void *acts, int32_t *sums, const void *a, bool is_signed, size_t m,
                             size_t k, size_t a_row);

/* A piece of k whose activations lie side by side: groups of four, k4 .. k4 + n4 - 1 of the
 * weights, that begin `at` bytes past the beginning of a row. */
typedef struct {
    ptrdiff_t at;
    size_t k4, n4;
} gemm_i8_piece;

typedef struct {
    void *y;          /* [m, n], rows y_row elements apart */
    const void *acts; /* packed, from its first row */
    size_t acts_row;  /* bytes from row to row; 0: as packed */
    const gemm_i8_piece
        *pieces; /* NULL: all of k lies side by side; else the others are left out */
    size_t n_pieces;
    const int8_t *panels;
    i8_finish finish;      /* arrays [n rounded up to 16] */
    const int32_t *a_sum;  /* [m]; not read without w_zero */
    const int32_t *a_zero; /* [m], or NULL: in finish.start */
    const int32_t *w_zero; /* [n rounded up to 16], or NULL: 0 */
    const int32_t *w_fix;  /* [n rounded up to 16]; not read without a_zero */
    size_t n, k, y_row;
} gemm_i8_args;

/* Computes the rows and panels of the given ranges. */
typedef void gemm_i8_fn(const gemm_i8_args *p, size_t first_row, size_t end_row, size_t first_panel,
                        size_t end_panel);

#define K(family, fn, needs) family##_fn fn;
#include "kernels/gemm_i8/gemm_i8.kern"
#include "kernels/gemm_i8/gemm_i8_acts.kern"
#undef K

gemm_i8_fn *ig_gemm_i8(void);
gemm_i8_acts_fn *ig_gemm_i8_acts(void);
bool ig_gemm_i8_raw(void); /* packed activations are rows of bytes */

#endif
