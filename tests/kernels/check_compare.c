/* check_compare.c - comparisons: every variant against the definition, NaN and extremes included.
 */
#include "tests/kernels/kernel_check.h"
#include "kernels/compare/compare.h"

#include <string.h>

static bool holds(double a, double b, ig_comparison how)
{
    switch (how) {
    case IG_EQUAL:
        return a == b;
    case IG_LESS:
        return a < b;
    case IG_LESS_OR_EQUAL:
        return a <= b;
    case IG_GREATER:
        return a > b;
    default:
        return a >= b;
    }
}

/* As double: the 64-bit integers here are small or have few low bits. */
static double value(const char *name, const void *p, size_t i)
{
    if (strstr(name, "f32")) return (double)((const float *)p)[i];
    if (strstr(name, "i32")) return (double)((const int32_t *)p)[i];
    return (double)((const int64_t *)p)[i];
}

/* Few values, so that many are equal; now and then extremes. */
static void *operand(const char *name, size_t n)
{
    if (strstr(name, "f32")) {
        float *x = check_f32_wild(n);
        for (size_t i = 0; i < n; i += 2) x[i] = (float)((int)x[i] % 2);
        return x;
    }
    int32_t *small = check_i32(n, -2, 2);
    if (strstr(name, "i32")) {
        if (n) small[n / 2] = INT32_MIN;
        return small;
    }
    int64_t *x = check_bytes(8 * n);
    for (size_t i = 0; i < n; i++)
        x[i] = (int64_t)((uint64_t)(int64_t)small[i] << (i % 2 ? 40 : 0));
    if (n) x[n / 2] = INT64_MIN;
    return x;
}

static void check_one(compare_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 120; i++) {
        const size_t n = i < 70 ? i : check_pick(70, 3000);
        const ig_comparison how = (ig_comparison)(i % IG_COMPARISONS);
        const bool one = i % 3 == 0;
        if (!check_next(needs, name, "%zu, comparison %d%s", n, (int)how, one ? " with one" : ""))
            continue;
        const void *a = operand(name, n), *b = operand(name, one && n ? 1 : n);
        uint8_t *want = check_bytes(n), *got = check_bytes(n);
        for (size_t k = 0; k < n; k++)
            want[k] = holds(value(name, a, k), value(name, b, one ? 0 : k), how);
        fn(got, a, b, n, how, one);
        check_same(want, got, n);
    }
}

void check_compare(void)
{
#define K(family, fn, needs) check_one(fn, #fn, needs);
#include "kernels/compare/compare.kern"
#undef K
}
