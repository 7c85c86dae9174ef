/* rope.h - rotary position embedding (Su et al. 2021): pairs of a head's elements turn by an angle
 * that grows with the token's position.
 *
 *     a' = a cos - b sin      b' = a sin + b cos
 *
 * Pairs are (i, i + half) (NeoX, Llama in Hugging Face's order) or neighbours (interleaved: GPT-J,
 * llama2.c). Elements from 2 half on stay as they are. Each result is one product and one fused
 * multiply-add: class E.
 *
 * Angles: position p turns pair i by p w[i]. The frequencies w and the tables of cos and sin are
 * computed in fp64 and rounded once; long contexts scale w when the table is made. */
#ifndef IG_ROPE_H
#define IG_ROPE_H

#include "kernels/cpu.h"

#include <stdbool.h>

/* ---- turning ---- */

typedef struct {
    float *y;       /* [heads, size], y_head apart; may be x, else overlaps nothing */
    const float *x; /* [heads, size], x_head apart */
    size_t y_head, x_head, heads, size;
    const float *cos, *sin; /* [half] of the token's position */
    size_t half;            /* pairs that turn, 2 half <= size */
    bool interleaved;
} rope_args;

typedef void rope_f32_fn(const rope_args *p); /* all heads of one token */

#define K(family, fn, needs) family##_fn fn;
#include "kernels/rope/rope.kern"
#undef K

rope_f32_fn *ig_rope_f32(void);

/* ---- tables ---- */

typedef enum {
    IG_ROPE_PLAIN,
    IG_ROPE_LINEAR, /* w / factor (Chen et al. 2023) */
    IG_ROPE_NTK,    /* base * factor^(d / (d - 2)) */
    IG_ROPE_YARN,   /* NTK by parts, and a larger scale (Peng et al. 2023) */
    IG_ROPE_LLAMA3, /* w / factor for wavelengths beyond the context, blended between two bounds */
} ig_rope_scaling;

typedef struct {
    double base; /* 10000 in the paper */
    size_t half; /* pairs: rotary dimension / 2 */
    ig_rope_scaling scaling;
    double factor;       /* new context / old one */
    double context;      /* the old one, in tokens: YaRN, Llama 3 */
    double fast, slow;   /* YaRN: turns within the old context above which w stays (32), below which
                            it is divided (1). Llama 3: high_freq_factor (4), low_freq_factor (1) */
    double magnitude;    /* multiplies cos and sin; 0: 1, or for YaRN 0.1 ln(factor) + 1 */
    const float *divide; /* NULL, or [half]: w[i] /= divide[i] (LongRoPE) */
} ig_rope_rule;

/* ig_rope_frequencies - w [half]. */
void ig_rope_frequencies(double *w, const ig_rope_rule *rule);

/* ig_rope_table - rows of cos and sin [n, half] for the positions first .. first + n - 1. */
void ig_rope_table(float *cos, float *sin, const double *w, const ig_rope_rule *rule, size_t first,
                   size_t n);

#endif
