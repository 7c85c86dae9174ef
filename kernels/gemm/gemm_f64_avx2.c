/* gemm_f64_avx2.c - double precision GEMM, AVX2 + FMA: tiles of up to 3 rows x 1 panel (12 sums), K
 * not blocked. Each panel stays in L2 while the rows pass. */
#include "kernels/gemm/gemm_f64.h"
#include "runtime/base/checked.h"

#include <immintrin.h>

enum { LANES = 4, VECS = IG_PANEL / LANES, ROWS = 3 };

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* The lanes of vector v that lie before column n. */
INLINE __m256i lanes(size_t n, size_t v)
{
    const size_t left = n > v * LANES ? n - v * LANES : 0;
    const __m256i index = _mm256_setr_epi64x(0, 1, 2, 3);
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(left < LANES ? (int)left : LANES), index);
}

/* `rows` rows from m, the panel of column n; rows is a constant. */
INLINE void tile(const ig_gemm_f64_args *g, size_t m, size_t n, const size_t rows)
{
    const size_t cols = IG_MIN(g->n - n, IG_PANEL), lda = g->lda;
    const double *b = g->b + n * g->k, *a[(ROWS + 2) / 3];
    __m256d acc[ROWS][VECS];
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        if (r % 3 == 0) a[r / 3] = g->a + (m + r) * lda;
        UNROLL for (size_t v = 0; v < VECS; v++) acc[r][v] = _mm256_setzero_pd();
    }
    for (size_t k = g->k; k; k--, b += IG_PANEL) {
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            const __m256d x = _mm256_set1_pd(a[r / 3][r % 3 * lda]);
            UNROLL for (size_t v = 0; v < VECS; v++) acc[r][v] =
                _mm256_fmadd_pd(x, _mm256_loadu_pd(b + v * LANES), acc[r][v]);
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
            __m256d y = acc[r][v];
            if (g->bias)
                y = _mm256_add_pd(y, _mm256_maskload_pd(g->bias + n + v * LANES, lanes(cols, v)));
            if (cols == IG_PANEL)
                _mm256_storeu_pd(c + v * LANES, y);
            else
                _mm256_maskstore_pd(c + v * LANES, lanes(cols, v), y);
        }
    }
}

static void few(const ig_gemm_f64_args *g, size_t m, size_t m1, size_t n)
{
    for (; m < m1; m++) tile(g, m, n, 1);
}

void gemm_f64_avx2(const ig_gemm_f64_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    for (size_t p = p0; p < p1; p++) {
        size_t m = m0;
        for (; m + ROWS <= m1; m += ROWS) tile(g, m, p * IG_PANEL, ROWS);
        few(g, m, m1, p * IG_PANEL);
    }
}
