/* dist.c - distributions over tokens: asking them, and drawing from them. */
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
