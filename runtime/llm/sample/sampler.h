/* sampler.h - from a row of logits to the next token.
 *
 * A pure function of the row, the tokens before it and the options: nothing is kept between calls,
 * so a request samples the same alone, in any batch, whole or resumed. The stages, in this order:
 *
 *   1. logprobs are taken from the model's own distribution, before anything changes it;
 *   2. the mask of a grammar: forbidden tokens are -infinity;
 *   3. logit bias, then penalties: repetition (Keskar et al. 2019: a positive logit is divided, a
 *      negative one multiplied), frequency and presence (subtracted, as OpenAI's API defines them);
 *   4. temperature; 0 takes the largest logit and ends here;
 *   5. top-k, top-p (Holtzman et al. 2020), min-p (Nguyen et al. 2024), typical (Meister et al.
 *      2022), each over the renormalised rest of the one before;
 *   6. one draw from what is left.
 *
 * This is the order of Hugging Face transformers. Stages 2 and 3 come first because they say what
 * the model should have meant, in the scale that it was trained in; temperature goes before the
 * cuts, so that top-p and min-p see the probabilities that are drawn from. top-k and top-p keep
 * at least one token. Of equal logits the lowest id wins everywhere.
 *
 * Cost: greedy without logprobs reads the row once or twice at memory speed. Cuts select by radix
 * (O(vocabulary), no sort). Weights are summed as multiples of 2^-40 of the largest, so that no sum
 * depends on its order; what is less is never drawn. Methods are part of the results, which are the
 * same for the same row on every machine, with any threads, and on devices (kernels/sample/draw.h).
 */
#ifndef IG_LLM_SAMPLER_H
#define IG_LLM_SAMPLER_H

#include "kernels/sample/draw.h"
#include "runtime/base/alloc.h"
#include "runtime/llm/sample/philox.h"

enum { IG_TOP_LOGPROBS_MOST = 64 };

typedef struct {
    uint32_t id;
    float add; /* may be -infinity: never this token */
} ig_logit_bias;

/* All zero: greedy, nothing else. */
typedef struct {
    float temperature;        /* 0: greedy */
    uint32_t top_k;           /* 0: off */
    float top_p;              /* (0, 1]; 0 and 1: off */
    float min_p;              /* [0, 1]; 0: off */
    float typical_p;          /* (0, 1]; 0 and 1: off */
    float repetition_penalty; /* > 0; 0 and 1: off */
    float presence_penalty;   /* once for a token that occurs in the answer */
    float frequency_penalty;  /* for each time that it does */
    uint32_t penalty_window;  /* the last tokens that penalties look at; 0: all */
    uint64_t seed;
    const ig_logit_bias *bias; /* [n_bias], borrowed */
    size_t n_bias;
    bool logprob;          /* of the token that is taken */
    uint32_t top_logprobs; /* the likeliest tokens with theirs, at most IG_TOP_LOGPROBS_MOST */
} ig_sampling;

/* ig_sampling_check - are these options possible for this vocabulary? Errors: E_ARG (which, its
 * value, its range). */
ingot_status ig_sampling_check(const ig_sampling *s, size_t vocab, ingot_error *err);

/* What is sampled from. */
typedef struct {
    const float *logits;   /* [vocab]; -infinity is a token that cannot be; not changed */
    const uint64_t *mask;  /* NULL, or bit id % 64 of word id / 64 says that id may follow */
    const int32_t *before; /* [n_before] prompt and answer so far; ids outside the vocabulary are
                              skipped; may be NULL when there are no penalties */
    size_t n_before;
    size_t n_prompt; /* of them the first are the prompt: repetition counts them, frequency and
                        presence do not */
} ig_sample_row;

typedef struct {
    uint32_t id;
    float logprob;
} ig_logprob;

/* A distribution over tokens: ids ascend, weights are at least 2^-40, the largest is 1; `total` is
 * the sum of them in multiples of 2^-40, each rounded down to one. */
typedef struct {
    const uint32_t *ids;
    const float *weights;
    size_t n;
    uint64_t total;
} ig_dist;

typedef struct {
    uint32_t token;
    float logprob;                        /* when ig_sampling.logprob */
    ig_logprob top[IG_TOP_LOGPROBS_MOST]; /* the likeliest first */
    size_t n_top;
} ig_sampled;

/* Scratch for rows of up to `vocab` logits, 32 bytes each. One thread at a time. */
typedef struct ig_sample_work ig_sample_work;
ingot_status ig_sample_work_open(ig_sample_work **out, ig_heap *heap, size_t vocab,
                                 ingot_error *err);
void ig_sample_work_close(ig_sample_work **w);

/* ig_sample - the token number `index` of an answer (the first is 0). Allocates nothing. Errors:
 * E_DATA (a NaN or +infinity among the logits: says which; no token is allowed). */
ingot_status ig_sample(ig_sampled *out, ig_sample_work *w, const ig_sampling *s,
                       const ig_sample_row *row, uint64_t index, ingot_error *err);

/* ig_sample_dist - the distribution that ig_sample() draws from: after all stages.
 * Greedy gives one token of weight 1. The arrays lie in the work until its next call. */
ingot_status ig_sample_dist(ig_dist *out, ig_sample_work *w, const ig_sampling *s,
                            const ig_sample_row *row, ingot_error *err);

/* ig_sample_logprobs - fills out->logprob and out->top for out->token: for a token that came
 * otherwise. */
ingot_status ig_sample_logprobs(ig_sampled *out, ig_sample_work *w, const ig_sampling *s,
                                const float *logits, ingot_error *err);

/* ---- rows on a device: kernels/sample/draw.h ---- */

/* ig_sample_draw_of - what a device is asked, but for what lies in its list. before, n_before and
 * n_prompt of `from`: those that penalties look at, see ig_sample_looked_at. */
ig_draw ig_sample_draw_of(const ig_sampling *s, const ig_sample_row *from, uint64_t index);

/* ig_sample_looked_at - `from` with the tokens alone that the penalties of s look at; none when
 * there are no penalties. */
ig_sample_row ig_sample_looked_at(const ig_sampling *s, const ig_sample_row *from);

/* ig_sample_of_drawn - what ig_sample() would have given. drawn->status is OK; tops: its own. */
void ig_sample_of_drawn(ig_sampled *out, const ig_sampling *s, const ig_drawn *drawn,
                        const ig_drawn_top *tops);

#endif
