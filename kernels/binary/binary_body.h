/* binary_body.h - the functions of binary.def over the sixteen-lane vector of the including file.
 * Bound by memory: two reads and a write an element. */
#include "kernels/binary/binary.h"

typedef vf pair_fn(vf a, vf b);
typedef enum { VECTORS, RIGHT_ONE, LEFT_ONE } shape;

VEC_INLINE void map2(float *y, const float *a, const float *b, size_t n, shape s, pair_fn *f)
{
    if (n == 0) return;
    const vf one_a = vf_set(s == LEFT_ONE ? *a : 1.0f), one_b = vf_set(s == RIGHT_ONE ? *b : 1.0f);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const vf va = s == LEFT_ONE ? one_a : vf_load(a + i);
        vf_store(y + i, f(va, s == RIGHT_ONE ? one_b : vf_load(b + i)));
    }
    if (i == n) return;
    const vf va = s == LEFT_ONE ? one_a : vf_load_n(a + i, n - i, one_a);
    const vf vb = s == RIGHT_ONE ? one_b : vf_load_n(b + i, n - i, one_b);
    vf_store_n(y + i, f(va, vb), n - i);
}

#define BINARY_FORM(op, form, which)                                                \
    void IG_ISA(op##form##_f32)(float *y, const float *a, const float *b, size_t n) \
    {                                                                               \
        map2(y, a, b, n, which, op##_lanes);                                        \
    }

#define BINARY(op, expression)                                  \
    VEC_INLINE vf op##_lanes(vf a, vf b) { return expression; } \
    BINARY_FORM(op, , VECTORS)                                  \
    BINARY_FORM(op, _vs, RIGHT_ONE)                             \
    BINARY_FORM(op, _sv, LEFT_ONE)

/* vf_min and vf_max give b where one is a NaN: right for b, mended for a. */
BINARY(add, vf_add(a, b))
BINARY(div, vf_div(a, b))
BINARY(max, vf_pick(vf_nan(a), a, vf_max(a, b)))
BINARY(min, vf_pick(vf_nan(a), a, vf_min(a, b)))
BINARY(mul, vf_mul(a, b))
BINARY(prelu, vf_pick(vf_lt(a, vf_set(0.0f)), vf_mul(a, b), a))
BINARY(sub, vf_sub(a, b))

VEC_INLINE void scale_shift_row(float *y, const float *x, const float *scale, const float *shift,
                                size_t cols)
{
    const vf one = vf_set(1.0f);
    size_t i = 0;
    for (; i + 16 <= cols; i += 16) {
        const vf v = vf_load(x + i), by = vf_load(scale + i);
        vf_store(y + i, shift ? vf_fma(v, by, vf_load(shift + i)) : vf_mul(v, by));
    }
    if (i == cols) return;
    const size_t n = cols - i;
    const vf v = vf_load_n(x + i, n, one), by = vf_load_n(scale + i, n, one);
    vf_store_n(y + i, shift ? vf_fma(v, by, vf_load_n(shift + i, n, one)) : vf_mul(v, by), n);
}

void IG_ISA(scale_shift_f32)(float *y, const float *x, const float *scale, const float *shift,
                             size_t rows, size_t cols)
{
    for (size_t r = 0; r < rows; r++)
        scale_shift_row(y + r * cols, x + r * cols, scale, shift, cols);
}
