/* q_zmm_tiles.h - the tiles of the two AVX-512 products: a body for the file that defines
 *
 *     void q_group(__m512 *y, const uint8_t *w, const ig_q_act *a, __m512 d, __m512 z, cols, bits,
 *                  offset)
 *     void q_group_two(__m512 *y, const uint8_t *w, const ig_q_act *a, const q_levels *v, cols,
 *                      bits, min)
 *
 * which add one group (32 k) of one panel to y of each column, and FEW, the columns up to which
 * groups go by four, and MOST_8, the most columns of a tile with 8-bit weights. */
#ifndef IG_Q_ZMM_TILES_H
#define IG_Q_ZMM_TILES_H

#define Q_COLS 12
enum { MOST = Q_COLS };

/* Group w, whose scales are `at` bytes behind those of its block. */
VEC_INLINE void q_one(__m512 *y, const q_tile *t, const q_cursor *c, const uint8_t *w,
                      const ig_q_act *a, size_t at, const size_t cols, const size_t bits,
                      const q_rules rules)
{
    if (rules == Q_PLAIN || rules == Q_OFFSET) {
        __m512 d, z;
        q_scales(&d, &z, t, c->head, at, t->format->scale_bytes, rules == Q_OFFSET);
        q_group(y, w, a, d, z, cols, bits, rules == Q_OFFSET);
    } else {
        const q_levels v = q_levels_of(t, c->head, at, bits, rules == Q_TWO_MIN);
        q_group_two(y, w, a, &v, cols, bits, rules == Q_TWO_MIN);
    }
}

/* The scales of four groups, `at` bytes behind those of the block: one decision for all. */
VEC_INLINE void q_four_scales(__m512 d[FOUR], __m512 z[FOUR], const q_tile *t, const q_cursor *c,
                              const size_t at[FOUR], const bool offset)
{
    const uint32_t bytes = t->format->scale_bytes;
    if (bytes == 2) {
        UNROLL for (size_t i = 0; i < FOUR; i++)
            q_scales(&d[i], &z[i], t, c->head, c->at + at[i], 2, offset);
    } else if (bytes == 4) {
        UNROLL for (size_t i = 0; i < FOUR; i++)
            q_scales(&d[i], &z[i], t, c->head, c->at + at[i], 4, offset);
    } else {
        UNROLL for (size_t i = 0; i < FOUR; i++)
            q_scales(&d[i], &z[i], t, c->head, c->at + at[i], IG_Q_TWO_LEVELS, offset);
    }
}

VEC_INLINE void q_four(__m512 *y, const q_tile *t, const q_cursor *c, const size_t at[FOUR],
                       const size_t cols, const size_t bits, const q_rules rules)
{
    const size_t quant_bytes = bits * IG_Q_GROUP * IG_Q_PANEL / 8;
    const bool plain = rules == Q_PLAIN || rules == Q_OFFSET;
    __m512 d[FOUR], z[FOUR];
    if (plain) q_four_scales(d, z, t, c, at, rules == Q_OFFSET);
    UNROLL for (size_t i = 0; i < FOUR; i++)
    {
        const uint8_t *w = c->w + i * quant_bytes;
        const ig_q_act *a = q_act_after(c->a, i * t->act_step);
        if (plain)
            q_group(y, w, a, d[i], z[i], cols, bits, rules == Q_OFFSET);
        else
            q_one(y, t, c, w, a, c->at + at[i], cols, bits, rules);
    }
}

/* Few columns wait for memory, and see further ahead when they need fewer instructions: groups by
 * four, which is what a block holds, or half of it. */
VEC_INLINE size_t by_fours(__m512 *y, q_cursor *c, const q_tile *t, const size_t cols,
                           const size_t bits, const q_rules rules)
{
    const size_t quant_bytes = bits * IG_Q_GROUP * IG_Q_PANEL / 8, step = t->act_step;
    const size_t share = t->layout->per_scale, scale = t->layout->scale_step;
    const size_t at[FOUR] = {0, 1 / share * scale, 2 / share * scale, 3 / share * scale};
    const size_t half = share > FOUR ? 0 : FOUR / share * scale; /* to the next four's scales */
    size_t left = t->groups;
    for (; left >= FOUR; left -= FOUR) {
        q_four(y, t, c, at, cols, bits, rules);
        c->w += FOUR * quant_bytes;
        c->a = q_act_after(c->a, FOUR * step);
        c->at += half;
        c->left -= FOUR;
        if (c->left) continue;
        q_next_block(c, t);
    }
    return left;
}

VEC_INLINE void tile(const q_tile *t, const size_t cols, const size_t bits, const q_rules rules)
{
    q_cursor c = q_begin(t);
    __m512 y[MOST];
    UNROLL for (size_t i = 0; i < cols; i++) y[i] = _mm512_load_ps(t->y + i * IG_Q_PANEL);
    const bool ahead = t->ahead && cols * 8 / bits > 4;
    size_t left = t->groups;
    if (cols <= FEW) left = by_fours(y, &c, t, cols, bits, rules);
    for (; left; left--) {
        if (ahead) {
            UNROLL for (size_t i = 0; i < bits; i++)
                _mm_prefetch((const char *)c.w + AHEAD + 64 * i, _MM_HINT_NTA);
        }
        q_one(y, t, &c, c.w, c.a, c.at, cols, bits, rules);
        q_next(&c, t, bits * IG_Q_GROUP * IG_Q_PANEL / 8);
    }
    UNROLL for (size_t i = 0; i < cols; i++) _mm512_store_ps(t->y + i * IG_Q_PANEL, y[i]);
}

#include "kernels/gemm_q/q_tiles.inc"

static const q_tiles tiles = {Q_TILES, {MOST, MOST_8}, ig_finish_avx512, NULL};

#endif
