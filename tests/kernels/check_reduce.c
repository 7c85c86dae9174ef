/* check_reduce.c - reductions: variants bit for bit, the truth against double. */
#include "tests/kernels/kernel_check.h"
#include "kernels/reduce/reduce.h"

#include <math.h>
#include <string.h>

static double start_of(const char *op)
{
    if (!strncmp(op, "max", 3)) return -INFINITY;
    if (!strncmp(op, "min", 3)) return INFINITY;
    return !strncmp(op, "prod", 4) ? 1 : 0;
}

static double step(const char *op, double a, double x)
{
    if (!strncmp(op, "max", 3)) return a > x ? a : x;
    if (!strncmp(op, "min", 3)) return a < x ? a : x;
    if (!strncmp(op, "prod", 4)) return a * x;
    if (!strncmp(op, "sum_abs", 7)) return a + fabs(x);
    return !strncmp(op, "sum_sq", 6) ? a + x * x : a + x;
}

/* One result over n elements `stride` apart. A chain is at most 256 long inside a block, then one
 * step a block and four for the lanes; products round at every step of all chains. */
static void check_oracle(const char *op, const float *x, size_t n, size_t stride, float got)
{
    const bool extreme = !strncmp(op, "m", 1), product = !strncmp(op, "prod", 4);
    double want = start_of(op), size = 0;
    for (size_t i = 0; i < n; i++) {
        want = step(op, want, (double)x[i * stride]);
        size += step("sum_abs", 0,
                     strncmp(op, "sum_sq", 6) ? (double)x[i * stride]
                                              : step("sum_sq", 0, (double)x[i * stride]));
    }
    const double roundings = product ? (double)n + 8 : 270 + (double)n / 128;
    const double allowed = extreme ? 0 : roundings * 0x1p-24 * (product ? fabs(want) : size);
    check_true((double)got == want || fabs((double)got - want) <= allowed,
               "%s of %zu: %.9g, not %.9g", op, n, (double)got, want);
}

/* Near 1 for products, so that they neither vanish nor overflow. */
static float *values(const char *op, size_t n)
{
    return strncmp(op, "prod", 4) ? check_f32(n, -1.5f, 1.5f) : check_f32(n, 0.99f, 1.01f);
}

static void check_rows(reduce_rows_f32_fn *fn, reduce_rows_f32_fn *ref, const char *name,
                       uint32_t needs)
{
    for (size_t i = 0; i < 60; i++) {
        const size_t cols = i < 36 ? i : check_pick(36, i < 50 ? 600 : 9000);
        const size_t rows = i % 2 ? check_pick(1, 4) : check_pick(15, 40);
        const bool wild = check_pick(0, 2) == 0;
        if (!check_next(needs, name, "%zux%zu%s", rows, cols, wild ? " wild" : "")) continue;
        const float *x = wild ? check_f32_wild(rows * cols) : values(name, rows * cols);
        float *want = check_out_f32(rows), *got = check_out_f32(rows);
        ref(want, x, rows, cols);
        fn(got, x, rows, cols);
        check_same_f32(want, got, rows);
        for (size_t r = 0; r < rows && !wild; r++)
            check_oracle(name, x + r * cols, cols, 1, want[r]);
    }
    if (check_next(needs, name, "a NaN anywhere")) {
        float *x = check_f32(100, -1, 1), y;
        for (size_t i = 0; i < 100; i++) {
            const float was = x[i];
            x[i] = NAN;
            fn(&y, x, 1, 100);
            check_true(isnan(y), "NaN at %zu is lost", i);
            x[i] = was;
        }
    }
}

static void check_cols(reduce_cols_f32_fn *fn, reduce_cols_f32_fn *ref, const char *name,
                       uint32_t needs)
{
    for (size_t i = 0; i < 60; i++) {
        const size_t cols = i < 36 ? i : check_pick(36, i < 54 ? 300 : 2200);
        const size_t rows = check_pick(0, 300);
        const size_t x_row = cols + check_pick(0, 2);
        const bool wild = check_pick(0, 2) == 0;
        if (!check_next(needs, name, "%zux%zu of %zu%s", rows, cols, x_row, wild ? " wild" : ""))
            continue;
        const float *x = wild ? check_f32_wild(rows * x_row) : values(name, rows * x_row);
        float *want = check_out_f32(cols), *got = check_out_f32(cols);
        ref(want, x, rows, cols, x_row);
        fn(got, x, rows, cols, x_row);
        check_same_f32(want, got, cols);
        for (size_t c = 0; c < cols && !wild; c++) check_oracle(name, x + c, rows, x_row, want[c]);
    }
}

void check_reduce(void);
void check_reduce(void)
{
#define K(family, fn, needs) check_rows(fn, family##_ref, #fn, needs);
#include "kernels/reduce/reduce_rows.kern"
#undef K
#define K(family, fn, needs) check_cols(fn, family##_ref, #fn, needs);
#include "kernels/reduce/reduce_cols.kern"
#undef K
}
