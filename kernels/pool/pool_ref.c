/* pool_ref.c - the scalar truth of pool.h. */
#include "kernels/pool/pool_window.h"

#include <math.h>

void pool_max_f32_ref(const ig_pool_f32_args *p, size_t r0, size_t r1)
{
    for (size_t r = r0; r < r1; r++)
        for (size_t ox = 0; ox < p->out_w; ox++) {
            const pool_window w = pool_window_at(p, r, ox);
            for (size_t c = 0; c < p->channels; c++) {
                float y = -INFINITY;
                for (size_t ky = 0; ky < w.rows; ky++)
                    for (size_t kx = 0; kx < w.cols; kx++) {
                        const float x = w.x[ky * w.row_step + kx * w.col_step + c];
                        y = x > y || isnan(x) ? x : y;
                    }
                w.y[c] = y;
            }
        }
}

void pool_avg_f32_ref(const ig_pool_f32_args *p, size_t r0, size_t r1)
{
    for (size_t r = r0; r < r1; r++)
        for (size_t ox = 0; ox < p->out_w; ox++) {
            const pool_window w = pool_window_at(p, r, ox);
            for (size_t c = 0; c < p->channels; c++) {
                float y = 0;
                for (size_t ky = 0; ky < w.rows; ky++)
                    for (size_t kx = 0; kx < w.cols;) {
                        const size_t end = pool_run_end(&w, kx);
                        float run = 0;
                        for (; kx < end; kx++) run += w.x[ky * w.row_step + kx * w.col_step + c];
                        y += run;
                    }
                w.y[c] = y / w.count;
            }
        }
}
