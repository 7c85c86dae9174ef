/* glu.h - gated products (SwiGLU, GeGLU; Shazeer 2020): y = up * act(gate), up = x Wu, gate = x Wg,
 * without the two wide results in memory.
 *
 * Each panel of the packed weights holds 8 columns of Wu and then the same 8 of Wg, so that a tile
 * has both factors of its outputs: column j of y comes from the packed columns ig_glu_up(j) and
 * ig_glu_up(j) + 8. Tiles go through a piece of stack that stays in L1. y has the bits of the
 * product, the activation and the multiplication made one after the other. */
#ifndef IG_GLU_H
#define IG_GLU_H

#include "kernels/gemm/gemm.h"

enum { IG_GLU_COLS = 8 }; /* of y, in a panel */

static inline size_t ig_glu_up(size_t j) { return j / IG_GLU_COLS * IG_PANEL + j % IG_GLU_COLS; }
/* The panels of packed weights for n columns of y. */
static inline size_t ig_glu_panels(size_t n) { return n / IG_GLU_COLS + (n % IG_GLU_COLS != 0); }

typedef struct {
    gemm_f32_fn *kernel; /* or gemm_f16, gemm_bf16 */
    size_t panel_bytes;  /* from one panel of b to the next */
    float *y;            /* [M, n], ldy elements between rows; must not overlap a, b */
    const float *a;      /* [M, K], lda elements between rows */
    const void *b;       /* ig_glu_panels(n) panels */
    size_t ldy, lda, n, k;
    const float *bias;    /* [16 * panels] in packed order, or NULL */
    ig_epilogue activate; /* only act, a, b and map: what is done to the gate */
} ig_glu_args;

/* ig_glu - rows [m0, m1), panels [p0, p1). Uses up to 64 KB of stack. */
void ig_glu(const ig_glu_args *g, size_t m0, size_t m1, size_t p0, size_t p1);

/* ig_glu_combine - the second half of it, for products made by others: a tile of finished sums
 * [rows][16 * panels], ld apart, of rows m .. and panels p .., goes to y. Only y, ldy, n and
 * activate are read. */
void ig_glu_combine(const ig_glu_args *g, const float *wide, size_t ld, size_t m, size_t rows,
                    size_t p, size_t panels);

#endif
