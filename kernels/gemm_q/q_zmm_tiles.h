/* q_zmm_tiles.h - the tiles of the two AVX-512 products: a body for the file that defines
 *
 *     void q_group(__m512 *y, const uint8_t *w, const ig_q_act *a, __m512 d, __m512 z, cols, bits,
 *                  offset)
 *
 * which adds one group (32 k) of one panel to y of each column. */
#ifndef IG_Q_ZMM_TILES_H
#define IG_Q_ZMM_TILES_H

enum { MOST = 12 };

VEC_INLINE void tile(const q_tile *t, const size_t cols, const size_t bits, const bool offset)
{
    const uint32_t scale_bytes = t->format->scale_bytes;
    q_cursor c = q_begin(t);
    __m512 y[MOST];
    UNROLL for (size_t i = 0; i < cols; i++) y[i] = _mm512_load_ps(t->y + i * IG_Q_PANEL);
    for (size_t g = t->groups; g; g--) {
        const __m512 d = q_load_scales(c.head + c.at, scale_bytes);
        __m512 z = d;
        if (offset)
            z = q_offset(t->format, d, q_load_scales(c.head + t->table + c.at, scale_bytes));
        q_group(y, c.w, c.a, d, z, cols, bits, offset);
        q_next(&c, t, bits * IG_Q_GROUP * IG_Q_PANEL / 8);
    }
    UNROLL for (size_t i = 0; i < cols; i++) _mm512_store_ps(t->y + i * IG_Q_PANEL, y[i]);
}

#define UP_TO_12(X, b, z)                                                                   \
    X(1, b, z)                                                                              \
    X(2, b, z) X(3, b, z) X(4, b, z) X(5, b, z) X(6, b, z) X(7, b, z) X(8, b, z) X(9, b, z) \
        X(10, b, z) X(11, b, z) X(12, b, z)
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
    {{by_4[0], by_4[1]}, {by_8[0], by_8[1]}}, {MOST, MOST}, false, ig_finish_avx512};

#endif
