/* gemm_f64_avx512.c - double precision GEMM, AVX-512: tiles of up to 12 rows x 1 panel (24 sums), K
 * not blocked. Each panel stays in L2 while the rows pass. */
#include "kernels/gemm/gemm_f64.h"
#include "runtime/base/checked.h"

#include <immintrin.h>

enum { LANES = 8, VECS = IG_PANEL / LANES, ROWS = 12 };

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* The lanes of vector v that lie before column n. */
INLINE __mmask8 lanes(size_t n, size_t v)
{
    const size_t left = n > v * LANES ? n - v * LANES : 0;
    return (__mmask8)(0xffu >> (LANES - IG_MIN(left, LANES)));
}

/* `rows` rows from m, the panel of column n; rows is a constant. */
INLINE void tile(const ig_gemm_f64_args *g, size_t m, size_t n, const size_t rows)
{
    const size_t cols = IG_MIN(g->n - n, IG_PANEL), lda = g->lda;
    const double *b = g->b + n * g->k, *a[(ROWS + 2) / 3];
    __m512d acc[ROWS][VECS];
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        if (r % 3 == 0) a[r / 3] = g->a + (m + r) * lda;
        UNROLL for (size_t v = 0; v < VECS; v++) acc[r][v] = _mm512_setzero_pd();
    }
    for (size_t k = g->k; k; k--, b += IG_PANEL) {
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            const __m512d x = _mm512_set1_pd(a[r / 3][r % 3 * lda]);
            UNROLL for (size_t v = 0; v < VECS; v++) acc[r][v] =
                _mm512_fmadd_pd(x, _mm512_loadu_pd(b + v * LANES), acc[r][v]);
        }
        UNROLL for (size_t i = 0; 3 * i < rows; i++)
        {
            a[i]++;
            __asm__("" : "+r"(a[i])); /* or the compiler splits it into a pointer for each row */
        }
    }
    double *c = g->c + m * g->ldc + n;
    UNROLL for (size_t r = 0; r < rows; r++, c += g->ldc)
    {
        UNROLL for (size_t v = 0; v < VECS; v++)
        {
            __m512d y = acc[r][v];
            if (g->bias)
                y = _mm512_add_pd(y,
                                  _mm512_maskz_loadu_pd(lanes(cols, v), g->bias + n + v * LANES));
            _mm512_mask_storeu_pd(c + v * LANES, lanes(cols, v), y);
        }
    }
}

static void few(const ig_gemm_f64_args *g, size_t m, size_t m1, size_t n)
{
    for (; m + 4 <= m1; m += 4) tile(g, m, n, 4);
    for (; m < m1; m++) tile(g, m, n, 1);
}

void gemm_f64_avx512(const ig_gemm_f64_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    for (size_t p = p0; p < p1; p++) {
        size_t m = m0;
        for (; m + ROWS <= m1; m += ROWS) tile(g, m, p * IG_PANEL, ROWS);
        few(g, m, m1, p * IG_PANEL);
    }
}
