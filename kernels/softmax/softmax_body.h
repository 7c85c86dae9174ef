/* softmax_body.h - softmax over the sixteen-lane vector of the including file.
 *
 * Bound by exp: about 13 operations for sixteen elements. Three passes over rows that stay in L1: z
 * and its top; exp and its sum; the division. Short rows go through each pass in groups, so that
 * one row's folding of lanes runs beside the next row's elements; the pass of exp, which leaves the
 * memory idle, fetches the rows that come next. */
#include "kernels/softmax/softmax.h"
#include "kernels/softmax/softmax_rows.h"

enum { GROUP = 8, GROUP_ELEMENTS = 2048 };

typedef struct {
    float *y;
    const float *x, *mask;
    size_t mask_stride, cols;
    float scale;
} softmax_rows;

/* z of `n` rows in y, with the top and the sum of exp of each; exp itself in y where kept. */
VEC_INLINE void sum_group(const softmax_rows *s, size_t r, size_t n, float *top, float *sum,
                          bool keep)
{
    const size_t cols = s->cols;
    for (size_t g = 0; g < n; g++) {
        const float *mask = s->mask ? s->mask + (r + g) * s->mask_stride : NULL;
        top[g] = shift_row(s->y + (r + g) * cols, s->x + (r + g) * cols, mask, cols, s->scale);
    }
    for (size_t g = 0; g < n; g++)
        sum[g] = exp_row_fetching(s->y + (r + g) * cols, cols, top[g], keep,
                                  s->x + (r + g + n) * cols, s->y + (r + g + n) * cols);
}

VEC_INLINE size_t group_of(size_t cols)
{
    const size_t fits = cols ? GROUP_ELEMENTS / cols : GROUP;
    return fits < 1 ? 1 : fits < GROUP ? fits : GROUP;
}

void IG_ISA(softmax_f32)(float *y, const float *x, const float *mask, size_t mask_stride,
                         size_t rows, size_t cols, float scale)
{
    const softmax_rows s = {y, x, mask, mask_stride, cols, scale};
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
    const softmax_rows s = {y, x, mask, mask_stride, cols, scale};
    const size_t group = group_of(cols);
    float top[GROUP], sum[GROUP];
    for (size_t r = 0; r < rows; r += group) {
        const size_t n = rows - r < group ? rows - r : group;
        sum_group(&s, r, n, top, sum, false);
        for (size_t g = 0; g < n; g++)
            lower_row(y + (r + g) * cols, cols, vf_set(top[g]), vf_log(vf_set(sum[g])));
    }
}
