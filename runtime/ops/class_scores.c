/* class_scores.c - post transforms; see class_scores.h. Method of PROBIT: Winitzki's approximation
 * of the inverse error function with a = 0.147, as the format's other readers have it. */
#include "runtime/ops/class_scores.h"

#include <math.h>

const char *const ig_post_names[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT", NULL};

static double logistic(double x)
{
    const double v = 1 / (1 + exp(-fabs(x)));
    return x < 0 ? 1 - v : v;
}

static double probit(double p)
{
    const double x = 2 * p - 1, a = 0.147;
    const double log_part = log((1 - x) * (1 + x));
    const double v = 2 / (3.14159 * a) + 0.5 * log_part;
    const double root = sqrt(sqrt(v * v - log_part / a) - v);
    return 1.41421356 * (x < 0 ? -root : root);
}

/* Scores of zero mean "not seen" and keep next to nothing of the sum under SOFTMAX_ZERO. */
static void softmax(double *v, size_t n, bool skip_zero)
{
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++) most = v[i] > most ? v[i] : most;
    for (size_t i = 0; i < n; i++) {
        const bool counts = !skip_zero || fabs(v[i]) > 1e-7;
        v[i] = counts ? exp(v[i] - most) : v[i] * exp(-most);
        if (counts) sum += v[i];
    }
    for (size_t i = 0; i < n && sum != 0; i++) v[i] /= sum;
}

void ig_post_scores(double *v, size_t n, ig_post post)
{
    if (post == IG_POST_SOFTMAX || post == IG_POST_SOFTMAX_ZERO)
        softmax(v, n, post == IG_POST_SOFTMAX_ZERO);
    for (size_t i = 0; i < n; i++) {
        if (post == IG_POST_LOGISTIC) v[i] = logistic(v[i]);
        if (post == IG_POST_PROBIT) v[i] = probit(v[i]);
    }
}

void ig_post_pair(double *v, ig_post post, ig_second second)
{
    const double s = v[0];
    v[1] = s;
    if (post == IG_POST_PROBIT) {
        v[0] = probit(s);
        v[1] = 0;
    } else if (second == IG_SECOND_NONE) {
        v[1] = 0;
    } else if (post == IG_POST_LOGISTIC) {
        v[0] = logistic(-s);
        v[1] = logistic(s);
    } else {
        v[0] = second == IG_SECOND_COMPLEMENT ? 1 - s : -s;
    }
}
