/* check_binary.c - functions of two operands and scale_shift: variants bit for bit, the truth
 * against its definition. */
#include "tests/kernels/kernel_check.h"
#include "kernels/binary/binary.h"

#include <math.h>
#include <string.h>

/* Each is one rounding of the exact result: C's own operators are the oracle. */
static float defined(const char *op, float a, float b)
{
    if (!strncmp(op, "add", 3)) return a + b;
    if (!strncmp(op, "div", 3)) return a / b;
    if (!strncmp(op, "mul", 3)) return a * b;
    if (!strncmp(op, "sub", 3)) return a - b;
    if (!strncmp(op, "prelu", 5)) return a < 0 ? a * b : a;
    if (isnan(a) || isnan(b)) return NAN;
    if (!strncmp(op, "max", 3)) return a > b ? a : b;
    return a < b ? a : b;
}

static void check_pair(binary_f32_fn *fn, const char *name, uint32_t needs)
{
    const bool right_one = strstr(name, "_vs_"), left_one = strstr(name, "_sv_");
    for (size_t i = 0; i < 50; i++) {
        const size_t n = i < 36 ? i : check_pick(36, 3000), overlap = check_pick(0, 2);
        if (!check_next(needs, name, "%zu, y is %s", n, &"y\0a\0b"[2 * overlap])) continue;
        float *a = check_f32_wild(left_one ? 1 : n), *b = check_f32_wild(right_one ? 1 : n);
        float *want = check_out_f32(n), *got = check_out_f32(n);
        for (size_t k = 0; k < n; k++)
            want[k] = defined(name, a[left_one ? 0 : k], b[right_one ? 0 : k]);
        if (overlap == 1 && !left_one) got = a;
        if (overlap == 2 && !right_one) got = b;
        fn(got, a, b, n);
        check_same_f32(want, got, n);
    }
}

static void check_scale_shift(scale_shift_f32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 50; i++) {
        const size_t cols = i < 36 ? i : check_pick(36, 300), rows = check_pick(1, 4);
        const bool shifted = check_pick(0, 1);
        if (!check_next(needs, name, "%zux%zu%s", rows, cols, shifted ? " shifted" : "")) continue;
        float *x = check_f32_wild(rows * cols), *scale = check_f32(cols, -2, 2);
        float *shift = check_f32(cols, -2, 2);
        float *want = check_out_f32(rows * cols), *got = check_out_f32(rows * cols);
        for (size_t k = 0; k < rows * cols; k++)
            want[k] =
                shifted ? fmaf(x[k], scale[k % cols], shift[k % cols]) : x[k] * scale[k % cols];
        fn(got, x, scale, shifted ? shift : NULL, rows, cols);
        check_same_f32(want, got, rows * cols);
    }
}

void check_binary(void);
void check_binary(void)
{
#define K(family, fn, needs) check_pair(fn, #fn, needs);
#include "kernels/binary/binary.kern"
#undef K
#define K(family, fn, needs) check_scale_shift(fn, #fn, needs);
#include "kernels/binary/scale_shift.kern"
#undef K
}
