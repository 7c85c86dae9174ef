/* attention_block.h - what all paths of attention do to the scores of one block of keys and to the
 * sums of chunks, over the sixteen-lane vector of the including file. */
#ifndef IG_ATTENTION_BLOCK_H
#define IG_ATTENTION_BLOCK_H

#include "kernels/attention/attention.h"
#include "kernels/softmax/softmax_rows.h"

#define LOWEST     (-__builtin_inff())
#define ATT_UNROLL _Pragma("GCC unroll 16")

/* What a row (one query of one head) knows of the keys so far. */
typedef struct {
    float top, sum; /* largest score, sum of exp(score - top) */
} running;

/* One row's view of a block of keys. */
typedef struct {
    const attention_rule *rule;
    size_t head;
    int64_t ahead;                  /* the block's first token minus the query's position */
    size_t begin, end;              /* seen keys of the block */
    const float *mask;              /* NULL, or [end] from the block's first token */
    const float *k_scale, *v_scale; /* NULL, or [64] */
} row_view;

/* weight_of - exp(x) for x <= 0: vf_exp without what such x does not need. Weights below 2^-126
 * count as zero. */
VEC_INLINE vf weight_of(vf x)
{
    const vf to_integer = vf_set(0x1.8p23f);
    x = vf_max(vf_set(-88.0f), x);
    const vf t = vf_fma(x, vf_set(0x1.715476p0f), to_integer), n = vf_sub(t, to_integer);
    const vf r = vf_fnma(vf_set(0x1.7f7d1cp-20f), n, vf_fnma(vf_set(0x1.62e4p-1f), n, x));
    const vf p = vf_fma(vf_fma(exp_part(r), r, vf_set(1.0f)), r, vf_set(1.0f));
    return vf_mul(p, vf_power(t));
}

VEC_INLINE float weight_of_one(float x)
{
    float lanes[16];
    vf_store(lanes, weight_of(vf_set(x)));
    return lanes[0];
}

/* Sixteen scores z from lane `at` of the block on, by the rule. */
VEC_INLINE vf ruled(const row_view *r, vf z, size_t at)
{
    static const float lane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const attention_rule *rule = r->rule;
    if (r->k_scale) z = vf_mul(z, vf_load(r->k_scale + at));
    z = vf_mul(z, vf_set(rule->scale));
    if (rule->softcap > 0) {
        const vf cap = vf_set(rule->softcap);
        z = vf_mul(cap, vf_tanh(vf_div(z, cap)));
    }
    if (rule->slopes) {
        const vf away = vf_add(vf_load(lane), vf_set((float)(r->ahead + (int64_t)at)));
        z = vf_fma(vf_set(rule->slopes[r->head]), away, z);
    }
    if (r->mask && at < r->end) {
        const size_t n = r->end - at;
        const vf none = vf_set(0.0f);
        z = vf_add(z, n < 16 ? vf_load_n(r->mask + at, n, none) : vf_load(r->mask + at));
    }
    if (at + 16 > r->end) z = vf_keep_n(z, r->end > at ? r->end - at : 0, vf_set(LOWEST));
    if (at < r->begin) {
        const size_t hidden = r->begin - at;
        z = hidden < 16 ? vf_keep_n(vf_set(LOWEST), hidden, z) : vf_set(LOWEST);
    }
    return z;
}

/* A block's largest score: what was summed before shrinks by the factor returned. */
VEC_INLINE float raise_top(float *top, float *sum, float most)
{
    const float before = *top;
    if (!(most > before)) return 1;
    const float factor = before > LOWEST ? weight_of_one(before - most) : 1;
    *top = most;
    *sum *= factor;
    return factor;
}

/* weigh - scores s [n] become exp(z - top) (times V's scale), zero for keys that are not seen, up
 * to a multiple of 16. Returns the factor for what was summed before. */
VEC_INLINE float weigh(const row_view *r, float *s, size_t n, float *row_top, float *row_sum)
{
    vf top = vf_set(LOWEST);
    for (size_t at = 0; at < n; at += 16) {
        const vf z = ruled(r, vf_load(s + at), at);
        vf_store(s + at, z);
        top = vf_max(top, z);
    }
    const float factor = raise_top(row_top, row_sum, vf_top(top));
    const vf by = vf_set(*row_top > LOWEST ? *row_top : 0.0f);
    vf sum = vf_set(0.0f);
    for (size_t at = 0; at < n; at += 16) {
        vf e = weight_of(vf_sub(vf_load(s + at), by));
        sum = vf_add(sum, e);
        if (r->v_scale) e = vf_pick(vf_lt(vf_set(0.0f), e), vf_mul(e, vf_load(r->v_scale + at)), e);
        vf_store(s + at, e);
    }
    *row_sum += vf_sum(sum);
    return factor;
}

/* ---- whole blocks whose scores are only scaled, and already are, or masked beside that ---- */

/* Sixteen rows' new tops from the largest scores of this block; factor as raise_top has it. */
VEC_INLINE void raise_tops(float *top, float *sum, float *factor, const float *most)
{
    const vf before = vf_load(top), now = vf_load(most), one = vf_set(1.0f);
    const vm up = vf_lt(before, now), some = vf_lt(vf_set(LOWEST), before);
    const vf shrink = vf_pick(some, weight_of(vf_sub(before, now)), one);
    const vf by = vf_pick(up, shrink, one);
    vf_store(top, vf_pick(up, now, before));
    vf_store(sum, vf_mul(vf_load(sum), by));
    vf_store(factor, by);
}

/* Sixteen scores of a row, with the mask's share where there is one. */
VEC_INLINE vf masked(float *z, const float *mask)
{
    if (!mask) return vf_load(z);
    const vf sum = vf_add(vf_load(z), vf_load(mask));
    vf_store(z, sum);
    return sum;
}

/* weigh_rows - what weigh does, for `rows` rows of 64 scores all of which are seen; the arrays have
 * a multiple of 16 elements. mask: each row's [64], or NULL. In three sweeps, so that no row waits
 * for another's largest score. */
VEC_INLINE void weigh_rows(float *s, size_t rows, const float *const *mask, float *top, float *sum,
                           float *factor)
{
    enum { VECTORS = IG_ATT_BLOCK / 16 };
    float most[16];
    for (size_t r = 0; r < rows; r++) {
        float *z = s + r * IG_ATT_BLOCK;
        vf high = vf_set(LOWEST);
        ATT_UNROLL for (size_t i = 0; i < VECTORS; i++) high =
            vf_max(high, masked(z + i * 16, mask ? mask[r] + i * 16 : NULL));
        most[r % 16] = vf_top(high);
        if (r % 16 == 15 || r + 1 == rows) {
            const size_t from = r / 16 * 16;
            for (size_t k = r + 1; k < from + 16; k++) most[k % 16] = LOWEST;
            raise_tops(top + from, sum + from, factor + from, most);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        float *z = s + r * IG_ATT_BLOCK;
        const vf by = vf_set(top[r] > LOWEST ? top[r] : 0.0f);
        vf all = vf_set(0.0f);
        ATT_UNROLL for (size_t i = 0; i < VECTORS; i++)
        {
            const vf e = weight_of(vf_sub(vf_load(z + i * 16), by));
            all = vf_add(all, e);
            vf_store(z + i * 16, e);
        }
        sum[r] += vf_sum(all);
    }
}

/* ---- chunks ---- */

/* all (top, sum, y [dv]) and a chunk's part become all. */
VEC_INLINE void merge_row(running *all, float *y, const running *part, const float *o, size_t dv)
{
    if (part->sum == 0) return; /* it saw nothing */
    if (all->sum == 0) {
        *all = *part;
        for (size_t i = 0; i < dv; i += 16) {
            if (dv - i >= 16)
                vf_store(y + i, vf_load(o + i));
            else
                vf_store_n(y + i, vf_load(o + i), dv - i);
        }
        return;
    }
    const float top = part->top > all->top ? part->top : all->top;
    const float a = weight_of_one(all->top - top), b = weight_of_one(part->top - top);
    const vf va = vf_set(a), vb = vf_set(b);
    all->top = top;
    all->sum = __builtin_fmaf(part->sum, b, all->sum * a);
    for (size_t i = 0; i < dv; i += 16) {
        const size_t n = dv - i;
        const vf old = n < 16 ? vf_load_n(y + i, n, va) : vf_load(y + i);
        const vf sum = vf_fma(vf_load(o + i), vb, vf_mul(old, va));
        if (n < 16)
            vf_store_n(y + i, sum, n);
        else
            vf_store(y + i, sum);
    }
}

VEC_INLINE void fill_row(float *y, size_t dv, float x)
{
    for (size_t i = 0; i < dv; i++) y[i] = x;
}

/* A sink is what was seen before the first key. */
VEC_INLINE running start_row(const attention_rule *rule, size_t head, float *y, size_t dv)
{
    if (!rule->sinks) return (running){LOWEST, 0};
    fill_row(y, dv, 0);
    return (running){rule->sinks[head], 1};
}

VEC_INLINE void finish_row(const attention_rule *rule, const running *all, float *y, size_t dv)
{
    if (all->sum == 0)
        fill_row(y, dv, rule->hidden);
    else
        scale_row(y, dv, vf_set(1.0f / all->sum));
}

#endif
