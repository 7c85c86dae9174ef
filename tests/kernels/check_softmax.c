/* check_softmax.c - softmax over rows: variants bit for bit, the truth against long double sums. */
#include "tests/kernels/kernel_check.h"
#include "kernels/softmax/softmax.h"

#include <math.h>
#include <string.h>

/* exp errs by 1.1 ulp, its argument by half an ulp of |z - top| <= 90, the sum by the lanes' chains
 * of cols / 16 and four more additions, the division by 1.5 ulp. log_softmax loses half an ulp of
 * the result twice. */
static void oracle_row(double *y, const float *x, const float *mask, size_t cols, float scale,
                       bool log_of)
{
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < cols; i++) {
        y[i] = (double)x[i] * (double)scale + (mask ? (double)mask[i] : 0);
        if (y[i] > top) top = y[i]; /* fmax here breaks gcc 12 for aarch64 */
    }
    for (size_t i = 0; i < cols; i++) sum += exp(y[i] - top);
    for (size_t i = 0; i < cols; i++) y[i] = log_of ? y[i] - top - log(sum) : exp(y[i] - top) / sum;
}

static void check_accuracy(softmax_f32_fn *fn, bool log_of)
{
    enum { ROWS = 3, COLS = 301 };
    float *x = check_f32(ROWS * COLS, -20, 20), *mask = check_f32(ROWS * COLS, -3, 3);
    float *got = check_out_f32(ROWS * COLS);
    double want[COLS];
    fn(got, x, mask, COLS, ROWS, COLS, 0.25f, false);
    for (size_t r = 0; r < ROWS; r++) {
        oracle_row(want, x + r * COLS, mask + r * COLS, COLS, 0.25f, log_of);
        for (size_t i = 0; i < COLS; i++) {
            const double err = fabs((double)got[r * COLS + i] - want[i]);
            const double allowed = log_of ? 0x1p-23 * (16 + fabs(want[i])) : 0x1p-24 * 48 * want[i];
            check_true(err <= allowed, "row %zu, %zu: %.9g, not %.9g", r, i,
                       (double)got[r * COLS + i], want[i]);
        }
    }
}

/* Past the caches: the same bits, also where y is on no line of its own and nothing goes past. */
static void check_past(softmax_f32_fn *fn, softmax_f32_fn *ref, size_t rows, size_t cols,
                       size_t off)
{
    const size_t n = rows * cols;
    const float *x = check_f32(n, -9, 9), *mask = check_f32(cols, -2, 2);
    float *want = check_out_f32(n), *got = check_out_f32(n + 32);
    while ((uintptr_t)got % 64) got++;
    for (int masked = 0; masked < 2; masked++) {
        ref(want, x, masked ? mask : NULL, 0, rows, cols, masked ? 0.7f : 1, false);
        fn(got + off, x, masked ? mask : NULL, 0, rows, cols, masked ? 0.7f : 1, true);
        check_same_f32(want, got + off, n);
    }
}

static void check_one(softmax_f32_fn *fn, softmax_f32_fn *ref, const char *name, uint32_t needs)
{
    if (check_next(needs, name, "accuracy")) check_accuracy(fn, strstr(name, "log_") != NULL);
    for (size_t i = 0; i < 60; i++) {
        const size_t cols = i < 36 ? i : check_pick(36, 600), rows = check_pick(1, 4);
        const size_t masked = check_pick(0, 2), wild = check_pick(0, 3);
        if (!check_next(needs, name, "%zux%zu mask %zu%s", rows, cols, masked, wild ? "" : " wild"))
            continue;
        const size_t n = rows * cols;
        float *x = wild ? check_f32(n, -9, 9) : check_f32_wild(n);
        float *mask = check_f32(masked == 2 ? n : cols, -2, 2);
        if (cols > 3) mask[cols / 2] = -INFINITY;
        float *want = check_out_f32(n), *got = check_out_f32(n);
        const size_t stride = masked == 2 ? cols : 0;
        ref(want, x, masked ? mask : NULL, stride, rows, cols, 0.7f, false);
        fn(got, x, masked ? mask : NULL, stride, rows, cols, 0.7f, false);
        check_same_f32(want, got, n);
        fn(x, x, masked ? mask : NULL, stride, rows, cols, 0.7f, false);
        check_same_f32(want, x, n);
    }
    for (size_t i = 0; i < 12; i++) {
        const size_t rows = check_pick(0, 5), cols = check_pick(1, 300) * (i % 4 ? 16 : 15);
        if (check_next(needs, name, "past the caches %zux%zu, %zu", rows, cols, i % 3))
            check_past(fn, ref, rows, cols, i % 3);
    }
}

/* Against the definition in double, as above, and against the truth; a strip of wider rows. */
static void check_cols(softmax_cols_f32_fn *fn, softmax_cols_f32_fn *ref, const char *name,
                       uint32_t needs)
{
    const bool log_of = strstr(name, "log_") != NULL;
    for (size_t i = 0; i < 60; i++) {
        const size_t cols = i < 36 ? i : check_pick(36, 100), n = check_pick(1, i % 8 ? 40 : 300);
        const size_t row = cols + check_pick(0, 3);
        const bool wild = check_pick(0, 3) == 0;
        if (!check_next(needs, name, "%zu of %zux%zu%s", n, cols, row, wild ? " wild" : ""))
            continue;
        const size_t all = n * row;
        float *x = wild ? check_f32_wild(all) : check_f32(all, -9, 9);
        float *want = check_out_f32(all), *got = check_out_f32(all);
        ref(want, x, n, cols, row);
        fn(got, x, n, cols, row);
        check_same_f32(want, got, all);
        for (size_t c = 0; c < cols && !wild; c++) {
            float one[300];
            double right[300];
            for (size_t k = 0; k < n; k++) one[k] = x[k * row + c];
            oracle_row(right, one, NULL, n, 1, log_of);
            for (size_t k = 0; k < n; k++) {
                const double err = fabs((double)got[k * row + c] - right[k]);
                const double ulps = 40 + (double)IG_MIN(n, (size_t)128);
                check_true(err <= (log_of ? 0x1p-23 * (16 + fabs(right[k]) + ulps / 8)
                                          : 0x1p-24 * ulps * right[k]),
                           "%zu, %zu: %.9g, not %.9g", k, c, (double)got[k * row + c], right[k]);
            }
        }
        for (size_t k = 0; k < n; k++)
            for (size_t c = cols; c < row; c++) want[k * row + c] = x[k * row + c];
        fn(x, x, n, cols, row);
        check_same_f32(want, x, all);
    }
}

void check_softmax(void);
void check_softmax(void)
{
#define K(family, fn, needs) check_cols(fn, family##_ref, #fn, needs);
#include "kernels/softmax/softmax_cols.kern"
#undef K
#define K(family, fn, needs) check_one(fn, family##_ref, #fn, needs);
#include "kernels/softmax/softmax.kern"
#undef K
}
