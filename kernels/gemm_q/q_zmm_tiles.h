/* q_zmm_tiles.h - the tiles of the two AVX-512 products: a body for the file that defines
 *
 *     void q_group(__m512 *y, const uint8_t *w, const ig_q_act *a, __m512 d, __m512 z, cols, bits,
 *                  offset)
 *
 * which adds one group (32 k) of one panel to y of each column, and FEW, the columns up to which
 * groups go by four, and MOST_8, the most columns of a tile with 8-bit weights. */
#ifndef IG_Q_ZMM_TILES_H
#define IG_Q_ZMM_TILES_H

enum { MOST = 12 };

/* Few columns wait for memory, and see further ahead when they need fewer instructions: groups by
 * four, which is what a block holds, or half of it. */
VEC_INLINE size_t by_fours(__m512 *y, q_cursor *c, const q_tile *t, const size_t cols,
                           const size_t bits, const bool offset)
{
    const size_t quant_bytes = bits * IG_Q_GROUP * IG_Q_PANEL / 8, step = t->act_step;
    const size_t share = t->layout->per_scale, scale = t->layout->scale_step;
    const size_t at[FOUR] = {0, 1 / share * scale, 2 / share * scale, 3 / share * scale};
    const size_t half = share > FOUR ? 0 : FOUR / share * scale; /* to the next four's scales */
    size_t left = t->groups;
    for (; left >= FOUR; left -= FOUR) {
        UNROLL for (size_t i = 0; i < FOUR; i++)
        {
            __m512 d, z;
            q_scales(&d, &z, t, c->head + c->at + at[i], offset);
            q_group(y, c->w + i * quant_bytes, q_act_after(c->a, i * step), d, z, cols, bits,
                    offset);
        }
        c->w += FOUR * quant_bytes;
        c->a = q_act_after(c->a, FOUR * step);
        c->at += half;
        c->left -= FOUR;
        if (c->left) continue;
        q_next_block(c, t);
    }
    return left;
}

VEC_INLINE void tile(const q_tile *t, const size_t cols, const size_t bits, const bool offset)
{
    q_cursor c = q_begin(t);
    __m512 y[MOST];
    UNROLL for (size_t i = 0; i < cols; i++) y[i] = _mm512_load_ps(t->y + i * IG_Q_PANEL);
    size_t left = t->groups;
    if (cols <= FEW) left = by_fours(y, &c, t, cols, bits, offset);
    for (; left; left--) {
        __m512 d, z;
        q_scales(&d, &z, t, c.head + c.at, offset);
        q_group(y, c.w, c.a, d, z, cols, bits, offset);
        q_next(&c, t, bits * IG_Q_GROUP * IG_Q_PANEL / 8);
    }
    UNROLL for (size_t i = 0; i < cols; i++) _mm512_store_ps(t->y + i * IG_Q_PANEL, y[i]);
}

#define UP_TO_12(X, b, z) \
    X(1, b, z)            \
    X(2, b, z)            \
    X(3, b, z)            \
    X(4, b, z)            \
    X(5, b, z) X(6, b, z) X(7, b, z) X(8, b, z) X(9, b, z) X(10, b, z) X(11, b, z) X(12, b, z)
#define TILE(cols, bits, offset) \
    static void tile_##cols##_##bits##_##offset(const q_tile *t) { tile(t, cols, bits, offset); }
#define NAME(cols, bits, offset) tile_##cols##_##bits##_##offset,
UP_TO_12(TILE, 4, 0)
UP_TO_12(TILE, 4, 1)
UP_TO_12(TILE, 8, 0)
UP_TO_12(TILE, 8, 1)
static q_tile_fn *const by_4[2][MOST] = {{UP_TO_12(NAME, 4, 0)}, {UP_TO_12(NAME, 4, 1)}};
static q_tile_fn *const by_8[2][MOST] = {{UP_TO_12(NAME, 8, 0)}, {UP_TO_12(NAME, 8, 1)}};

static const q_tiles tiles = {
    {{by_4[0], by_4[1]}, {by_8[0], by_8[1]}}, {MOST, MOST_8}, false, ig_finish_avx512};

#endif
