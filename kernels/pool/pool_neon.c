/* pool_neon.c - max and average pooling, NEON. Bound by reading the window's taps from L1 or L2.
 *
 * 32 channels at a time stay in 8 sums while the taps pass; the last ones are taken lane by lane.
 */
#include "kernels/pool/pool_window.h"
#include "kernels/vec/lanes_neon.h"

#include <math.h>

enum { LANES = 4, VECS = 8, STEP = LANES * VECS };

#define UNROLL _Pragma("GCC unroll 8")

/* NaN wins: a NaN in x is taken, a NaN in y stays. */
NEON_INLINE float32x4_t larger(float32x4_t y, float32x4_t x)
{
    const uint32x4_t not_nan = vceqq_f32(x, x);
    return vbslq_f32(vornq_u32(vcgtq_f32(x, y), not_nan), x, y);
}

NEON_INLINE size_t lanes(size_t n, size_t v) { return n > v * LANES ? n - v * LANES : 0; }

/* Channels [c, c + n), n <= STEP; whole means n = STEP. Both flags are constants. */
NEON_INLINE void window(const pool_window *w, size_t c, size_t n, const bool whole, const bool max)
{
    const float32x4_t zero = vdupq_n_f32(0);
    float32x4_t sum[VECS];
    UNROLL for (size_t v = 0; v < VECS; v++) sum[v] = vdupq_n_f32(max ? -INFINITY : 0);
    for (size_t ky = 0; ky < w->rows; ky++) {
        const float *x = w->x + ky * w->row_step + c;
        for (size_t kx = 0; kx < w->cols;) {
            const size_t end = max ? w->cols : pool_run_end(w, kx);
            float32x4_t run[VECS];
            UNROLL for (size_t v = 0; v < VECS; v++) run[v] = max ? sum[v] : zero;
            for (; kx < end; kx++, x += w->col_step) {
                UNROLL for (size_t v = 0; v < VECS; v++)
                {
                    const float32x4_t in = whole ? vld1q_f32(x + v * LANES)
                                                 : ig_load_neon(x + v * LANES, lanes(n, v), zero);
                    run[v] = max ? larger(run[v], in) : vaddq_f32(run[v], in);
                }
            }
            UNROLL for (size_t v = 0; v < VECS; v++) sum[v] =
                max ? run[v] : vaddq_f32(sum[v], run[v]);
        }
    }
    UNROLL for (size_t v = 0; v < VECS; v++)
    {
        const float32x4_t y = max ? sum[v] : vdivq_f32(sum[v], vdupq_n_f32(w->count));
        ig_store_neon(w->y + c + v * LANES, whole ? LANES : lanes(n, v), y);
    }
}

NEON_INLINE void pool(const ig_pool_f32_args *p, size_t r0, size_t r1, const bool max)
{
    for (size_t r = r0; r < r1; r++)
        for (size_t ox = 0; ox < p->out_w; ox++) {
            const pool_window w = pool_window_at(p, r, ox);
            size_t c = 0;
            for (; c + STEP <= p->channels; c += STEP) window(&w, c, STEP, true, max);
            if (c < p->channels) window(&w, c, p->channels - c, false, max);
        }
}

void pool_max_f32_neon(const ig_pool_f32_args *p, size_t r0, size_t r1) { pool(p, r0, r1, true); }

void pool_avg_f32_neon(const ig_pool_f32_args *p, size_t r0, size_t r1) { pool(p, r0, r1, false); }
