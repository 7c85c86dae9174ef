/* shape.c - what changes the logits before they are a distribution: mask, bias, penalties. */
#include "runtime/llm/sample/work.h"
#include "runtime/base/checked.h"
#include "kernels/compare/compare.h"
#include "kernels/reduce/reduce.h"

#include <math.h>
#include <string.h>

bool ig_sampling_repeats(const ig_sampling *s)
{
    return s->repetition_penalty > 0 && s->repetition_penalty != 1;
}

size_t ig_sampling_window(const ig_sampling *s, size_t n)
{
    return s->penalty_window ? n - IG_MIN((size_t)s->penalty_window, n) : 0;
}

static bool penalises(const ig_sampling *s)
{
    return ig_sampling_repeats(s) || s->presence_penalty != 0 || s->frequency_penalty != 0;
}

static void apply_mask(float *x, const uint64_t *mask, size_t n)
{
    for (size_t at = 0; at < n; at += 64) {
        const uint64_t bits = mask[at / 64];
        if (bits == UINT64_MAX) continue;
        const size_t m = IG_MIN(n - at, (size_t)64);
        for (size_t i = 0; i < m; i++)
            if (!(bits >> i & 1)) x[at + i] = -INFINITY;
    }
}

/* Each token of before[from, to) once: its logit, and how often it came. */
static void penalise(ig_sample_work *w, const ig_sampling *s, const int32_t *before, size_t from,
                     size_t to, bool repetition)
{
    for (size_t i = from; i < to; i++)
        if ((size_t)before[i] < w->vocab) w->counts[before[i]]++;
    for (size_t i = from; i < to; i++) {
        if ((size_t)before[i] >= w->vocab || !w->counts[before[i]]) continue;
        float *x = &w->x[before[i]];
        if (repetition)
            *x = *x > 0 ? *x / s->repetition_penalty : *x * s->repetition_penalty;
        else
            *x -= (float)w->counts[before[i]] * s->frequency_penalty + s->presence_penalty;
        w->counts[before[i]] = 0;
    }
}

void ig_sample_shape(const float **x, ig_sample_work *w, const ig_sampling *s,
                     const ig_sample_row *row)
{
    const bool penalties = penalises(s) && row->before && row->n_before;
    *x = row->logits;
    if (!row->mask && !s->n_bias && !penalties) return;
    memcpy(w->x, row->logits, w->vocab * sizeof *w->x);
    *x = w->x;
    if (row->mask) apply_mask(w->x, row->mask, w->vocab);
    for (size_t i = 0; i < s->n_bias; i++) w->x[s->bias[i].id] += s->bias[i].add;
    if (!penalties) return;
    const size_t from = ig_sampling_window(s, row->n_before);
    if (ig_sampling_repeats(s)) penalise(w, s, row->before, from, row->n_before, true);
    if (s->presence_penalty != 0 || s->frequency_penalty != 0)
        penalise(w, s, row->before, IG_MAX(from, row->n_prompt), row->n_before, false);
}

/* ---- the largest ---- */

static size_t first_equal(const float *x, size_t n, float v)
{
    enum { BLOCK = 4096 };
    uint8_t hit[BLOCK];
    compare_fn *equal = ig_compare_f32();
    for (size_t at = 0; at < n; at += BLOCK) {
        const size_t m = IG_MIN(n - at, (size_t)BLOCK);
        equal(hit, x + at, &v, m, IG_EQUAL, true);
        const uint8_t *found = memchr(hit, 1, m);
        if (found) return at + (size_t)(found - hit);
    }
    return n;
}

static size_t first_nan(const float *x, size_t n)
{
    size_t i = 0;
    while (i < n && x[i] == x[i]) i++;
    return i;
}

ingot_status ig_sample_top(float *top, uint32_t *id, const float *x, size_t n, const char *when,
                           ingot_error *err)
{
    ig_max_rows_f32()(top, x, 1, n);
    if (*top != *top)
        return ig_fail(err, INGOT_E_DATA, "sampling: the logit of token %zu is NaN%s",
                       first_nan(x, n), when);
    if (*top == -INFINITY)
        return ig_fail(err, INGOT_E_DATA,
                       "sampling: no token is left%s: every logit is -infinity (mask and bias "
                       "forbid all of them)",
                       when);
    *id = (uint32_t)first_equal(x, n, *top);
    if (*top == INFINITY)
        return ig_fail(err, INGOT_E_DATA, "sampling: the logit of token %u is +infinity%s", *id,
                       when);
    return INGOT_OK;
}
