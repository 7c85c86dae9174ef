/* softmax_rows.h - the passes over one row that softmax and attention are made of, over the
 * sixteen-lane vector of the including file. */
#ifndef IG_SOFTMAX_ROWS_H
#define IG_SOFTMAX_ROWS_H

#include "kernels/vec/vec_math.h"

/* shift_row - y = x * scale + mask; returns the largest. */
VEC_INLINE float shift_row(float *y, const float *x, const float *mask, size_t cols, float scale)
{
    const vf lowest = vf_set(-__builtin_inff()), by = vf_set(scale);
    vf top = lowest;
    size_t i = 0;
    for (; i + 16 <= cols; i += 16) {
        const vf v = vf_load(x + i);
        const vf z = mask ? vf_fma(v, by, vf_load(mask + i)) : vf_mul(v, by);
        vf_store(y + i, z);
        top = vf_max(top, z);
    }
    if (i < cols) {
        const size_t n = cols - i;
        const vf v = vf_load_n(x + i, n, lowest);
        const vf z = mask ? vf_fma(v, by, vf_load_n(mask + i, n, lowest)) : vf_mul(v, by);
        vf_store_n(y + i, z, n);
        top = vf_max(top, vf_keep_n(z, n, lowest));
    }
    return vf_top(top);
}

/* exp_row - the sum of exp(y - top), which is kept in y where `keep` says so. */
VEC_INLINE float exp_row(float *y, size_t cols, float top, bool keep)
{
    const vf by = vf_set(top);
    vf sum = vf_set(0.0f);
    size_t i = 0;
    for (; i + 16 <= cols; i += 16) {
        const vf e = vf_exp(vf_sub(vf_load(y + i), by));
        if (keep) vf_store(y + i, e);
        sum = vf_add(sum, e);
    }
    if (i < cols) {
        const size_t n = cols - i;
        const vf e = vf_exp(vf_sub(vf_load_n(y + i, n, by), by));
        if (keep) vf_store_n(y + i, e, n);
        sum = vf_add(sum, vf_keep_n(e, n, vf_set(0.0f)));
    }
    return vf_sum(sum);
}

VEC_INLINE void scale_row(float *y, size_t cols, vf by)
{
    size_t i = 0;
    for (; i + 16 <= cols; i += 16) vf_store(y + i, vf_mul(vf_load(y + i), by));
    if (i < cols) vf_store_n(y + i, vf_mul(vf_load_n(y + i, cols - i, by), by), cols - i);
}

VEC_INLINE void lower_row(float *y, size_t cols, vf top, vf log_sum)
{
    size_t i = 0;
    for (; i + 16 <= cols; i += 16) vf_store(y + i, vf_sub(vf_sub(vf_load(y + i), top), log_sum));
    if (i < cols) {
        const vf z = vf_load_n(y + i, cols - i, top);
        vf_store_n(y + i, vf_sub(vf_sub(z, top), log_sum), cols - i);
    }
}

#endif
