// scores.cuh - from raw scores of a classifier to what its users see, a row a thread: what
// runtime/ops/class_scores.c does.
#pragma once
#include "kernels/trees/trees_cuda.h"
#include "kernels/unary/functions.cuh"

enum { SECOND_NONE, SECOND_COMPLEMENT, SECOND_NEGATED };

EL_INLINE double score_logistic(double x)
{
    const double v = 1 / (1 + fn_exp(-fn_fabs(x)));
    return x < 0 ? 1 - v : v;
}

EL_INLINE double score_probit(double p)
{
    const double x = 2 * p - 1, a = 0.147;
    const double log_part = fn_log(el_mul(1 - x, 1 + x));
    const double v = el_add(2 / (3.14159 * a), el_mul(0.5, log_part));
    const double root = fn_sqrt(fn_sqrt(el_add(el_mul(v, v), -(log_part / a))) - v);
    return 1.41421356 * (x < 0 ? -root : root);
}

EL_INLINE void score_softmax(double *v, int n, bool skip_zero)
{
    double most = -INFINITY, sum = 0;
    for (int i = 0; i < n; i++) most = v[i] > most ? v[i] : most;
    for (int i = 0; i < n; i++) {
        const bool counts = !skip_zero || fn_fabs(v[i]) > 1e-7;
        v[i] = counts ? fn_exp(v[i] - most) : el_mul(v[i], fn_exp(-most));
        if (counts) sum += v[i];
    }
    for (int i = 0; i < n && sum != 0; i++) v[i] /= sum;
}

EL_INLINE void score_post(double *v, int n, int post)
{
    if (post == CU_POST_SOFTMAX || post == CU_POST_SOFTMAX_ZERO)
        score_softmax(v, n, post == CU_POST_SOFTMAX_ZERO);
    for (int i = 0; i < n; i++) {
        if (post == CU_POST_LOGISTIC) v[i] = score_logistic(v[i]);
        if (post == CU_POST_PROBIT) v[i] = score_probit(v[i]);
    }
}

// v[0] is the only score; v[0..2) become those of both classes.
EL_INLINE void score_pair(double *v, int post, int second)
{
    const double s = v[0];
    v[1] = s;
    if (post == CU_POST_PROBIT) {
        v[0] = score_probit(s);
        v[1] = 0;
    } else if (second == SECOND_NONE) {
        v[1] = 0;
    } else if (post == CU_POST_LOGISTIC) {
        v[0] = score_logistic(-s);
        v[1] = score_logistic(s);
    } else {
        v[0] = second == SECOND_COMPLEMENT ? 1 - s : -s;
    }
}
