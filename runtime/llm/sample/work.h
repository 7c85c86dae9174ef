/* work.h - the scratch of a sampler, and the stages that share it. */
#ifndef IG_LLM_SAMPLE_WORK_H
#define IG_LLM_SAMPLE_WORK_H

#include "runtime/llm/sample/sampler.h"

struct ig_sample_work {
    ig_heap *heap;
    size_t vocab;
    float *x;         /* [vocab] logits after mask, bias and penalties */
    uint32_t *counts; /* [vocab] how often a token came before; all zero between calls */
    /* the candidates: ids ascend */
    uint32_t *ids;  /* [vocab] */
    float *z;       /* [vocab] (x - largest x) / temperature */
    float *weights; /* [vocab] exp(z) */
    float *keys;    /* [vocab] of a selection */
    size_t n;
};

/* ig_sample_shape - *x: the row after mask, bias and penalties, which is the row itself when there
 * are none. */
void ig_sample_shape(const float **x, ig_sample_work *w, const ig_sampling *s,
                     const ig_sample_row *row);

/* ig_sampling_repeats - is there a repetition penalty? ig_sampling_window - the first of n tokens
 * that penalties look at. */
bool ig_sampling_repeats(const ig_sampling *s);
size_t ig_sampling_window(const ig_sampling *s, size_t n);

/* ig_sample_top - the largest of n logits, and the first that has it. Errors: E_DATA (a NaN or
 * +infinity; nothing but -infinity). */
ingot_status ig_sample_top(float *top, uint32_t *id, const float *x, size_t n, const char *when,
                           ingot_error *err);

/* ---- selection: cut.c ---- */

/* The elements with a key above `key`, and the first n_ties of those that have it. */
typedef struct {
    uint32_t key; /* in the order of ig_key_bits() */
    size_t n_ties;
} ig_cut;

/* ig_mass - a weight of [0, 1] as an integer, in multiples of 2^-40. Sums of masses do not depend
 * on their order, so that the CPU and any device draw the same tokens; up to 2^24 of them fit. */
static inline uint64_t ig_mass(float weight) { return (uint64_t)(int64_t)(weight * 0x1p40f); }

/* ig_key_bits - unsigned integers in the order of floats (no NaN); both zeros are one. */
static inline uint32_t ig_key_bits(float x)
{
    union {
        float f;
        uint32_t u;
    } b = {x + 0.0f};
    return b.u ^ (b.u >> 31 ? UINT32_MAX : UINT32_C(1) << 31);
}

/* ig_cut_keeps - for elements in order of their index. */
static inline bool ig_cut_keeps(ig_cut *c, float key)
{
    const uint32_t bits = ig_key_bits(key);
    if (bits != c->key) return bits > c->key;
    if (!c->n_ties) return false;
    c->n_ties--;
    return true;
}

/* ig_cut_find - the fewest elements, largest key first and of equal ones the lowest index, whose
 * masses (weights NULL: 1 each) reach `target`; at least one, all when they do not reach it. */
ig_cut ig_cut_find(const float *keys, const float *weights, size_t n, uint64_t target);

/* ig_sample_largest - ids and z of the candidates: the k largest logits (0: all of them), of equal
 * ones the lowest ids; -infinity is none. */
void ig_sample_largest(ig_sample_work *w, const float *x, size_t k);

/* ig_sample_cut - fills the candidates from logits x and keeps those that top-k, top-p, min-p and
 * typical leave. temperature > 0. */
void ig_sample_cut(ig_sample_work *w, const ig_sampling *s, const float *x, float top);

uint64_t ig_sample_total(const float *weights, size_t n); /* of their masses */

#endif
