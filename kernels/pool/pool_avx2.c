/* pool_avx2.c - max and average pooling, AVX2. Bound by reading the window's taps from L1 or L2.
 *
 * 32 channels at a time stay in 4 sums while the taps pass; the last ones are masked. */
#include "kernels/gemm/epilogue_avx2.h"
#include "kernels/pool/pool_window.h"

enum { LANES = 8, VECS = 4, STEP = LANES * VECS };

#define UNROLL _Pragma("GCC unroll 4")

/* NaN wins: a NaN in x is taken, a NaN in y stays. */
INLINE __m256 larger(__m256 y, __m256 x)
{
    const __m256 take =
        _mm256_or_ps(_mm256_cmp_ps(x, y, _CMP_GT_OQ), _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    return _mm256_blendv_ps(y, x, take);
}

/* Channels [c, c + n), n <= STEP; whole means n = STEP. Both flags are constants. */
INLINE void window(const pool_window *w, size_t c, size_t n, const bool whole, const bool max)
{
    __m256 sum[VECS];
    UNROLL for (size_t v = 0; v < VECS; v++) sum[v] = _mm256_set1_ps(max ? -INFINITY : 0);
    for (size_t ky = 0; ky < w->rows; ky++) {
        const float *x = w->x + ky * w->row_step + c;
        for (size_t kx = 0; kx < w->cols;) {
            const size_t end = max ? w->cols : pool_run_end(w, kx);
            __m256 run[VECS];
            UNROLL for (size_t v = 0; v < VECS; v++) run[v] = max ? sum[v] : _mm256_setzero_ps();
            for (; kx < end; kx++, x += w->col_step) {
                UNROLL for (size_t v = 0; v < VECS; v++)
                {
                    if (!whole && v * LANES >= n) break;
                    const __m256 in = whole ? _mm256_loadu_ps(x + v * LANES)
                                            : ig_load_avx2(x + v * LANES, ig_lanes_avx2(n, v));
                    run[v] = max ? larger(run[v], in) : _mm256_add_ps(run[v], in);
                }
            }
            UNROLL for (size_t v = 0; v < VECS; v++) sum[v] =
                max ? run[v] : _mm256_add_ps(sum[v], run[v]);
        }
    }
    UNROLL for (size_t v = 0; v < VECS; v++)
    {
        if (!whole && v * LANES >= n) break;
        const __m256 y = max ? sum[v] : _mm256_div_ps(sum[v], _mm256_set1_ps(w->count));
        ig_store_avx2(w->y + c + v * LANES, ig_lanes_avx2(n, v), y);
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

void pool_max_f32_avx2(const ig_pool_f32_args *p, size_t r0, size_t r1) { pool(p, r0, r1, true); }

void pool_avg_f32_avx2(const ig_pool_f32_args *p, size_t r0, size_t r1) { pool(p, r0, r1, false); }
