/* gemm_avx512.c - fp32 GEMM on F32P16 panels, AVX-512: the tiles of gemm_tile_avx512.h, and
 * products of a few columns. */
#include "kernels/gemm/gemm_tile_avx512.h"
#include "kernels/gemm/transpose_avx512.h"

enum { NARROW = 4, NARROW_ROWS = LANES / 2 };

GEMM_TILES(f32, B_F32)

/* Up to NARROW columns: lanes are rows, and A is transposed in registers on its way; one panel
 * would throw most of its lanes away. sum [n][LANES] of `rows` rows. */
INLINE void narrow_sums(float sum[NARROW][LANES], const ig_gemm_f32_args *g, const float *a,
                        size_t rows, const size_t cols)
{
    __m512 acc[NARROW], total[NARROW];
    UNROLL for (size_t n = 0; n < cols; n++) acc[n] = total[n] = _mm512_setzero_ps();
    for (size_t k = 0; k < g->k; k += LANES) {
        if (k && k % IG_GEMM_RUN == 0) { /* a run ends */
            UNROLL for (size_t n = 0; n < cols; n++)
            {
                total[n] = k == IG_GEMM_RUN ? acc[n] : _mm512_add_ps(total[n], acc[n]);
                acc[n] = _mm512_setzero_ps();
            }
        }
        const __mmask16 deep = ig_lanes_avx512(g->k, k / LANES);
        __m512 x[LANES];
        UNROLL for (size_t r = 0; r < LANES; r++) x[r] =
            _mm512_maskz_loadu_ps(r < rows ? deep : 0, a + (r < rows ? r * g->lda : 0) + k);
        ig_transpose_avx512(x);
        const float *b = (const float *)g->b + k * IG_PANEL;
        const size_t deep_k = IG_MIN(g->k - k, LANES);
        UNROLL for (size_t i = 0; i < LANES; i++)
        {
            if (i == deep_k) break;
            UNROLL for (size_t n = 0; n < cols; n++) acc[n] =
                _mm512_fmadd_ps(x[i], _mm512_set1_ps(b[i * IG_PANEL + n]), acc[n]);
        }
    }
    const bool one_run = g->k <= IG_GEMM_RUN;
    UNROLL for (size_t n = 0; n < cols; n++)
        _mm512_storeu_ps(sum[n], one_run ? acc[n] : _mm512_add_ps(total[n], acc[n]));
}

static void narrow(const ig_gemm_f32_args *g, size_t m0, size_t m1)
{
    const ig_epilogue *e = &g->epilogue;
    float sum[NARROW][LANES];
    for (size_t m = m0; m < m1; m += LANES) {
        const size_t rows = IG_MIN(m1 - m, LANES);
        switch (g->n) {
        case 1:
            narrow_sums(sum, g, g->a + m * g->lda, rows, 1);
            break;
        case 2:
            narrow_sums(sum, g, g->a + m * g->lda, rows, 2);
            break;
        case 3:
            narrow_sums(sum, g, g->a + m * g->lda, rows, 3);
            break;
        default:
            narrow_sums(sum, g, g->a + m * g->lda, rows, 4);
            break;
        }
        for (size_t r = 0; r < rows; r++) {
            float *c = g->c + (m + r) * g->ldc;
            for (size_t n = 0; n < g->n; n++) {
                float y = sum[n][r];
                if (e->bias) y += e->bias[n];
                if (e->residual) y += e->residual[(m + r) * e->ld_residual + n];
                c[n] = ig_act_f32(e, y);
            }
            if (e->act == IG_ACT_MAP) e->map(c, c, g->n, e->a, e->b);
        }
    }
}

void gemm_f32_avx512(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const gemm_tiles tiles = {
        {by_1_f32, by_2_f32, by_4_f32}, {14, 14, 6}, LINE, 1, ig_finish_avx512};
    if (g->n <= NARROW && m1 - m0 >= NARROW_ROWS && p0 < p1)
        narrow(g, m0, m1);
    else
        drive(g, &tiles, m0, m1, p0, p1);
}
