/* timing.c - see timing.h. */
#include "tools/model/timing.h"
#include "runtime/base/clock.h"
#include "tools/cli/interrupt.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Between the two nearest ranks. */
static double quantile(const double *sorted, size_t n, double q)
{
    const double at = q * (double)(n - 1);
    const size_t low = (size_t)at;
    if (low + 1 >= n) return sorted[n - 1];
    return sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]);
}

ig_times ig_times_of(double *seconds, size_t n)
{
    ig_times t = {.n = n};
    if (!n) return t;
    qsort(seconds, n, sizeof *seconds, by_value);
    t.min_s = seconds[0];
    t.median_s = quantile(seconds, n, 0.5);
    t.p10_s = quantile(seconds, n, 0.1);
    t.p90_s = quantile(seconds, n, 0.9);
    for (size_t i = 0; i < n; i++) t.mean_s += seconds[i] / (double)n;
    return t;
}

ingot_status ig_run_once(const ig_runner *r, double *seconds, ingot_error *err)
{
    if (ig_interrupted()) return ig_fail(err, INGOT_E_CANCELLED, "interrupted");
    for (size_t i = 0; i < r->n_out; i++) r->out[i] = (ingot_tensor){0};
    const uint64_t begin = ig_now_ns();
    const ingot_status s = ingot_session_run(r->session, r->out, r->n_out, r->in, r->n_in, err);
    if (seconds) *seconds = 1e-9 * (double)(ig_now_ns() - begin);
    return s;
}

ingot_status ig_warm_up(const ig_runner *r, int64_t runs, size_t *made, ingot_error *err)
{
    enum { ENOUGH = 3 };
    static const double long_enough = 0.2;
    double all = 0, once;
    for (*made = 0; runs < 0 ? *made < ENOUGH && all < long_enough : *made < (size_t)runs;
         ++*made) {
        IG_TRY(ig_run_once(r, &once, err));
        all += once;
    }
    return INGOT_OK;
}
