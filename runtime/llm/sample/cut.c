/* cut.c - which tokens are left to draw from.
 *
 * top-k, top-p and typical are one question: the fewest elements, best key first, whose masses
 * reach a target. A radix selection from the high bits down answers it in three passes without a
 * sort: the masses of each bucket are summed, and the bucket in which the target falls is looked at
 * more closely. Its time does not depend on the values. The few largest of many logits are found by
 * the kernel of top-k, ten times faster. */
#include "runtime/llm/sample/work.h"
#include "runtime/base/checked.h"
#include "kernels/top_k/top_k.h"
#include "kernels/unary/unary.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, FEW = 32 };

uint64_t ig_sample_total(const float *weights, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += ig_mass(weights[i]);
    return sum;
}

/* The least mass that is a share of the whole. */
static uint64_t share_of(uint64_t total, float share)
{
    return (uint64_t)ceil((double)share * (double)total);
}

/* ---- selection ---- */

typedef struct {
    uint64_t mass[DIGITS];
    size_t count[DIGITS];
} histogram;

/* Of the elements whose key begins with the bits of `prefix` above shift + bits. */
static void tally(histogram *h, const float *keys, const float *weights, size_t n, uint32_t prefix,
                  unsigned shift, unsigned bits)
{
    memset(h, 0, sizeof *h);
    const uint32_t digits = (UINT32_C(1) << bits) - 1;
    const unsigned above = shift + bits;
    for (size_t i = 0; i < n; i++) {
        const uint32_t key = ig_key_bits(keys[i]);
        if (above < 32 && (key ^ prefix) >> above) continue;
        const uint32_t d = key >> shift & digits;
        h->count[d]++;
        h->mass[d] += weights ? ig_mass(weights[i]) : 1;
    }
}

/* How many of the elements with this very key it takes, the first of them first. */
static size_t ties_for(const float *keys, const float *weights, size_t n, uint32_t key,
                       uint64_t more)
{
    size_t ties = 0;
    for (size_t i = 0; i < n; i++) {
        if (ig_key_bits(keys[i]) != key) continue;
        const uint64_t mass = weights ? ig_mass(weights[i]) : 1;
        ties++;
        if (mass >= more) break;
        more -= mass;
    }
    return ties;
}

ig_cut ig_cut_find(const float *keys, const float *weights, size_t n, uint64_t target)
{
    static const uint8_t shifts[] = {21, 10, 0}, widths[] = {11, 11, 10};
    histogram h;
    uint32_t prefix = 0;
    uint64_t have = 0; /* of what is certainly kept */
    for (size_t level = 0; level < IG_LEN(shifts); level++) {
        tally(&h, keys, weights, n, prefix, shifts[level], widths[level]);
        uint64_t mass = 0;
        uint32_t at = 0;
        for (uint32_t d = UINT32_C(1) << widths[level]; d--;) {
            if (!h.count[d]) continue;
            have += mass;
            mass = h.mass[d];
            at = d;
            if (have + mass >= target) break;
        }
        prefix |= at << shifts[level];
    }
    return (ig_cut){prefix, ties_for(keys, weights, n, prefix, target - have)};
}

/* ---- stages ---- */

/* Keeps the candidates that the cut keeps, in their order. keys may be an array of the candidates:
 * it is read ahead of what is written. */
static void keep(ig_sample_work *w, const float *keys, ig_cut cut)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        if (!ig_cut_keeps(&cut, keys[i])) continue;
        w->ids[n] = w->ids[i];
        w->z[n] = w->z[i];
        w->weights[n++] = w->weights[i];
    }
    w->n = n;
}

/* All logits but those of -infinity. */
static void take_all(ig_sample_work *w, const float *x)
{
    size_t n = 0;
    for (size_t i = 0; i < w->vocab; i++) {
        w->ids[n] = (uint32_t)i;
        w->z[n] = x[i];
        n += x[i] >= -FLT_MAX;
    }
    w->n = n;
}

/* The same for the k largest; their entries lie where keys will. */
static void take_best(ig_sample_work *w, const float *x, size_t k)
{
    ig_top_k_entry *held = (ig_top_k_entry *)(void *)w->keys;
    ig_top_k(held, ig_top_k_beyond_f32(), x, w->vocab, k, true);
    ig_top_k_by_index(held, k);
    w->n = 0;
    for (size_t i = 0; i < k; i++) {
        const size_t id = ig_top_k_index(held[i]);
        if (x[id] < -FLT_MAX) continue;
        w->ids[w->n] = (uint32_t)id;
        w->z[w->n++] = x[id];
    }
}

void ig_sample_largest(ig_sample_work *w, const float *x, size_t k)
{
    size_t room;
    if (k && k <= w->vocab / FEW && ig_top_k_room(k, &room) &&
        room * sizeof(ig_top_k_entry) <= w->vocab * sizeof *w->keys) {
        take_best(w, x, k);
        return;
    }
    take_all(w, x);
    if (k && k < w->n) keep(w, w->z, ig_cut_find(w->z, NULL, w->n, k));
}

static void weigh(ig_sample_work *w, float top, float temperature)
{
    for (size_t i = 0; i < w->n; i++) w->z[i] = (w->z[i] - top) / temperature;
    ig_exp_f32()(w->weights, w->z, w->n, 0, 0);
    keep(w, w->weights, (ig_cut){ig_key_bits(0x1p-40f), SIZE_MAX}); /* what has a mass */
}

/* The tokens whose surprise is nearest to the entropy, until their share is typical_p. With p =
 * exp(z) / total the surprise is log(total) - z and the entropy log(total) minus the mean of z: the
 * logarithm cancels. */
static void cut_typical(ig_sample_work *w, float typical_p)
{
    const uint64_t total = ig_sample_total(w->weights, w->n);
    uint64_t energy = 0; /* -z exp(z) is at most 1 / e */
    for (size_t i = 0; i < w->n; i++) energy += ig_mass(w->weights[i] * -w->z[i]);
    const float mean = (float)-((double)energy / (double)total);
    for (size_t i = 0; i < w->n; i++) w->keys[i] = -fabsf(mean - w->z[i]);
    keep(w, w->keys, ig_cut_find(w->keys, w->weights, w->n, share_of(total, typical_p)));
}

void ig_sample_cut(ig_sample_work *w, const ig_sampling *s, const float *x, float top)
{
    ig_sample_largest(w, x, s->top_k);
    weigh(w, top, s->temperature);
    if (s->top_p > 0 && s->top_p < 1) {
        const uint64_t total = ig_sample_total(w->weights, w->n);
        keep(w, w->z, ig_cut_find(w->z, w->weights, w->n, share_of(total, s->top_p)));
    }
    if (s->min_p > 0) /* the largest weight is 1 */
        keep(w, w->weights, (ig_cut){ig_key_bits(s->min_p), SIZE_MAX});
    if (s->typical_p > 0 && s->typical_p < 1) cut_typical(w, s->typical_p);
}
