/* compare.c - is a result what the case wants? The tolerances are those of the acceptance driver.
 */
#include "tests/onnx/case.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool differ(char *why, size_t cap, size_t at, double got, double want)
{
    snprintf(why, cap, "element %zu is %.9g, expected %.9g", at, got, want);
    return false;
}

static bool close_to(double got, double want, double rtol, double atol)
{
    if (isnan(want)) return isnan(got);
    if (isinf(want) || isinf(got)) return got == want;
    return fabs(got - want) <= atol + rtol * fabs(want);
}

static double largest(const ig_tensor *t, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        const double v = fabs(ig_to_double(t->data, t->dtype, i));
        if (isfinite(v) && v > most) most = v;
    }
    return most;
}

static bool floats(char *why, size_t cap, const ig_tensor *got, const ig_tensor *want, size_t n,
                   double wide)
{
    const bool is_f16 = want->dtype == INGOT_F16, is_bf16 = want->dtype == INGOT_BF16;
    const double rtol = is_f16    ? 2e-3
                        : is_bf16 ? 1e-2
                                  : 1e-3,
                 atol = (is_f16 || is_bf16 ? 2e-3 : 1e-5) + wide * largest(want, n);
    for (size_t i = 0; i < n; i++) {
        const double g = ig_to_double(got->data, got->dtype, i);
        const double w = ig_to_double(want->data, want->dtype, i);
        if (!close_to(g, w, rtol, atol)) return differ(why, cap, i, g, w);
    }
    return true;
}

static bool complexes(char *why, size_t cap, const ig_tensor *got, const ig_tensor *want, size_t n)
{
    const ingot_dtype part = want->dtype == INGOT_C64 ? INGOT_F32 : INGOT_F64;
    for (size_t i = 0; i < 2 * n; i++) {
        const double g = ig_to_double(got->data, part, i), w = ig_to_double(want->data, part, i);
        if (!close_to(g, w, 1e-3, 1e-5)) return differ(why, cap, i / 2, g, w);
    }
    return true;
}

static bool ints(char *why, size_t cap, const ig_tensor *got, const ig_tensor *want, size_t n)
{
    const bool rounded = want->dtype == INGOT_I8 || want->dtype == INGOT_U8;
    for (size_t i = 0; i < n; i++) {
        const int64_t g = ig_to_int(got->data, got->dtype, i);
        const int64_t w = ig_to_int(want->data, want->dtype, i);
        const bool same = g == w || (rounded && g - w <= 1 && w - g <= 1);
        if (!same) return differ(why, cap, i, (double)g, (double)w);
    }
    return true;
}

static bool strings(char *why, size_t cap, const ig_tensor *got, const ig_tensor *want, size_t n)
{
    const ingot_str *g = got->data, *w = want->data;
    for (size_t i = 0; i < n; i++) {
        if (g[i].n == w[i].n && (!g[i].n || !memcmp(g[i].p, w[i].p, g[i].n))) continue;
        snprintf(why, cap, "element %zu is '%.*s', expected '%.*s'", i,
                 (int)(g[i].n < 60 ? g[i].n : 60), g[i].p, (int)(w[i].n < 60 ? w[i].n : 60),
                 w[i].p);
        return false;
    }
    return true;
}

static bool items(char *why, size_t cap, const ig_tensor *got, const ig_tensor *want, double wide)
{
    if (got->dims[0] != want->dims[0]) {
        snprintf(why, cap, "%lld items, expected %lld", (long long)got->dims[0],
                 (long long)want->dims[0]);
        return false;
    }
    for (int64_t i = 0; i < want->dims[0]; i++) {
        char text[300];
        if (case_compare(text, sizeof text, (const ig_tensor *)got->data + i,
                         (const ig_tensor *)want->data + i, wide))
            continue;
        snprintf(why, cap, "item %lld: %s", (long long)i, text);
        return false;
    }
    return true;
}

static bool same_type(char *why, size_t cap, const ig_tensor *got, const ig_tensor *want)
{
    const size_t dims_bytes = (size_t)want->rank * sizeof want->dims[0];
    if (got->kind == want->kind && got->dtype == want->dtype && got->rank == want->rank &&
        !memcmp(got->dims, want->dims, dims_bytes))
        return true;
    char g[160], w[160];
    const ig_type got_type = ig_type_of(got), want_type = ig_type_of(want);
    ig_type_print(g, sizeof g, &got_type, NULL);
    ig_type_print(w, sizeof w, &want_type, NULL);
    snprintf(why, cap, "type %s, expected %s", g, w);
    return false;
}

bool case_compare(char *why, size_t cap, const ig_tensor *got, const ig_tensor *want, double wide)
{
    if (got->absent || want->absent) {
        if (got->absent == want->absent) return true;
        snprintf(why, cap, "%s optional, expected %s", got->absent ? "an empty" : "a filled",
                 want->absent ? "an empty one" : "a filled one");
        return false;
    }
    if (want->kind == IG_SEQUENCE && got->kind == IG_SEQUENCE)
        return items(why, cap, got, want, wide);
    if (!same_type(why, cap, got, want)) return false;
    const size_t n = ig_tensor_elements(want);
    switch (ig_dtype(want->dtype)->class_) {
    case IG_CLASS_FLOAT:
        return floats(why, cap, got, want, n, wide);
    case IG_CLASS_COMPLEX:
        return complexes(why, cap, got, want, n);
    case IG_CLASS_STR:
        return strings(why, cap, got, want, n);
    default:
        return ints(why, cap, got, want, n);
    }
}
