/* q_zmm_tiles.h - the tiles of the two AVX-512 products: a body for the file that defines
 *
 *     void q_group(__m512 *y, const uint8_t *w, const ig_q_act *a, __m512 d, __m512 z, cols, bits,
 *                  offset)
 *     void q_group_two(__m512 *y, const uint8_t *w, const ig_q_act *a, const q_levels *v, cols,
 *                      bits, min)
 *
 * which add one group (32 k) of one panel to y of each column, and FEW, the columns up to which the
 * order of reading counts (q_zmm_few.h), and MOST and MOST_8, the most columns of a tile with 4-bit
 * and 8-bit weights. */
#ifndef IG_Q_ZMM_TILES_H
#define IG_Q_ZMM_TILES_H

#define Q_COLS 12

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

#include "kernels/gemm_q/q_zmm_few.h"

VEC_INLINE void tile(const q_tile *t, const size_t cols, const size_t bits, const q_rules rules)
{
    q_cursor c = q_begin(t);
    __m512 y[MOST];
    UNROLL for (size_t i = 0; i < cols; i++) y[i] = _mm512_load_ps(t->y + i * IG_Q_PANEL);
    const bool ahead = t->ahead && cols * 8 / bits > 4;
    size_t left = t->groups;
    if (cols <= FEW) left = q_few(y, &c, t, cols, bits, rules);
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
