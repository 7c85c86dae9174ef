/* sampler.c - see sampler.h. */
#include "runtime/llm/sample/work.h"
#include "runtime/base/checked.h"
#include "kernels/unary/unary.h"

#include <math.h>
#include <string.h>

/* ---- options ---- */

static ingot_status in_range(const char *name, float v, double low, double high, ingot_error *err)
{
    if ((double)v >= low && (double)v <= high) return INGOT_OK;
    return ig_fail(err, INGOT_E_ARG, "sampling: %s is %g; it goes from %g to %g", name, (double)v,
                   low, high);
}

ingot_status ig_sampling_check(const ig_sampling *s, size_t vocab, ingot_error *err)
{
    IG_TRY(in_range("temperature", s->temperature, 0, 1e6, err));
    IG_TRY(in_range("top_p", s->top_p, 0, 1, err));
    IG_TRY(in_range("min_p", s->min_p, 0, 1, err));
    IG_TRY(in_range("typical_p", s->typical_p, 0, 1, err));
    IG_TRY(in_range("repetition_penalty", s->repetition_penalty, 0, 1e6, err));
    IG_TRY(in_range("presence_penalty", s->presence_penalty, -1e6, 1e6, err));
    IG_TRY(in_range("frequency_penalty", s->frequency_penalty, -1e6, 1e6, err));
    if (s->top_logprobs > IG_TOP_LOGPROBS_MOST)
        return ig_fail(err, INGOT_E_ARG, "sampling: top_logprobs is %u; at most %d are given",
                       s->top_logprobs, IG_TOP_LOGPROBS_MOST);
    for (size_t i = 0; i < s->n_bias; i++) {
        const ig_logit_bias b = s->bias[i];
        if (b.id >= vocab)
            return ig_fail(err, INGOT_E_ARG, "sampling: bias for token %u: the vocabulary has %zu",
                           b.id, vocab);
        if (!(b.add < INFINITY))
            return ig_fail(err, INGOT_E_ARG, "sampling: the bias of token %u is %g", b.id,
                           (double)b.add);
    }
    return INGOT_OK;
}

/* ---- scratch ---- */

ingot_status ig_sample_work_open(ig_sample_work **out, ig_heap *heap, size_t vocab,
                                 ingot_error *err)
{
    *out = NULL;
    if (!vocab || vocab > INT32_MAX)
        return ig_fail(err, INGOT_E_ARG, "sampling: a vocabulary of %zu tokens", vocab);
    ig_sample_work *w = ig_take0(heap, sizeof *w);
    if (!w) return ig_fail(err, INGOT_E_NOMEM, "sampling: no memory for its work");
    w->heap = heap;
    w->vocab = vocab;
    w->x = ig_take(heap, vocab * sizeof *w->x);
    w->counts = ig_take0(heap, vocab * sizeof *w->counts);
    w->ids = ig_take(heap, vocab * sizeof *w->ids);
    w->z = ig_take(heap, vocab * sizeof *w->z);
    w->weights = ig_take(heap, vocab * sizeof *w->weights);
    w->keys = ig_take(heap, vocab * sizeof *w->keys);
    *out = w;
    if (w->x && w->counts && w->ids && w->z && w->weights && w->keys) return INGOT_OK;
    ig_sample_work_close(out);
    return ig_fail(err, INGOT_E_NOMEM, "sampling: no memory for %zu logits", vocab);
}

void ig_sample_work_close(ig_sample_work **work)
{
    ig_sample_work *w = *work;
    *work = NULL;
    if (!w) return;
    ig_heap *heap = w->heap;
    ig_give(heap, w->x, w->vocab * sizeof *w->x);
    ig_give(heap, w->counts, w->vocab * sizeof *w->counts);
    ig_give(heap, w->ids, w->vocab * sizeof *w->ids);
    ig_give(heap, w->z, w->vocab * sizeof *w->z);
    ig_give(heap, w->weights, w->vocab * sizeof *w->weights);
    ig_give(heap, w->keys, w->vocab * sizeof *w->keys);
    ig_give(heap, w, sizeof *w);
}

/* ---- sampling ---- */

ingot_status ig_sample_dist(ig_dist *out, ig_sample_work *w, const ig_sampling *s,
                            const ig_sample_row *row, ingot_error *err)
{
    const float *x;
    float top;
    uint32_t best;
    ig_sample_shape(&x, w, s, row);
    if (x != row->logits) /* a mask may hide what is wrong with the model's own */
        IG_TRY(ig_sample_top(&top, &best, row->logits, w->vocab, "", err));
    IG_TRY(ig_sample_top(&top, &best, x, w->vocab,
                         x == row->logits ? "" : " after mask, bias and penalties", err));
    if (s->temperature > 0 && s->top_k != 1) {
        ig_sample_cut(w, s, x, top);
    } else {
        w->ids[0] = best;
        w->weights[0] = 1;
        w->n = 1;
    }
    *out = (ig_dist){w->ids, w->weights, w->n, ig_sample_total(w->weights, w->n)};
    return INGOT_OK;
}

/* The token in whose share u of [0, 1) falls; shares lie in order of ids. */
static uint32_t pick(const ig_dist *d, double u)
{
    const uint64_t until = (uint64_t)(u * (double)d->total);
    uint64_t sum = 0;
    for (size_t i = 0; i < d->n; i++) {
        sum += ig_mass(d->weights[i]);
        if (until < sum) return d->ids[i];
    }
    return d->ids[d->n - 1];
}

ingot_status ig_sample(ig_sampled *out, ig_sample_work *w, const ig_sampling *s,
                       const ig_sample_row *row, uint64_t index, ingot_error *err)
{
    ig_dist d;
    out->logprob = 0;
    out->n_top = 0;
    IG_TRY(ig_sample_dist(&d, w, s, row, err));
    out->token = d.n == 1 ? d.ids[0] : pick(&d, ig_draw_uniform(s->seed, index));
    return s->logprob || s->top_logprobs ? ig_sample_logprobs(out, w, s, row->logits, err)
                                         : INGOT_OK;
}

/* ---- logprobs ---- */

/* The logarithm of sum exp(x), from the largest x and the mass of the rest beside it. */
static double log_sum(float top, uint64_t total)
{
    return (double)top + log((double)total * 0x1p-40);
}

/* The likeliest first, of equal ones the lowest id. */
static void add_top(ig_sampled *out, uint32_t id, float logit, double log_total)
{
    const ig_logprob own = {id, (float)((double)logit - log_total)};
    size_t at = out->n_top++;
    for (; at; at--) {
        const ig_logprob *other = &out->top[at - 1];
        if (other->logprob > own.logprob || (other->logprob == own.logprob && other->id < id))
            break;
        out->top[at] = *other;
    }
    out->top[at] = own;
}

ingot_status ig_sample_logprobs(ig_sampled *out, ig_sample_work *w, const ig_sampling *s,
                                const float *logits, ingot_error *err)
{
    float top;
    uint32_t best;
    out->n_top = 0;
    if (out->token >= w->vocab)
        return ig_fail(err, INGOT_E_ARG, "logprobs: token %u: the vocabulary has %zu", out->token,
                       w->vocab);
    IG_TRY(ig_sample_top(&top, &best, logits, w->vocab, "", err));
    for (size_t i = 0; i < w->vocab; i++) w->z[i] = logits[i] - top;
    ig_exp_f32()(w->weights, w->z, w->vocab, 0, 0);
    const double log_total = log_sum(top, ig_sample_total(w->weights, w->vocab));
    out->logprob = (float)((double)logits[out->token] - log_total);
    if (!s->top_logprobs) return INGOT_OK;
    ig_sample_largest(w, logits, s->top_logprobs);
    for (size_t i = 0; i < w->n; i++) add_top(out, w->ids[i], w->z[i], log_total);
    return INGOT_OK;
}

/* ---- rows on a device ---- */

ig_sample_row ig_sample_looked_at(const ig_sampling *s, const ig_sample_row *from)
{
    ig_sample_row r = *from;
    const bool repeats = ig_sampling_repeats(s);
    const bool others = s->presence_penalty != 0 || s->frequency_penalty != 0;
    size_t begin = from->n_before;
    if (repeats || others) begin = ig_sampling_window(s, from->n_before);
    if (!repeats) begin = IG_MAX(begin, IG_MIN(from->n_prompt, from->n_before));
    if (!from->before) begin = from->n_before;
    if (begin < from->n_before) r.before += begin;
    r.n_before -= begin;
    r.n_prompt -= IG_MIN(begin, from->n_prompt);
    return r;
}

ig_draw ig_sample_draw_of(const ig_sampling *s, const ig_sample_row *from, uint64_t index)
{
    return (ig_draw){.temperature = s->temperature,
                     .top_p = s->top_p,
                     .min_p = s->min_p,
                     .typical_p = s->typical_p,
                     .repetition = s->repetition_penalty,
                     .presence = s->presence_penalty,
                     .frequency = s->frequency_penalty,
                     .top_k = s->top_k,
                     .n_before = (uint32_t)from->n_before,
                     .n_prompt = (uint32_t)IG_MIN(from->n_prompt, from->n_before),
                     .n_bias = (uint32_t)s->n_bias,
                     .masked = from->mask != NULL,
                     .n_top = s->top_logprobs,
                     .total = s->logprob || s->top_logprobs,
                     .seed = s->seed,
                     .index = index};
}

void ig_sample_of_drawn(ig_sampled *out, const ig_sampling *s, const ig_drawn *drawn,
                        const ig_drawn_top *tops)
{
    out->token = (uint32_t)drawn->token;
    out->logprob = 0;
    out->n_top = 0;
    if (!s->logprob && !s->top_logprobs) return;
    const double log_total = log_sum(drawn->top, drawn->total);
    out->logprob = (float)((double)drawn->logit - log_total);
    for (uint32_t i = 0; i < drawn->n_top; i++) add_top(out, tops[i].id, tops[i].logit, log_total);
}
