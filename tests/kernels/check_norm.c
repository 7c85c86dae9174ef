/* check_norm.c - layer and RMS norm: variants bit for bit, the truth against double sums. */
#include "tests/kernels/kernel_check.h"
#include "kernels/norm/norm.h"

#include <math.h>
#include <string.h>

/* Sums of cols / 16 + 4 roundings, then subtraction, two products and a sum: the error of y is
 * within (cols / 16 + 12) u (|unit| |gamma| + |beta|) and what the mean's own error, at most
 * (cols / 16 + 5) u max|v|, does to it. */
static void check_accuracy(layer_norm_f32_fn *fn, bool rms)
{
    enum { ROWS = 3, COLS = 385 };
    float *x = check_f32(ROWS * COLS, -4, 5), *res = check_f32(ROWS * COLS, -1, 1);
    float *gamma = check_f32(COLS, -2, 2), *beta = check_f32(COLS, -2, 2);
    float *y = check_out_f32(ROWS * COLS), *mean = check_out_f32(ROWS), *inv = check_out_f32(ROWS);
    fn(&(norm_args){.y = y,
                    .mean = mean,
                    .inv_std = inv,
                    .x = x,
                    .residual = res,
                    .gamma = gamma,
                    .beta = beta,
                    .rows = ROWS,
                    .cols = COLS,
                    .eps = 1e-5f});
    for (size_t r = 0; r < ROWS; r++) {
        double m = 0, s = 0, v[COLS];
        for (size_t i = 0; i < COLS; i++)
            v[i] = (double)x[r * COLS + i] + (double)res[r * COLS + i];
        for (size_t i = 0; i < COLS && !rms; i++) m += v[i] / COLS;
        for (size_t i = 0; i < COLS; i++) s += (v[i] - m) * (v[i] - m) / COLS;
        s = 1 / sqrt(s + 1e-5);
        check_true(fabs((double)inv[r] - s) < 0x1p-24 * 40 * s, "inv_std %zu", r);
        check_true(rms || fabs((double)mean[r] - m) < 0x1p-24 * 40 * 6, "mean %zu", r);
        for (size_t i = 0; i < COLS; i++) {
            const double unit = (v[i] - m) * s, g = (double)gamma[i], b = (double)beta[i];
            const double allowed = 0x1p-24 * 40 * (fabs(unit * g) + fabs(b) + 6 * s * fabs(g));
            const double got = (double)y[r * COLS + i], want = unit * g + b;
            check_true(fabs(got - want) <= allowed, "%zu, %zu: %.9g, not %.9g", r, i, got, want);
        }
    }
}

static void check_shape(layer_norm_f32_fn *fn, layer_norm_f32_fn *ref, size_t rows, size_t cols,
                        size_t parts, bool rms)
{
    const size_t n = rows * cols;
    float *x = check_f32(n, -4, 5), *res = check_f32(n, -1, 1);
    float *want = check_out_f32(n), *got = check_out_f32(n);
    float *want_sum = check_out_f32(n), *got_sum = check_out_f32(n);
    float *want_row = check_out_f32(2 * rows), *got_row = check_out_f32(2 * rows);
    norm_args p = {.y = want, .x = x, .rows = rows, .cols = cols, .eps = 1e-5f};
    if (parts & 1) p.residual = res;
    if (parts & 2) p.gamma = check_f32(cols, -2, 2);
    if (parts & 4) p.beta = check_f32(cols, -2, 2);
    if (parts & 8) p.sum = want_sum, p.mean = rms ? NULL : want_row, p.inv_std = want_row + rows;
    ref(&p);
    p.y = got;
    if (parts & 8) p.sum = got_sum, p.mean = rms ? NULL : got_row, p.inv_std = got_row + rows;
    fn(&p);
    check_same_f32(want, got, n);
    check_same_f32(want_sum, got_sum, n);
    check_same_f32(want_row, got_row, 2 * rows);
    p.y = x;
    fn(&p);
    check_same_f32(want, x, n);
}

/* Past the caches: the same bits, also where y is on no line of its own and nothing goes past. */
static void check_stream(layer_norm_f32_fn *fn, layer_norm_f32_fn *ref, size_t rows, size_t cols,
                         size_t off)
{
    const size_t n = rows * cols;
    float *want = check_out_f32(n), *room = check_out_f32(n + 32), *got = room;
    while ((uintptr_t)got % 64) got++;
    norm_args p = {.y = want, .x = check_f32(n, -4, 5), .rows = rows, .cols = cols, .eps = 1e-5f};
    p.gamma = check_f32(cols, -2, 2);
    ref(&p);
    p.y = got + off;
    p.stream = true;
    fn(&p);
    check_same_f32(want, p.y, n);
}

static void check_one(layer_norm_f32_fn *fn, layer_norm_f32_fn *ref, const char *name,
                      uint32_t needs)
{
    const bool rms = strstr(name, "rms") != NULL;
    if (check_next(needs, name, "accuracy")) check_accuracy(fn, rms);
    for (size_t i = 1; i < 60; i++) {
        const size_t cols = i < 36 ? i : check_pick(36, 600), rows = check_pick(1, 4);
        const size_t parts = check_pick(0, 15);
        if (check_next(needs, name, "%zux%zu parts %zu", rows, cols, parts))
            check_shape(fn, ref, rows, cols, parts, rms);
    }
    for (size_t i = 0; i < 12; i++) {
        const size_t rows = check_pick(1, 20), cols = check_pick(1, 40) * (i % 4 ? 16 : 15);
        if (check_next(needs, name, "past the caches %zux%zu, %zu", rows, cols, i % 3))
            check_stream(fn, ref, rows, cols, i % 3);
    }
}

void check_norm(void);
void check_norm(void)
{
#define K(family, fn, needs) check_one(fn, family##_ref, #fn, needs);
#include "kernels/norm/norm.kern"
#undef K
}
