/* kernel_check.h - what a check of one kernel family sees.
 *
 * A family's check is one file, check_<op>.c, with one function void check_<op>(void) that expands
 * kernels/<op>/<op>.kern and calls its own check_one for each variant; CMake finds the file, no
 * list is edited. Each family named in a .kern is one ctest test, kernels_<family>, which runs
 * `kernel-check -f '<family>_*'` and fails when no case of that family ran.
 *
 *     static void check_one(rmsnorm_f32_fn *fn, const char *name, uint32_t needs)
 *     {
 *         for (size_t i = 0; i < 100; i++) {
 *             const size_t rows = check_pick(1, 5), cols = check_pick(1, 100);
 *             if (!check_next(needs, name, "%zux%zu", rows, cols)) continue;
 *             float *x = check_f32(rows * cols, -4, 4);
 *             float *want = check_out_f32(rows * cols), *got = check_out_f32(rows * cols);
 *             rmsnorm_f32_ref(want, x, rows, cols);
 *             fn(got, x, rows, cols);
 *             check_same_f32(want, got, rows * cols);
 *         }
 *     }
 *
 * Sizes are drawn (check_pick) before check_next, so that a filter does not change them. Buffers
 * end or begin at an unreadable page, are as misaligned as their element allows, hold canaries in
 * the rest of the page, and live until the next case. The data depends on the seed and on the
 * shape's text alone: the same for every variant, and the same when one case is run again. */
#ifndef IG_TESTS_KERNEL_CHECK_H
#define IG_TESTS_KERNEL_CHECK_H

#include "kernels/cpu.h"
#include "runtime/base/checked.h"

/* check_next - close the last case (canaries, MXCSR) and open one. False: skip it, because the
 * filter or this CPU leaves it out. */
bool check_next(uint32_t needs, const char *name, const char *shape, ...)
    __attribute__((format(printf, 3, 4)));

size_t check_pick(size_t low, size_t high); /* a random size, both ends included */

void *check_bytes(size_t n);                          /* random bytes */
float *check_f32(size_t n, float low, float high);    /* uniform */
double *check_f64(size_t n, double low, double high); /* uniform */
int32_t *check_i32(size_t n, int32_t low, int32_t high);
float *check_f32_wild(size_t n); /* NaN, infinities, -0, denormals, huge among ordinary values */
float *check_out_f32(size_t n);  /* for results: filled with a value that no kernel computes */

/* Verdicts. Class E: check_same_f32 wants equal bits, but takes any NaN for any other, because
 * which operand's NaN survives is the compiler's choice. check_close: |want - got| <= rel |want| +
 * abs. */
void check_same(const void *want, const void *got, size_t bytes);
void check_same_f32(const float *want, const float *got, size_t n);
void check_same_f64(const double *want, const double *got, size_t n);
void check_close(const float *want, const float *got, size_t n, double rel, double abs);
void check_true(bool ok, const char *what, ...) __attribute__((format(printf, 2, 3)));

#endif
