/* attention.h - softmax(q k^T) v of one KV head and the query heads that share it, fp32.
 *
 *     z[i, j] = rule(scale * sum over c of q[i, c] k[j, c]) + mask[i, j]    y = softmax(z) v
 *
 * Method: online softmax over blocks of keys (Milakov & Gimelshein 2018; FlashAttention, Dao et al.
 * 2022): no score is ever in memory outside the caches. Its order is fixed, so that a query's
 * result depends on nothing but its own position and the keys (class E, and the same bits for a
 * whole prompt, any chunks of it, one token at a time, and any number of threads):
 *
 *   - tokens fall into absolute blocks of IG_ATT_BLOCK: within a block a score is a sum as
 *     gemm.h defines it, the sum of weights runs in sixteen lanes, and the output is one chain
 *     over the block's tokens from +0, then added to what the blocks before gave. The largest score
 *     so far is updated, and what was summed rescaled, once a block;
 *   - blocks fall into absolute chunks of IG_ATT_CHUNK tokens. Each begins anew; chunks in which
 *     a query sees something are merged in increasing order.
 *
 * The exponential has an error below 1.04 ulp (kernels/vec/vec_math.h).
 *
 * attention_f32 computes queries [q0, q1) whatever their number: prompts, encoders. Decoding
 * long contexts splits by chunks: attention_decode makes the part of one chunk, attention_merge
 * puts the parts together. Threads: pure; one scratch for each call at a time. */
#ifndef IG_ATTENTION_H
#define IG_ATTENTION_H

#include "kernels/attention/pages.h"
#include "kernels/cpu.h"

#include <stdbool.h>

enum { IG_ATT_BLOCK = 64, IG_ATT_CHUNK = 512 };

/* What a score goes through, in this order, and which keys a query sees. */
typedef struct {
    float scale;
    float softcap;       /* > 0: z = softcap tanh(z / softcap) */
    const float *slopes; /* [heads] or NULL: z += slope (j - position of i) (ALiBi) */
    const float *sinks;  /* [heads] or NULL: one more logit, without a value */
    bool causal;         /* no key after the query's own position */
    int64_t offset;      /* query i stands at token i + offset */
    int64_t left, right; /* nor further than that before and after it; < 0: no bound */
    float hidden;        /* y of a query that sees nothing: 0 or NaN */
} attention_rule;

typedef struct {
    float *y;       /* [tq, heads, dv], y_row and y_head apart; overlaps nothing */
    const float *q; /* [tq, heads, d] */
    size_t y_row, y_head, q_row, q_head;
    size_t tq, heads, tk, d, dv;
    attention_rule rule;
    const float *k, *v; /* [tk, d], [tk, dv] */
    size_t k_row, v_row;
    const attention_pages *pages; /* not NULL: k and v are there */
    const float *mask;            /* NULL, or [heads, tq, tk] to add; row or head 0: the same */
    size_t mask_row, mask_head;
} attention_args;

/* ig_attention_scratch - the floats that attention_f32 needs for up to n_queries at once; false:
 * that does not fit size_t. */
bool ig_attention_scratch(const attention_args *p, size_t n_queries, size_t *n_floats);

/* ig_attention_chunks - [first, end) are the chunks in which a query of p sees a key. */
void ig_attention_chunks(const attention_args *p, size_t *first, size_t *end);

/* The floats of one chunk's part, a multiple of 16, and those that attention_decode needs besides.
 */
bool ig_attention_part(const attention_args *p, size_t *n_floats);
bool ig_attention_decode_scratch(const attention_args *p, size_t *n_floats);

/* attention_f32 - the rows [q0, q1) of y, all heads. */
typedef void attention_f32_fn(const attention_args *p, size_t q0, size_t q1, float *scratch);
/* attention_decode - all queries over the pages' chunk number `chunk`, without a mask: part. */
typedef void attention_decode_fn(const attention_args *p, size_t chunk, float *part,
                                 float *scratch);
/* attention_merge - y of all queries from the parts [first, end), `stride` floats apart. */
typedef void attention_merge_fn(const attention_args *p, const float *parts, size_t first,
                                size_t end, size_t stride);

#define K(family, fn, needs) family##_fn fn;
#include "kernels/attention/attention.kern"
#include "kernels/attention/attention_decode.kern"
#include "kernels/attention/attention_merge.kern"
#undef K

attention_f32_fn *ig_attention_f32(void);
attention_decode_fn *ig_attention_decode(void);
attention_merge_fn *ig_attention_merge(void);

/* ---- which keys a query sees ---- */

typedef struct {
    size_t begin, end;
} attention_range;

static inline attention_range ig_attention_sees(const attention_args *p, size_t query)
{
    const attention_rule *r = &p->rule;
    const int64_t at = (int64_t)query + r->offset, tk = (int64_t)p->tk;
    int64_t begin = r->left >= 0 && at > r->left ? at - r->left : 0;
    int64_t end = tk;
    if (r->causal && at + 1 < end) end = at + 1;
    if (r->right >= 0 && r->right < end - 1 - at) end = at + r->right + 1;
    if (end < 0) end = 0;
    if (begin > end) begin = end;
    return (attention_range){(size_t)begin, (size_t)end};
}

#endif
