/* q_finish.h - finished sums of one panel to C: a body included after the vector header of its ISA.
 */
#ifndef IG_Q_FINISH_H
#define IG_Q_FINISH_H

#include "kernels/gemm_q/q_panel.h"
#include "runtime/base/checked.h"

/* The activations that are no clip, over a stored tile. */
typedef void q_finish_fn(const ig_epilogue *e, float *c, size_t ldc, size_t rows, size_t cols);

typedef struct {
    float *c; /* [M, N] */
    size_t ldc, n;
    const ig_epilogue *epilogue;
    q_finish_fn *finish;
} q_result;

/* y [rows][16], the sums of rows from `row` on. */
VEC_INLINE void q_finish(const q_result *to, const float *y, size_t row, size_t rows, size_t panel)
{
    const ig_epilogue *e = to->epilogue;
    const size_t n = panel * IG_Q_PANEL, cols = IG_MIN(to->n - n, (size_t)IG_Q_PANEL);
    const bool whole = cols == IG_Q_PANEL;
    const vf zero = vf_set(0);
    float *c = to->c + row * to->ldc + n, low, high;
    ig_act_bounds(e, &low, &high);
    for (size_t r = 0; r < rows; r++) {
        vf v = vf_load(y + r * IG_Q_PANEL);
        if (e->bias)
            v = vf_add(v, whole ? vf_load(e->bias + n) : vf_load_n(e->bias + n, cols, zero));
        if (e->residual) {
            const float *add = e->residual + (row + r) * e->ld_residual + n;
            v = vf_add(v, whole ? vf_load(add) : vf_load_n(add, cols, zero));
        }
        v = vf_min(vf_set(high), vf_max(vf_set(low), v));
        if (whole)
            vf_store(c + r * to->ldc, v);
        else
            vf_store_n(c + r * to->ldc, v, cols);
    }
    if (!ig_act_is_clip(e->act)) to->finish(e, c, to->ldc, rows, cols);
}

/* The same for gated units, panels [p, end), up to four, whose sums lie IG_Q_ROWS * 16 floats
 * apart: c has half a panel's columns. */
VEC_INLINE void q_finish_gated(const q_result *to, const float *y, size_t row, size_t rows,
                               size_t p, size_t end)
{
    enum { HALF = IG_Q_PANEL / 2, TOGETHER = 4 };
    const ig_epilogue *e = to->epilogue;
    const size_t cols = (end - p) * HALF;
    float up[IG_Q_ROWS * HALF * TOGETHER], gate[IG_Q_ROWS * HALF * TOGETHER];
    for (size_t q = p; q < end; q++, y += IG_Q_ROWS * IG_Q_PANEL)
        for (size_t r = 0; r < rows; r++)
            for (size_t i = 0; i < HALF; i++) {
                const size_t at = r * cols + (q - p) * HALF + i;
                up[at] = y[r * IG_Q_PANEL + i];
                gate[at] = y[r * IG_Q_PANEL + HALF + i];
                if (!e->bias) continue;
                up[at] += e->bias[q * IG_Q_PANEL + i];
                gate[at] += e->bias[q * IG_Q_PANEL + HALF + i];
            }
    e->map(gate, gate, rows * cols, e->a, e->b);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < cols; i++)
            to->c[(row + r) * to->ldc + p * HALF + i] = up[r * cols + i] * gate[r * cols + i];
}

#endif
