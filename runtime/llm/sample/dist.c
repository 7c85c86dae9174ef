/* dist.c - drawing from distributions, and speculative sampling. */
#include "runtime/llm/sample/sampler.h"

double ig_dist_p(const ig_dist *d, uint32_t id)
{
    size_t low = 0, high = d->n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (d->ids[mid] < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < d->n && d->ids[low] == id ? (double)d->weights[low] / d->total : 0;
}

uint32_t ig_dist_pick(const ig_dist *d, double u)
{
    const double until = u * d->total;
    double sum = 0;
    for (size_t i = 0; i < d->n; i++) {
        sum += (double)d->weights[i];
        if (until < sum) return d->ids[i];
    }
    return d->ids[d->n - 1];
}

/* ---- speculation ---- */

/* Walks the remainder max(0, target - draft) in order of ids: its sum, or the first token at which
 * the sum passes `until`. */
static double remainder_walk(uint32_t *token, const ig_dist *target, const ig_dist *draft,
                             uint32_t guess, double until)
{
    double sum = 0;
    size_t j = 0;
    for (size_t i = 0; i < target->n; i++) {
        const uint32_t id = target->ids[i];
        double q = 0;
        if (!draft) {
            q = id == guess;
        } else {
            while (j < draft->n && draft->ids[j] < id) j++;
            if (j < draft->n && draft->ids[j] == id) q = (double)draft->weights[j] / draft->total;
        }
        const double rest = (double)target->weights[i] / target->total - q;
        if (rest <= 0) continue;
        sum += rest;
        *token = id;
        if (until < sum) break;
    }
    return sum;
}

bool ig_speculate(uint32_t *token, const ig_dist *target, const ig_dist *draft, uint32_t guess,
                  uint64_t seed, uint64_t index)
{
    const double p = ig_dist_p(target, guess), q = draft ? ig_dist_p(draft, guess) : 1;
    *token = guess;
    if (ig_draw_uniform(seed, index, IG_DRAW_ACCEPT) * q < p) return true;
    const double u = ig_draw_uniform(seed, index, IG_DRAW_AGAIN);
    const double sum = remainder_walk(token, target, draft, guess, 2);
    if (sum > 0)
        remainder_walk(token, target, draft, guess, u * sum);
    else /* the two are equal but for rounding */
        *token = ig_dist_pick(target, u);
    return false;
}
