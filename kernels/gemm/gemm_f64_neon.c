/* gemm_f64_neon.c - double precision GEMM, NEON: tiles of up to 3 rows x 1 panel (24 sums), K not
 * blocked. Each panel stays in L2 while the rows pass. */
#include "kernels/gemm/gemm_f64.h"
#include "runtime/base/checked.h"

#include <arm_neon.h>

enum { LANES = 2, VECS = IG_PANEL / LANES, ROWS = 3 };

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* bias and store, for the columns that there are */
INLINE void put(double *c, const double *bias, float64x2_t y, size_t n)
{
    if (n >= LANES) {
        if (bias) y = vaddq_f64(y, vld1q_f64(bias));
        vst1q_f64(c, y);
    } else if (n) {
        *c = vgetq_lane_f64(y, 0);
        if (bias) *c += *bias;
    }
}

/* `rows` rows from m, the panel of column n; rows is a constant. */
INLINE void tile(const ig_gemm_f64_args *g, size_t m, size_t n, const size_t rows)
{
    const size_t cols = IG_MIN(g->n - n, (size_t)IG_PANEL);
    const double *b = g->b + n * g->k, *a[ROWS];
    float64x2_t acc[ROWS][VECS];
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        a[r] = g->a + (m + r) * g->lda;
        UNROLL for (size_t v = 0; v < VECS; v++) acc[r][v] = vdupq_n_f64(0);
    }
    for (size_t k = g->k; k; k--, b += IG_PANEL) {
        float64x2_t x[ROWS];
        UNROLL for (size_t r = 0; r < rows; r++) x[r] = vld1q_dup_f64(a[r]++);
        UNROLL for (size_t v = 0; v < VECS; v++)
        {
            const float64x2_t w = vld1q_f64(b + v * LANES);
            UNROLL for (size_t r = 0; r < rows; r++) acc[r][v] = vfmaq_f64(acc[r][v], x[r], w);
        }
    }
    double *c = g->c + m * g->ldc + n;
    UNROLL for (size_t r = 0; r < rows; r++, c += g->ldc)
    {
        UNROLL for (size_t v = 0; v < VECS; v++)
        {
            const size_t here = cols > v * LANES ? cols - v * LANES : 0;
            put(c + v * LANES, g->bias ? g->bias + n + v * LANES : NULL, acc[r][v], here);
        }
    }
}

static void few(const ig_gemm_f64_args *g, size_t m, size_t m1, size_t n)
{
    for (; m < m1; m++) tile(g, m, n, 1);
}

void gemm_f64_neon(const ig_gemm_f64_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    for (size_t p = p0; p < p1; p++) {
        size_t m = m0;
        for (; m + ROWS <= m1; m += ROWS) tile(g, m, p * IG_PANEL, ROWS);
        few(g, m, m1, p * IG_PANEL);
    }
}
