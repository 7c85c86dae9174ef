/* draw.h - rows of logits in device memory that tokens are drawn from: what the host asks for and
 * what comes back, a few bytes a row instead of the logits.
 *
 * The stages and what they mean are those of runtime/llm/sample/sampler.h, and from the same logits
 * the token is the same: weights are the CPU's exp bit for bit, and sums are integers. */
#ifndef IG_SAMPLE_DRAW_H
#define IG_SAMPLE_DRAW_H

#include <stdint.h>

/* One draw; 0 is "off" as in ig_sampling. What it needs beside its numbers lies in the words of a
 * list that all draws share: `before` [n_before] tokens, `bias` [n_bias] pairs of an id and a float
 * (ids differ), `mask` bits of ids, from the given words on. */
typedef struct {
    float temperature, top_p, min_p, typical_p;
    float repetition, presence, frequency; /* repetition 0 and 1: off */
    uint32_t top_k;
    uint32_t row; /* of the logits */
    uint32_t before, n_before;
    uint32_t n_prompt; /* of them the first are the prompt's: repetition alone counts them */
    uint32_t bias, n_bias;
    uint32_t mask, masked; /* masked: bit id % 32 of word mask + id / 32 says that id may follow */
    uint32_t scratch;      /* which part of the scratch is its own, when ig_draw_is_shaped */
    uint32_t tops, n_top;  /* so many of the likeliest go to tops[tops] on; at most 64 */
    uint32_t total;        /* `total` is wanted */
    uint64_t seed, index;  /* request, and number of the token in its answer */
} ig_draw;

enum {
    IG_DRAW_OK,
    IG_DRAW_NAN,
    IG_DRAW_NONE_LEFT,
    IG_DRAW_INFINITE,
    IG_DRAW_SCRATCH = 8 /* bytes a logit of a draw that is shaped */
};

typedef struct {
    int32_t token, status; /* status not OK: the rest means nothing */
    float logit, top;      /* of the model's own row: the token's, and the largest */
    uint64_t total;        /* sum of exp(logit - top) over the row, in multiples of 2^-40 */
    uint32_t n_top, pad;
} ig_drawn;

typedef struct {
    uint32_t id;
    float logit;
} ig_drawn_top;

/* All pointers are device memory. drawn [n]; tops: NULL when no draw wants any. */
typedef struct {
    const float *logits; /* [rows, vocab] */
    const ig_draw *draws;
    const uint32_t *list;
    ig_drawn *drawn;
    ig_drawn_top *tops; /* in no order */
    void *scratch;
    int n, vocab;
} ig_draw_args;

/* ig_draw_is_shaped - its row is changed before it is drawn from, in a copy. */
static inline int ig_draw_is_shaped(const ig_draw *d)
{
    return d->masked || d->n_bias || d->n_before;
}

#endif
