/* Fourier transforms against the definition, for lengths that take every path. */
#include "kernels/fft/fft.h"
#include "runtime/base/checked.h"
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>

static double error_of(size_t n, bool inverse)
{
    size_t table, scratch;
    ig_fft fft;
    double worst = 0;
    assert_true(ig_fft_sizes(n, &table, &scratch));
    ig_complex *t = calloc(table, sizeof *t), *s = calloc(scratch, sizeof *s);
    ig_complex *x = calloc(n, sizeof *x), *y = calloc(n, sizeof *y);
    for (size_t i = 0; i < n; i++) {
        x[i] = y[i] = (ig_complex){(double)(i * 37 % 101) / 50 - 1, (double)(i * 53 % 97) / 48 - 1};
    }
    ig_fft_init(&fft, n, t, s);
    ig_fft_run(&fft, y, inverse, s);
    for (size_t k = 0; k < n; k++) {
        double re = 0, im = 0;
        for (size_t i = 0; i < n; i++) {
            const double turn = 6.28318530717958647693 * (double)(i * k % n) / (double)n;
            const double c = cos(turn), d = inverse ? sin(turn) : -sin(turn);
            re += x[i].re * c - x[i].im * d;
            im += x[i].re * d + x[i].im * c;
        }
        if (inverse) re /= (double)n, im /= (double)n;
        worst = fmax(worst, hypot(re - y[k].re, im - y[k].im));
    }
    free(t), free(s), free(x), free(y);
    return worst;
}

static void every_length_matches_the_definition(void **state)
{
    (void)state;
    static const size_t lengths[] = {1,  2,  3,  4,  5,   6,   7,   8,   12,  13,   16,  17,
                                     24, 30, 34, 64, 100, 127, 210, 360, 400, 1009, 1024};
    for (size_t i = 0; i < IG_LEN(lengths); i++)
        for (int inverse = 0; inverse < 2; inverse++) {
            const double error = error_of(lengths[i], inverse);
            /* sums of n terms of size 1: the definition itself errs by about n ulp */
            if (!(error <= 1e-15 * (double)lengths[i] + 1e-15))
                fail_msg("length %zu, inverse %d: error %g", lengths[i], inverse, error);
        }
}

static void hostile_lengths_are_refused(void **state)
{
    (void)state;
    size_t table, scratch;
    assert_false(ig_fft_sizes(0, &table, &scratch));
    assert_false(ig_fft_sizes(SIZE_MAX, &table, &scratch));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_matches_the_definition),
        cmocka_unit_test(hostile_lengths_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
