/* norm_body.h - layer and RMS norm over the sixteen-lane vector of the including file.
 *
 * Bound by reading a row that stays in L1 two or three times. With a residual v is kept in y
 * between the passes. Short rows go through each pass in groups, so that one row's folding of lanes
 * runs beside the next row's elements; the second pass fetches the rows that come next. */
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

VEC_INLINE void put_v(float *to, vf v, size_t n)
{
    if (n == 16)
        vf_store(to, v);
    else
        vf_store_n(to, v, n);
}

/* The first n <= 16 elements of v at i; 0 beyond. */
VEC_INLINE vf take_v(const norm_row *w, size_t i, size_t n)
{
    const vf none = vf_set(0.0f);
    vf v = n == 16 ? vf_load(w->x + i) : vf_load_n(w->x + i, n, none);
    if (w->residual)
        v = vf_add(v, n == 16 ? vf_load(w->residual + i) : vf_load_n(w->residual + i, n, none));
    if (w->sum) put_v(w->sum + i, v, n);
    if (w->residual) put_v(w->y + i, v, n);
    return v;
}

VEC_INLINE vf add_v(const norm_row *w, size_t i, size_t n, bool squares, vf total)
{
    const vf v = take_v(w, i, n);
    return squares ? vf_fma(v, v, total) : vf_add(total, v);
}

VEC_INLINE float sum_of(const vf *part)
{
    return vf_sum(vf_add(vf_add(part[0], part[1]), vf_add(part[2], part[3])));
}

/* sum_v - the sum of v, or of its squares; leaves v in y where it is not x itself. Four vectors of
 * lanes, for one would wait for its own latency. */
VEC_INLINE float sum_v(const norm_row *w, size_t cols, bool squares)
{
    const vf none = vf_set(0.0f);
    vf part[4] = {none, none, none, none};
    size_t i = 0, k = 0;
    for (; i + 64 <= cols; i += 64) {
        part[0] = add_v(w, i, 16, squares, part[0]);
        part[1] = add_v(w, i + 16, 16, squares, part[1]);
        part[2] = add_v(w, i + 32, 16, squares, part[2]);
        part[3] = add_v(w, i + 48, 16, squares, part[3]);
    }
    for (; i + 16 <= cols; i += 16, k++) part[k] = add_v(w, i, 16, squares, part[k]);
    if (i < cols) part[k] = add_v(w, i, cols - i, squares, part[k]);
    return sum_of(part);
}

VEC_INLINE vf add_distance(vf v, vf mean, vf total)
{
    const vf d = vf_sub(v, mean);
    return vf_fma(d, d, total);
}

/* next_x and next_y: what will be read and written next; next_y NULL: past the caches, where most
 * of x has been asked for, and L1 is full with this row and its parameters. */
VEC_INLINE float sum_square_distance(const float *v, size_t cols, vf mean, const float *next_x,
                                     const float *next_y)
{
    const vf none = vf_set(0.0f);
    vf part[4] = {none, none, none, none};
    size_t i = 0, k = 0;
    for (; i + 64 <= cols; i += 64) {
        part[0] = add_distance(vf_load(v + i), mean, part[0]);
        part[1] = add_distance(vf_load(v + i + 16), mean, part[1]);
        part[2] = add_distance(vf_load(v + i + 32), mean, part[2]);
        part[3] = add_distance(vf_load(v + i + 48), mean, part[3]);
        for (size_t ahead = i; ahead < i + 64; ahead += 16) {
            if (next_y) {
                __builtin_prefetch(next_x + ahead);
                __builtin_prefetch(next_y + ahead, 1);
            } else {
                __builtin_prefetch(next_x + ahead, 0, 2);
            }
        }
    }
    for (; i + 16 <= cols; i += 16, k++) part[k] = add_distance(vf_load(v + i), mean, part[k]);
    if (i < cols) part[k] = add_distance(vf_load_n(v + i, cols - i, mean), mean, part[k]);
    return sum_of(part);
}

VEC_INLINE vf finish(vf v, vf mean, vf inv, bool has_gamma, vf gamma, bool has_beta, vf beta)
{
    const vf unit = vf_mul(vf_sub(v, mean), inv);
    if (has_gamma && has_beta) return vf_fma(unit, gamma, beta);
    if (has_gamma) return vf_mul(unit, gamma);
    return has_beta ? vf_add(unit, beta) : unit;
}

/* finish_row past the caches: y [cols], cols in whole vectors, y on a line of its own. */
VEC_INLINE void stream_row(float *y, const float *v, size_t cols, float mean, float inv_std,
                           const float *gamma, const float *beta, const float *next)
{
    const vf m = vf_set(mean), inv = vf_set(inv_std), zero = vf_set(0.0f);
    for (size_t i = 0; i < cols; i += 16) {
        const vf g = gamma ? vf_load(gamma + i) : zero, b = beta ? vf_load(beta + i) : zero;
        __builtin_prefetch(next + i, 0, 2);
        vf_stream(y + i, finish(vf_load(v + i), m, inv, gamma, g, beta, b));
    }
}

VEC_INLINE void finish_row(float *y, const float *v, size_t cols, float mean, float inv_std,
                           const float *gamma, const float *beta)
{
    const vf m = vf_set(mean), inv = vf_set(inv_std), zero = vf_set(0.0f);
    size_t i = 0;
    for (; i + 16 <= cols; i += 16) {
        const vf g = gamma ? vf_load(gamma + i) : zero, b = beta ? vf_load(beta + i) : zero;
        vf_store(y + i, finish(vf_load(v + i), m, inv, gamma, g, beta, b));
    }
    if (i == cols) return;
    const size_t n = cols - i;
    const vf g = gamma ? vf_load_n(gamma + i, n, zero) : zero;
    const vf b = beta ? vf_load_n(beta + i, n, zero) : zero;
    vf_store_n(y + i, finish(vf_load_n(v + i, n, zero), m, inv, gamma, g, beta, b), n);
}

enum { GROUP = 8, GROUP_ELEMENTS = 2048 };

VEC_INLINE size_t group_of(size_t cols)
{
    const size_t fits = cols ? GROUP_ELEMENTS / cols : GROUP;
    return fits < 1 ? 1 : fits < GROUP ? fits : GROUP;
}

/* Where v of row r lies after the first pass. */
VEC_INLINE const float *v_of(const norm_args *p, size_t r)
{
    return (p->residual ? p->y : p->x) + r * p->cols;
}

/* Whether y goes past the caches. Not where it keeps v meanwhile, and in whole lines only. */
VEC_INLINE bool streams(const norm_args *p)
{
    return p->stream && !p->residual && p->cols % 16 == 0 && (uintptr_t)p->y % 64 == 0;
}

VEC_INLINE void fetch_row(const float *x, size_t cols)
{
    for (size_t i = 0; i < cols; i += 16) __builtin_prefetch(x + i, 0, 2);
}

/* n rows from r on: mean and 1 / deviation. */
VEC_INLINE void layer_group(const norm_args *p, size_t r, size_t n, float *mean, float *inv_std)
{
    const bool past = streams(p);
    const float count = (float)p->cols;
    for (size_t g = 0; g < n; g++) {
        const norm_row w = row_at(p, r + g);
        mean[g] = sum_v(&w, p->cols, false) / count;
    }
    for (size_t g = 0; g < n; g++) {
        const float *v = v_of(p, r + g);
        const norm_row next = row_at(p, r + g + n < p->rows ? r + g + n : r + g);
        const float variance =
            sum_square_distance(v, p->cols, vf_set(mean[g]), next.x, past ? NULL : next.y) / count;
        inv_std[g] = 1.0f / sqrtf(variance + p->eps);
    }
}

/* Past the caches the group after the next is asked for while lines leave. Much of it does not come
 * then: what is asked for again before the next lines leave makes 97 % of copying out of 65. */
VEC_INLINE void finish_group(const norm_args *p, size_t r, size_t n, const float *mean,
                             const float *inv_std)
{
    const bool past = streams(p);
    for (size_t g = 0; g < n; g++) {
        float *y = p->y + (r + g) * p->cols;
        const float *v = v_of(p, r + g);
        const size_t later = r + g + 2 * n < p->rows ? r + g + 2 * n : r + g;
        if (past)
            stream_row(y, v, p->cols, mean[g], inv_std[g], p->gamma, p->beta, v_of(p, later));
        else
            finish_row(y, v, p->cols, mean[g], inv_std[g], p->gamma, p->beta);
        if (p->inv_std) p->inv_std[r + g] = inv_std[g];
    }
}

void IG_ISA(layer_norm_f32)(const norm_args *p)
{
    const size_t group = group_of(p->cols);
    float mean[GROUP], inv_std[GROUP];
    for (size_t r = 0; r < p->rows; r += group) {
        const size_t n = p->rows - r < group ? p->rows - r : group;
        layer_group(p, r, n, mean, inv_std);
        finish_group(p, r, n, mean, inv_std);
        for (size_t g = 0; g < n && p->mean; g++) p->mean[r + g] = mean[g];
    }
    if (p->stream) vf_stream_end();
}

void IG_ISA(rms_norm_f32)(const norm_args *p)
{
    const size_t group = group_of(p->cols);
    const float none[GROUP] = {0}, count = (float)p->cols;
    const bool past = streams(p);
    float inv_std[GROUP];
    for (size_t r = 0; r < p->rows; r += group) {
        const size_t n = p->rows - r < group ? p->rows - r : group;
        for (size_t g = 0; g < n; g++) {
            const norm_row w = row_at(p, r + g);
            inv_std[g] = 1.0f / sqrtf(sum_v(&w, p->cols, true) / count + p->eps);
            if (past && r + g + n < p->rows) fetch_row(row_at(p, r + g + n).x, p->cols);
        }
        finish_group(p, r, n, none, inv_std);
    }
    if (p->stream) vf_stream_end();
}
