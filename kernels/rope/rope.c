/* rope.c - see rope.h: which variant this machine uses; frequencies and tables. */
#include "kernels/rope/rope.h"
#include "runtime/base/checked.h"

#include <math.h>

static const double two_pi = 6.283185307179586;

rope_f32_fn *ig_rope_f32(void)
{
    rope_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;
#include "kernels/rope/rope.kern"
#undef K
    return best;
}

/* The pair, as a real number, that makes so many turns within the old context. */
static double pair_of_turns(const ig_rope_rule *r, double turns)
{
    return (double)r->half * log(r->context / (turns * two_pi)) / log(r->base);
}

static double unit(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

static void yarn(double *w, const ig_rope_rule *r)
{
    const double last = 2 * (double)r->half - 1;
    const double low = fmax(floor(pair_of_turns(r, r->fast)), 0);
    const double high = fmin(ceil(pair_of_turns(r, r->slow)), last);
    const double span = high > low ? high - low : 0.001;
    for (size_t i = 0; i < r->half; i++) {
        const double divided = unit(((double)i - low) / span);
        w[i] = w[i] / r->factor * divided + w[i] * (1 - divided);
    }
}

static void llama3(double *w, const ig_rope_rule *r)
{
    for (size_t i = 0; i < r->half; i++) {
        const double turns = r->context * w[i] / two_pi;
        const double kept = unit((turns - r->slow) / (r->fast - r->slow));
        w[i] = (1 - kept) * w[i] / r->factor + kept * w[i];
    }
}

void ig_rope_frequencies(double *w, const ig_rope_rule *rule)
{
    const double d = 2 * (double)rule->half;
    double base = rule->base;
    if (rule->scaling == IG_ROPE_NTK && d > 2) base *= pow(rule->factor, d / (d - 2));
    for (size_t i = 0; i < rule->half; i++) {
        w[i] = pow(base, -2 * (double)i / d);
        if (rule->divide) w[i] /= (double)rule->divide[i];
        if (rule->scaling == IG_ROPE_LINEAR) w[i] /= rule->factor;
    }
    if (rule->scaling == IG_ROPE_YARN) yarn(w, rule);
    if (rule->scaling == IG_ROPE_LLAMA3) llama3(w, rule);
}

void ig_rope_table(float *cos_table, float *sin_table, const double *w, const ig_rope_rule *rule,
                   size_t first, size_t n)
{
    double by = rule->magnitude;
    if (by == 0) by = rule->scaling == IG_ROPE_YARN ? 0.1 * log(rule->factor) + 1 : 1;
    for (size_t p = 0; p < n; p++)
        for (size_t i = 0; i < rule->half; i++) {
            const double angle = (double)(first + p) * w[i];
            *cos_table++ = (float)(by * cos(angle));
            *sin_table++ = (float)(by * sin(angle));
        }
}
