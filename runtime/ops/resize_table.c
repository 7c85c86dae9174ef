/* resize_table.c - coordinates and weights of Resize; see resize_table.h.
 *
 * An output j lies at x in the input. The taps are the n elements nearest to x, n even; indices
 * past an end stand for the element there. The distance from the left neighbour to x is in (0, 1]:
 * an x on an element counts that one as its right neighbour. All in double, as ONNX's reference
 * computes it. */
#include "runtime/ops/resize_table.h"
#include "runtime/base/checked.h"

#include <math.h>

/* Half the window, counted in elements, when the filter is widened by 1 / scale. */
static size_t count_taps(const ig_resize_rule *rule, double scale)
{
    if (rule->mode == IG_NEAREST) return 1;
    const double radius = rule->mode == IG_CUBIC ? 2 : 1;
    if (!rule->antialias || scale >= 1) return rule->mode == IG_CUBIC ? 4 : 2;
    const double start = floor(-radius / scale) + 1;
    return start < -1e15 ? SIZE_MAX : (size_t)(2 - 2 * start);
}

ingot_status ig_resize_open(ig_resize_axis *axis, ig_arena *arena, const ig_resize_rule *rule,
                            size_t in, size_t out, double scale, ingot_error *err)
{
    size_t n;
    *axis = (ig_resize_axis){.in = in, .out = out, .taps = count_taps(rule, scale)};
    if (ig_mul_ok(out, axis->taps, &n)) {
        axis->index = ig_new_n(arena, int64_t, n);
        axis->weight = ig_new_n(arena, double, n);
        axis->weight32 = ig_new_n(arena, float, n);
        axis->outside = ig_new_n(arena, bool, out);
    }
    if (axis->index && axis->weight && axis->weight32 && axis->outside) return INGOT_OK;
    return ig_fail(err, INGOT_E_NOMEM, "resize: no memory for a table of %zu x %zu taps", out,
                   axis->taps);
}

static double coordinate(const ig_resize_axis *a, ig_resize_coordinates how, double j, double scale,
                         const double roi[2])
{
    const double in = (double)a->in, out = scale * in; /* not rounded */
    switch (how) {
    case IG_ALIGN_CORNERS:
        return out == 1 ? 0 : j * (in - 1) / (out - 1);
    case IG_ASYMMETRIC:
        return j / scale;
    case IG_TF_CROP:
        if (out == 1) return (roi[1] - roi[0]) * (in - 1) / 2 + roi[0] * (in - 1);
        return j * (roi[1] - roi[0]) * (in - 1) / (out - 1) + roi[0] * (in - 1);
    case IG_PYTORCH_HALF_PIXEL:
        return out == 1 ? -0.5 : (j + 0.5) / scale - 0.5;
    case IG_HALF_PIXEL_SYMMETRIC:
        return in / 2 * (1 - (double)a->out / out) + (j + 0.5) / scale - 0.5;
    case IG_TF_HALF_PIXEL:
        return (j + 0.5) / scale;
    case IG_HALF_PIXEL:
        break;
    }
    return (j + 0.5) / scale - 0.5;
}

static bool left_is_nearest(ig_resize_rounding rounding, double ratio)
{
    if (ratio == 1) return false;
    switch (rounding) {
    case IG_PREFER_FLOOR:
        return ratio <= 0.5;
    case IG_PREFER_CEIL:
        return ratio < 0.5;
    case IG_FLOOR:
        return true;
    case IG_CEIL:
        break;
    }
    return false;
}

/* The filter at distance d from its centre. */
static double filter(const ig_resize_rule *rule, double d)
{
    d = fabs(d);
    if (rule->mode == IG_LINEAR) return d < 1 ? 1 - d : 0;
    const double a = rule->cubic_a;
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

static void weigh(const ig_resize_axis *a, const ig_resize_rule *rule, double *w, double ratio,
                  double scale, double left)
{
    const double step = rule->antialias ? fmin(scale, 1) : 1;
    const double first =
        1 - (double)(a->taps / 2); /* of the taps, counted from the left neighbour */
    double sum = 0;
    for (size_t t = 0; t < a->taps; t++) {
        w[t] = filter(rule, step * (first + (double)t - ratio));
        const double at = left + first + (double)t;
        if (rule->exclude_outside && (at < 0 || at >= (double)a->in)) w[t] = 0;
        sum += w[t];
    }
    if (!rule->exclude_outside && !rule->antialias) return;
    for (size_t t = 0; t < a->taps && sum != 0; t++) w[t] /= sum;
}

static int64_t clamped(double at, size_t n)
{
    if (!(at > 0)) return 0;
    return at < (double)n ? (int64_t)at : (int64_t)n - 1;
}

void ig_resize_fill(ig_resize_axis *a, const ig_resize_rule *rule, double scale,
                    const double roi[2])
{
    for (size_t j = 0; j < a->out; j++) {
        const double x = coordinate(a, rule->coordinates, (double)j, scale, roi);
        const double whole = floor(x), ratio = x == whole ? 1 : x - whole;
        const double left = x == whole ? x - 1 : whole;
        int64_t *index = a->index + j * a->taps;
        double *w = a->weight + j * a->taps;
        a->outside[j] = rule->coordinates == IG_TF_CROP && !(x >= 0 && x <= (double)(a->in - 1));
        if (rule->mode == IG_NEAREST) {
            index[0] = clamped(left_is_nearest(rule->rounding, ratio) ? left : left + 1, a->in);
            w[0] = 1;
        } else {
            weigh(a, rule, w, ratio, scale, left);
            for (size_t t = 0; t < a->taps; t++)
                index[t] = clamped(left + 1 - (double)(a->taps / 2) + (double)t, a->in);
        }
        for (size_t t = 0; t < a->taps; t++) a->weight32[j * a->taps + t] = (float)w[t];
    }
}
