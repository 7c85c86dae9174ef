/* gemm_q_avx512vnni.c - products with 4 and 8 bit weights by vpdpbusd: unsigned weights by signed
 * activations, whose dwords are broadcast from memory. */
#include "kernels/gemm_q/q_zmm.h"

/* q_dot - in place and with the broadcast as an operand: with intrinsics gcc 12 copies and spills.
 */
VEC_INLINE __m512i q_dot(__m512i sum, __m512i w, const int8_t *a)
{
#if defined(__AVX512VNNI__) /* not where the intrinsics are emulated */
    __asm__("vpdpbusd (%2)%{1to16%}, %1, %0"
            : "+v"(sum)
            : "v"(w), "r"(a), "m"(*(const int8_t(*)[4])a));
    return sum;
#else
    return _mm512_dpbusd_epi32(sum, w, q_dword(a));
#endif
}

VEC_INLINE void tile(const q_tile *t, const size_t cols, const size_t bits, const bool offset)
{
    const size_t quant_bytes = bits * IG_Q_GROUP * IG_Q_PANEL / 8;
    q_cursor c = {t->quants, t->scale, t->acts, t->per_block};
    __m512 y[12];
    UNROLL for (size_t i = 0; i < cols; i++) y[i] = _mm512_load_ps(t->y + i * IG_Q_PANEL);
    for (size_t g = t->groups; g; g--) {
        __m512i w[DWORDS];
        UNROLL for (size_t k = 0; k < DWORDS; k++) w[k] =
            bits == 8 ? _mm512_loadu_si512(c.w + k * 64) : q_nibbles(c.w + k % 4 * 64, k >= 4);
        q_prefetch(c.w, cols, quant_bytes);
        const __m512 d = _mm512_load_ps(c.scale);
        const __m512 z = offset ? _mm512_load_ps(c.scale + IG_Q_PANEL) : d;
        UNROLL for (size_t i = 0; i < cols; i++)
        {
            __m512i sum = q_dword(&c.a[i].fix);
            if (bits == 8) sum = _mm512_slli_epi32(sum, 4);
            UNROLL for (size_t k = 0; k < DWORDS; k++) sum = q_dot(sum, w[k], c.a[i].q + 4 * k);
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
FROM_9_TO_12(TILE, 4, 0)
UP_TO_8(TILE, 4, 1)
FROM_9_TO_12(TILE, 4, 1)
UP_TO_8(TILE, 8, 0)
FROM_9_TO_12(TILE, 8, 0)
UP_TO_8(TILE, 8, 1)
FROM_9_TO_12(TILE, 8, 1)
enum { MOST = 12 };
static q_tile_fn *const by_4[2][MOST] = {{UP_TO_8(NAME, 4, 0) FROM_9_TO_12(NAME, 4, 0)},
                                         {UP_TO_8(NAME, 4, 1) FROM_9_TO_12(NAME, 4, 1)}};
static q_tile_fn *const by_8[2][MOST] = {{UP_TO_8(NAME, 8, 0) FROM_9_TO_12(NAME, 8, 0)},
                                         {UP_TO_8(NAME, 8, 1) FROM_9_TO_12(NAME, 8, 1)}};

void gemm_q_avx512vnni(const ig_gemm_q_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const q_tiles tiles = {
        {{by_4[0], by_4[1]}, {by_8[0], by_8[1]}}, {MOST, MOST}, ig_finish_avx512};
    q_drive(g, &tiles, m0, m1, p0, p1);
}
