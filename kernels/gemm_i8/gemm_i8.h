/* gemm_i8.h - exact integer matrix product of 8-bit operands, accumulated in 32 bits.
 *
 *   c[m, n] = sum over k of (a[m, k] - a_zero[m]) * (w[n, k] - w_zero[n])
 *
 * Activations and weights may each be signed or unsigned. Inside, weights are unsigned (u8 as it
 * is, s8 + 128) and activations signed (s8 as it is, u8 - 128); zero points are given in those
 * terms: add 128 to the zero point of signed weights, take 128 from that of unsigned activations.
 * Then
 *
 *   c = sum(aw) - w_zero[n] * a_sum[m] - a_zero[m] * w_fix[n],   w_fix = w_sum - k * w_zero
 *
 * which is exact modulo 2^32, so exact whenever c fits 32 bits. Nothing saturates.
 *
 * Weights: panels of 16 rows, k interleaved by 4 (cpu-kernels.md 1.1, I8C's order); the bytes are
 * the same for every ISA and may be mapped from a file:
 *     for each panel: for k4 = 0, 4, 8 ..: for row 0 .. 15: the 4 bytes w[row][k4 .. k4 + 3]
 * Rows and k beyond the matrix are 0. Activations are packed for each product, in the order that
 * the chosen variant wants: take ig_gemm_i8_acts() and ig_gemm_i8() under the same CPU mask.
 *
 * Class E. Threads: pure; split rows and panels anywhere. */
#ifndef IG_GEMM_I8_H
#define IG_GEMM_I8_H

#include "kernels/cpu.h"

#include <stdbool.h>

enum { GEMM_I8_PANEL = 16 };

/* Bytes of packed weights and of packed activations; false when they do not fit size_t. */
bool ig_gemm_i8_weight_bytes(size_t n, size_t k, size_t *bytes);
bool ig_gemm_i8_acts_bytes(size_t m, size_t k, size_t *bytes);

/* ig_gemm_i8_pack_weights - panels and the sums of their unsigned rows.
 *   panels  ig_gemm_i8_weight_bytes, sums [n rounded up to 16]
 *   w       element (n, k) is at w[n * n_stride + k * k_stride] */
void ig_gemm_i8_pack_weights(uint8_t *panels, int32_t *sums, const void *w, bool is_signed,
                             size_t n, size_t k, size_t n_stride, size_t k_stride);

/* ig_gemm_i8_fix - w_fix of every row of the panels from its sum and zero point; may be in place.
 */
void ig_gemm_i8_fix(int32_t *fix, const int32_t *sums, const int32_t *zeros, size_t n, size_t k);

/* Packs rows of activations: acts as ig_gemm_i8_acts_bytes says, sums [m]. */
typedef void gemm_i8_acts_fn(void *acts, int32_t *sums, const void *a, bool is_signed, size_t m,
                             size_t k, size_t a_row);

typedef struct {
    int32_t *c;            /* [m, n], rows c_row apart */
    const void *acts;      /* packed, from its first row */
    const int32_t *a_sum;  /* [m] */
    const int32_t *a_zero; /* [m], or NULL: 0 */
    const uint8_t *panels;
    const int32_t *w_zero; /* [n rounded up to 16] */
    const int32_t *w_fix;  /* [n rounded up to 16]; not read without a_zero */
    size_t n, k, c_row;
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

#endif
