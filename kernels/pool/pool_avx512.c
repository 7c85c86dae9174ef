/* pool_avx512.c - max and average pooling, AVX-512. Bound by reading the window's taps from L1 or
 * L2.
 *
 * 64 channels at a time stay in 4 sums while the taps pass; the last ones are masked. */
#include "kernels/gemm/epilogue_avx512.h"
#include "kernels/pool/pool_window.h"

enum { LANES = 16, VECS = 4, STEP = LANES * VECS };

#define UNROLL _Pragma("GCC unroll 4")

/* NaN wins: a NaN in x is taken, a NaN in y stays. */
INLINE __m512 larger(__m512 y, __m512 x)
{
    const __mmask16 take =
        _mm512_cmp_ps_mask(x, y, _CMP_GT_OQ) | _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_mask_mov_ps(y, take, x);
}

/* Channels [c, c + n), n <= STEP; whole means n = STEP. Both flags are constants. */
INLINE void window(const pool_window *w, size_t c, size_t n, const bool whole, const bool max)
{
    __m512 sum[VECS];
    UNROLL for (size_t v = 0; v < VECS; v++) sum[v] = _mm512_set1_ps(max ? -INFINITY : 0);
    for (size_t ky = 0; ky < w->rows; ky++) {
        const float *x = w->x + ky * w->row_step + c;
        for (size_t kx = 0; kx < w->cols;) {
            const size_t end = max ? w->cols : pool_run_end(w, kx);
            __m512 run[VECS];
            UNROLL for (size_t v = 0; v < VECS; v++) run[v] = max ? sum[v] : _mm512_setzero_ps();
            for (; kx < end; kx++, x += w->col_step) {
                UNROLL for (size_t v = 0; v < VECS; v++)
                {
                    if (!whole && v * LANES >= n) break;
                    const __m512 in =
                        whole ? _mm512_loadu_ps(x + v * LANES)
                              : _mm512_maskz_loadu_ps(ig_lanes_avx512(n, v), x + v * LANES);
                    run[v] = max ? larger(run[v], in) : _mm512_add_ps(run[v], in);
                }
            }
            UNROLL for (size_t v = 0; v < VECS; v++) sum[v] =
                max ? run[v] : _mm512_add_ps(sum[v], run[v]);
        }
    }
    UNROLL for (size_t v = 0; v < VECS; v++)
    {
        if (!whole && v * LANES >= n) break;
        const __m512 y = max ? sum[v] : _mm512_div_ps(sum[v], _mm512_set1_ps(w->count));
        _mm512_mask_storeu_ps(w->y + c + v * LANES, ig_lanes_avx512(n, v), y);
    }
}

INLINE void pool(const ig_pool_f32_args *p, size_t r0, size_t r1, const bool max)
{
    for (size_t r = r0; r < r1; r++)
        for (size_t ox = 0; ox < p->out_w; ox++) {
            const pool_window w = pool_window_at(p, r, ox);
            size_t c = 0;
            for (; c + STEP <= p->channels; c += STEP) window(&w, c, STEP, true, max);
            if (c < p->channels) window(&w, c, p->channels - c, false, max);
        }
}

void pool_max_f32_avx512(const ig_pool_f32_args *p, size_t r0, size_t r1) { pool(p, r0, r1, true); }

void pool_avg_f32_avx512(const ig_pool_f32_args *p, size_t r0, size_t r1)
{
    pool(p, r0, r1, false);
}
