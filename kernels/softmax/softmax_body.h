/* softmax_body.h - softmax over the sixteen-lane vector of the including file.
 *
 * Bound by exp: about 13 operations for sixteen elements. Three passes over rows that stay in L1:
 * the top of z; z anew (cheaper than to keep it), exp and its sum; the division. Short rows go
 * through each pass in groups, so that one row's folding of lanes runs beside the next row's
 * elements; the pass of exp, which leaves the memory idle, fetches the rows that come next. */
#include "kernels/softmax/softmax.h"
#include "kernels/softmax/softmax_rows.h"

enum { GROUP = 8, GROUP_ELEMENTS = 2048 };

typedef struct {
    float *y;
    const float *x, *mask;
    size_t mask_stride, cols;
    float scale;
    bool plain; /* z is x */
} softmax_rows;

/* The first n <= 16 elements of z at i; `fill` beyond. */
VEC_INLINE vf take_z(const softmax_rows *s, const float *x, const float *mask, size_t i, size_t n,
                     vf fill)
{
    const vf by = vf_set(s->scale);
    const vf v = n == 16 ? vf_load(x + i) : vf_load_n(x + i, n, fill);
    if (s->plain) return v;
    if (!mask) return vf_mul(v, by);
    return vf_fma(v, by, n == 16 ? vf_load(mask + i) : vf_load_n(mask + i, n, fill));
}

VEC_INLINE float top_row(const softmax_rows *s, const float *x, const float *mask)
{
    const vf lowest = vf_set(-__builtin_inff());
    vf top = lowest;
    size_t i = 0;
    for (; i + 16 <= s->cols; i += 16) top = vf_max(top, take_z(s, x, mask, i, 16, lowest));
    if (i < s->cols) {
        const size_t n = s->cols - i;
        top = vf_max(top, vf_keep_n(take_z(s, x, mask, i, n, lowest), n, lowest));
    }
    return vf_top(top);
}

/* sum_row - the sum of exp(z - top); y keeps exp(z - top), or z where not `keep`. `next` elements
 * further on lies what is read and written next: it may be past the end. */
VEC_INLINE float sum_row(const softmax_rows *s, float *y, const float *x, const float *mask,
                         float top, bool keep, size_t next)
{
    const vf by = vf_set(top);
    vf sum = vf_set(0.0f);
    size_t i = 0;
    for (; i + 16 <= s->cols; i += 16) {
        __builtin_prefetch(x + next + i);
        __builtin_prefetch(y + next + i, 1);
        const vf z = take_z(s, x, mask, i, 16, by), e = vf_exp(vf_sub(z, by));
        vf_store(y + i, keep ? e : z);
        sum = vf_add(sum, e);
    }
    if (i < s->cols) {
        const size_t n = s->cols - i;
        const vf z = take_z(s, x, mask, i, n, by), e = vf_exp(vf_sub(z, by));
        vf_store_n(y + i, keep ? e : z, n);
        sum = vf_add(sum, vf_keep_n(e, n, vf_set(0.0f)));
    }
    return vf_sum(sum);
}

/* n rows from r on: the top of each, and its sum. */
VEC_INLINE void sum_group(const softmax_rows *s, size_t r, size_t n, float *top, float *sum,
                          bool keep)
{
    const size_t cols = s->cols, row = s->mask_stride;
    const float *x = s->x + r * cols, *mask = s->mask ? s->mask + r * row : NULL;
    for (size_t g = 0; g < n; g++) top[g] = top_row(s, x + g * cols, mask ? mask + g * row : NULL);
    for (size_t g = 0; g < n; g++)
        sum[g] = sum_row(s, s->y + (r + g) * cols, x + g * cols, mask ? mask + g * row : NULL,
                         top[g], keep, n * cols);
}

VEC_INLINE size_t group_of(size_t cols)
{
    const size_t fits = cols ? GROUP_ELEMENTS / cols : GROUP;
    return fits < 1 ? 1 : fits < GROUP ? fits : GROUP;
}

void IG_ISA(softmax_f32)(float *y, const float *x, const float *mask, size_t mask_stride,
                         size_t rows, size_t cols, float scale)
{
    const softmax_rows s = {y, x, mask, mask_stride, cols, scale, !mask && scale == 1.0f};
    const size_t group = group_of(cols);
    float top[GROUP], sum[GROUP];
    for (size_t r = 0; r < rows; r += group) {
        const size_t n = rows - r < group ? rows - r : group;
        sum_group(&s, r, n, top, sum, true);
        for (size_t g = 0; g < n; g++) scale_row(y + (r + g) * cols, cols, vf_set(1.0f / sum[g]));
    }
}

void IG_ISA(log_softmax_f32)(float *y, const float *x, const float *mask, size_t mask_stride,
                             size_t rows, size_t cols, float scale)
{
    const softmax_rows s = {y, x, mask, mask_stride, cols, scale, !mask && scale == 1.0f};
    const size_t group = group_of(cols);
    float top[GROUP], sum[GROUP];
    for (size_t r = 0; r < rows; r += group) {
        const size_t n = rows - r < group ? rows - r : group;
        sum_group(&s, r, n, top, sum, false);
        for (size_t g = 0; g < n; g++)
            lower_row(y + (r + g) * cols, cols, vf_set(top[g]), vf_log(vf_set(sum[g])));
    }
}

/* ---- down columns ---- */

enum { COL_BLOCK = 128 };

/* The first m <= 16 columns of a row. */
VEC_INLINE vf take_cols(const float *x, size_t m)
{
    return m == 16 ? vf_load(x) : vf_load_n(x, m, vf_set(0.0f));
}

VEC_INLINE void put_cols(float *y, vf v, size_t m)
{
    if (m == 16)
        vf_store(y, v);
    else
        vf_store_n(y, v, m);
}

/* The sum of exp(x - top) of m columns; y keeps exp where `keep`. */
VEC_INLINE vf sum_cols(float *y, const float *x, size_t n, size_t row, size_t m, vf top, bool keep)
{
    vf all = vf_set(0.0f);
    for (size_t from = 0; from < n; from += COL_BLOCK) {
        const size_t end = n - from < COL_BLOCK ? n : from + COL_BLOCK;
        vf part = vf_set(0.0f);
        for (size_t k = from; k < end; k++) {
            const vf e = vf_exp(vf_sub(take_cols(x + k * row, m), top));
            if (keep) put_cols(y + k * row, e, m);
            part = vf_add(part, e);
        }
        all = vf_add(all, part);
    }
    return all;
}

/* m <= 16 columns, from the top to the bottom. */
VEC_INLINE void strip(float *y, const float *x, size_t n, size_t row, size_t m, bool log_of)
{
    vf top = vf_set(-__builtin_inff());
    for (size_t k = 0; k < n; k++) top = vf_max(top, take_cols(x + k * row, m));
    const vf sum = sum_cols(y, x, n, row, m, top, !log_of);
    const vf by = log_of ? vf_log(sum) : vf_div(vf_set(1.0f), sum);
    for (size_t k = 0; k < n; k++) {
        const vf v = take_cols((log_of ? x : y) + k * row, m);
        put_cols(y + k * row, log_of ? vf_sub(vf_sub(v, top), by) : vf_mul(v, by), m);
    }
}

VEC_INLINE void strips(float *y, const float *x, size_t n, size_t cols, size_t row, bool log_of)
{
    size_t c = 0;
    for (; c + 16 <= cols; c += 16) strip(y + c, x + c, n, row, 16, log_of);
    if (c < cols) strip(y + c, x + c, n, row, cols - c, log_of);
}

void IG_ISA(softmax_cols_f32)(float *y, const float *x, size_t n, size_t cols, size_t row)
{
    strips(y, x, n, cols, row, false);
}

void IG_ISA(log_softmax_cols_f32)(float *y, const float *x, size_t n, size_t cols, size_t row)
{
    strips(y, x, n, cols, row, true);
}
