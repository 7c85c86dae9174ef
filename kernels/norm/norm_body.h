/* norm_body.h - layer and RMS norm over the sixteen-lane vector of the including file.
 *
 * Bound by reading a row that stays in L1 two or three times. v is kept in y between the passes. */
#include "kernels/norm/norm.h"

#include <math.h>

typedef struct {
    float *y, *sum;
    const float *x, *residual;
} norm_row;

VEC_INLINE norm_row row_at(const norm_args *p, size_t r)
{
    const size_t at = r * p->cols;
    return (norm_row){p->y + at, p->sum ? p->sum + at : NULL, p->x + at,
                      p->residual ? p->residual + at : NULL};
}

/* The first n <= 16 elements of v at i; 0 beyond. */
VEC_INLINE vf take_v(const norm_row *w, size_t i, size_t n)
{
    const vf none = vf_set(0.0f);
    vf v = n == 16 ? vf_load(w->x + i) : vf_load_n(w->x + i, n, none);
    if (w->residual)
        v = vf_add(v, n == 16 ? vf_load(w->residual + i) : vf_load_n(w->residual + i, n, none));
    if (n == 16) {
        if (w->sum) vf_store(w->sum + i, v);
        vf_store(w->y + i, v);
    } else {
        if (w->sum) vf_store_n(w->sum + i, v, n);
        vf_store_n(w->y + i, v, n);
    }
    return v;
}

/* sum_v - the sum of v, or of its squares; leaves v in y. */
VEC_INLINE float sum_v(const norm_row *w, size_t cols, bool squares)
{
    vf total = vf_set(0.0f);
    size_t i = 0;
    for (; i + 16 <= cols; i += 16) {
        const vf v = take_v(w, i, 16);
        total = squares ? vf_fma(v, v, total) : vf_add(total, v);
    }
    if (i < cols) {
        const vf v = take_v(w, i, cols - i);
        total = squares ? vf_fma(v, v, total) : vf_add(total, v);
    }
    return vf_sum(total);
}

VEC_INLINE float sum_square_distance(const float *v, size_t cols, vf mean)
{
    vf total = vf_set(0.0f);
    size_t i = 0;
    for (; i + 16 <= cols; i += 16) {
        const vf d = vf_sub(vf_load(v + i), mean);
        total = vf_fma(d, d, total);
    }
    if (i < cols) {
        const vf d = vf_sub(vf_load_n(v + i, cols - i, mean), mean);
        total = vf_fma(d, d, total);
    }
    return vf_sum(total);
}

VEC_INLINE vf finish(vf v, vf mean, vf inv, bool has_gamma, vf gamma, bool has_beta, vf beta)
{
    const vf unit = vf_mul(vf_sub(v, mean), inv);
    if (has_gamma && has_beta) return vf_fma(unit, gamma, beta);
    if (has_gamma) return vf_mul(unit, gamma);
    return has_beta ? vf_add(unit, beta) : unit;
}

VEC_INLINE void finish_row(float *y, size_t cols, float mean, float inv_std, const float *gamma,
                           const float *beta)
{
    const vf m = vf_set(mean), inv = vf_set(inv_std), zero = vf_set(0.0f);
    size_t i = 0;
    for (; i + 16 <= cols; i += 16) {
        const vf g = gamma ? vf_load(gamma + i) : zero, b = beta ? vf_load(beta + i) : zero;
        vf_store(y + i, finish(vf_load(y + i), m, inv, gamma, g, beta, b));
    }
    if (i == cols) return;
    const size_t n = cols - i;
    const vf g = gamma ? vf_load_n(gamma + i, n, zero) : zero;
    const vf b = beta ? vf_load_n(beta + i, n, zero) : zero;
    vf_store_n(y + i, finish(vf_load_n(y + i, n, zero), m, inv, gamma, g, beta, b), n);
}

void IG_ISA(layer_norm_f32)(const norm_args *p)
{
    const size_t cols = p->cols;
    for (size_t r = 0; r < p->rows; r++) {
        const norm_row w = row_at(p, r);
        const float mean = sum_v(&w, cols, false) / (float)cols;
        const float variance = sum_square_distance(w.y, cols, vf_set(mean)) / (float)cols;
        const float inv_std = 1.0f / sqrtf(variance + p->eps);
        finish_row(w.y, cols, mean, inv_std, p->gamma, p->beta);
        if (p->mean) p->mean[r] = mean;
        if (p->inv_std) p->inv_std[r] = inv_std;
    }
}

void IG_ISA(rms_norm_f32)(const norm_args *p)
{
    const size_t cols = p->cols;
    for (size_t r = 0; r < p->rows; r++) {
        const norm_row w = row_at(p, r);
        const float inv_std = 1.0f / sqrtf(sum_v(&w, cols, true) / (float)cols + p->eps);
        finish_row(w.y, cols, 0.0f, inv_std, p->gamma, p->beta);
        if (p->inv_std) p->inv_std[r] = inv_std;
    }
}
