/* attention.h - softmax(q k^T * scale + mask) v of one head, fp32, for encoders and short contexts.
 *
 * K is packed as the GEMM's panels (16 tokens side by side, so a score vector needs no horizontal
 * sum), V likewise; then, for blocks of 28 queries, scores of all keys, exp, and the product with V
 * stay in L1 and L2. The division by the sum is done on the finished rows of y.
 *
 * A query to which nothing is visible (no keys) gives 0; one whose visible keys are all masked by
 * -infinity gives NaN, as softmax does.
 * Class E: scores are one chain over d, sums run in sixteen lanes, outputs are one chain over the
 * keys. A row depends on nothing but its own query, position and the keys: not on q0, q1.
 * Threads: pure, one scratch for each call; split heads, or queries (each call packs K and V). */
#ifndef IG_ATTENTION_H
#define IG_ATTENTION_H

#include "kernels/cpu.h"

#include <stdbool.h>

typedef struct {
    float *y;          /* [tq, dv], rows y_row apart; overlaps nothing */
    const float *q;    /* [tq, d] */
    const float *k;    /* [tk, d] */
    const float *v;    /* [tk, dv] */
    const float *mask; /* NULL, or [tq, tk]; mask_row 0: the same for every query */
    size_t tq, tk, d, dv;
    size_t y_row, q_row, k_row, v_row, mask_row;
    float scale;
    bool causal; /* query i sees keys 0 .. i + past */
    size_t past;
} attention_args;

/* ig_attention_scratch - the floats that one call needs; false when that does not fit size_t. */
bool ig_attention_scratch(size_t tk, size_t d, size_t dv, size_t *n_floats);

/* Computes the rows [q0, q1) of y. */
typedef void attention_f32_fn(const attention_args *p, size_t q0, size_t q1, float *scratch);

#define K(family, fn, needs) family##_fn fn;
#include "kernels/attention/attention.kern"
#undef K

attention_f32_fn *ig_attention_f32(void);

#endif
