/* differ.c - see differ.h. */
#include "tools/model/differ.h"
#include "runtime/base/checked.h"
#include "runtime/base/dtype.h"

#include <math.h>
#include <string.h>

static bool has_numbers(const ig_array *a)
{
    const ig_dtype_class c = ig_dtype(a->dtype)->class_;
    return c == IG_CLASS_FLOAT || c == IG_CLASS_INT || c == IG_CLASS_UINT || c == IG_CLASS_BOOL;
}

static double at(const ig_array *a, size_t i) { return ig_to_double(a->data, a->dtype, i); }

/* NaN beside NaN is no difference, beside a number an infinite one. */
static double distance(double x, double y)
{
    if (x == y || (isnan(x) && isnan(y))) return 0;
    return isnan(x) || isnan(y) ? INFINITY : fabs(x - y);
}

static void compare_numbers(ig_difference *d, const ig_array *a, const ig_array *b)
{
    double scale = 0, ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < d->n; i++) {
        const double x = at(a, i), y = at(b, i), e = distance(x, y);
        d->max_abs = IG_MAX(d->max_abs, e);
        d->mean_abs += e / (double)d->n;
        d->n_equal += e == 0;
        if (isfinite(x)) scale = IG_MAX(scale, fabs(x));
        if (!isfinite(x) || !isfinite(y)) continue;
        ab += x * y, aa += x * x, bb += y * y;
    }
    d->relative = d->max_abs > 0 ? d->max_abs / IG_MAX(scale, 1e-30) : 0;
    d->cosine = aa > 0 && bb > 0 ? ab / sqrt(aa) / sqrt(bb) : NAN;
}

static size_t largest(const ig_array *a, size_t first, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (at(a, first + i) > at(a, first + best)) best = i;
    return best;
}

static void compare_rows(ig_difference *d, const ig_array *a, const ig_array *b)
{
    const size_t width = a->rank ? (size_t)a->dims[a->rank - 1] : 1;
    if (width < 2) return;
    d->rows = d->n / width;
    for (size_t r = 0; r < d->rows; r++)
        d->rows_agreed += largest(a, r * width, width) == largest(b, r * width, width);
}

static void compare_texts(ig_difference *d, const ig_array *a, const ig_array *b)
{
    const ingot_str *x = a->data, *y = b->data;
    for (size_t i = 0; i < d->n; i++)
        d->n_equal += x[i].n == y[i].n && (!x[i].n || !memcmp(x[i].p, y[i].p, x[i].n));
}

ig_difference ig_differ(const ig_array *a, const ig_array *b)
{
    ig_difference d = {.numbers = has_numbers(a)};
    const bool texts = a->dtype == INGOT_STR && b->dtype == INGOT_STR;
    d.comparable =
        a->rank == b->rank && !memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) &&
        (texts || (d.numbers && has_numbers(b))) && ig_count_elements(&d.n, a->rank, a->dims);
    if (!d.comparable || !d.n) return d;
    if (texts) {
        compare_texts(&d, a, b);
    } else {
        compare_numbers(&d, a, b);
        compare_rows(&d, a, b);
    }
    return d;
}
