/* gemm_q_avx512.c - products with 4 and 8 bit weights by vpmaddubsw, in nibbles: 8 products of 4
 * bits by 7 add up in 16 bits. A byte is its two nibbles, 16 h + l. The sums begin at -8 times the
 * activations (ig_q_act.lane), so that they are those of q - 8. */
#include "kernels/gemm_q/q_zmm.h"

/* The sum of nibbles times activations from `lane` on, pairs of words added up with `weight`. */
VEC_INLINE __m512i q_dot(const __m512i w[DWORDS], const ig_q_act *a, __m512i sum, int16_t weight)
{
    UNROLL for (size_t k = 0; k < DWORDS; k++) sum =
        _mm512_add_epi16(sum, _mm512_maddubs_epi16(w[k], q_dword(a->q + 4 * k)));
    return _mm512_madd_epi16(sum, _mm512_set1_epi16(weight));
}

VEC_INLINE void tile(const q_tile *t, const size_t cols, const size_t bits, const bool offset)
{
    const size_t quant_bytes = bits * IG_Q_GROUP * IG_Q_PANEL / 8;
    q_cursor c = {t->quants, t->scale, t->acts, t->per_block};
    __m512 y[8];
    UNROLL for (size_t i = 0; i < cols; i++) y[i] = _mm512_load_ps(t->y + i * IG_Q_PANEL);
    for (size_t g = t->groups; g; g--) {
        __m512i w[DWORDS], low[8];
        q_prefetch(c.w, cols, quant_bytes);
        if (bits == 8) {
            UNROLL for (size_t k = 0; k < DWORDS; k++) w[k] = q_nibbles(c.w + k * 64, false);
            UNROLL for (size_t i = 0; i < cols; i++) low[i] =
                q_dot(w, &c.a[i], _mm512_setzero_si512(), 1);
        }
        UNROLL for (size_t k = 0; k < DWORDS; k++) w[k] =
            bits == 8 ? q_nibbles(c.w + k * 64, true) : q_nibbles(c.w + k % 4 * 64, k >= 4);
        const __m512 d = _mm512_load_ps(c.scale);
        const __m512 z = offset ? _mm512_load_ps(c.scale + IG_Q_PANEL) : d;
        UNROLL for (size_t i = 0; i < cols; i++)
        {
            __m512i sum = q_dot(w, &c.a[i], q_dword(c.a[i].lane), bits == 8 ? 16 : 1);
            if (bits == 8) sum = _mm512_add_epi32(sum, low[i]);
            y[i] = q_add(y[i], d, &c.a[i], sum);
            if (offset) y[i] = _mm512_fmadd_ps(z, _mm512_set1_ps(c.a[i].sum), y[i]);
        }
        q_next(&c, t, quant_bytes, offset);
    }
    UNROLL for (size_t i = 0; i < cols; i++) _mm512_store_ps(t->y + i * IG_Q_PANEL, y[i]);
}

#define TILE(cols, bits, offset) \
    static void tile_##cols##_##bits##_##offset(const q_tile *t) { tile(t, cols, bits, offset); }
#define NAME(cols, bits, offset) tile_##cols##_##bits##_##offset,
UP_TO_8(TILE, 4, 0)
UP_TO_8(TILE, 4, 1)
UP_TO_8(TILE, 8, 0)
UP_TO_8(TILE, 8, 1)
enum { MOST = 8 };
static q_tile_fn *const by_4[2][MOST] = {{UP_TO_8(NAME, 4, 0)}, {UP_TO_8(NAME, 4, 1)}};
static q_tile_fn *const by_8[2][MOST] = {{UP_TO_8(NAME, 8, 0)}, {UP_TO_8(NAME, 8, 1)}};

void gemm_q_avx512(const ig_gemm_q_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const q_tiles tiles = {
        {{by_4[0], by_4[1]}, {by_8[0], by_8[1]}}, {MOST, MOST}, ig_finish_avx512};
    q_drive(g, &tiles, m0, m1, p0, p1);
}
