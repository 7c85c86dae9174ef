/* gemm_q_avx512.c - products with 4 and 8 bit weights by vpmaddubsw, in nibbles: 8 products of 4
 * bits by 7 add up in 16 bits. A byte is its two nibbles, 16 h + l. The sums begin at -8 times the
 * activations (ig_q_act.lane), so that they are those of q - 8. */
#include "kernels/gemm_q/q_zmm.h"

enum { FEW = 0, MOST = 12, MOST_8 = 5 };

/* Words: sum and the nibbles times activations of dwords [k0, k1). */
VEC_INLINE __m512i q_words(const __m512i w[DWORDS], const ig_q_act *a, __m512i sum, const size_t k0,
                           const size_t k1)
{
    UNROLL for (size_t k = k0; k < k1; k++) sum =
        _mm512_add_epi16(sum, _mm512_maddubs_epi16(w[k], q_dword(a->q + 4 * k)));
    return sum;
}

/* The sum of nibbles times activations from `lane` on, pairs of words added up with `weight`. */
VEC_INLINE __m512i q_dot(const __m512i w[DWORDS], const ig_q_act *a, __m512i sum, int16_t weight)
{
    return _mm512_madd_epi16(q_words(w, a, sum, 0, DWORDS), _mm512_set1_epi16(weight));
}

/* .. of groups of 16: each half times its s. */
VEC_INLINE __m512i q_dot_two(const __m512i w[DWORDS], const ig_q_act *a, const q_levels *v)
{
    const __m512i none = _mm512_setzero_si512();
    const __m512i first = q_words(w, a, none, 0, DWORDS / 2);
    const __m512i second = q_words(w, a, none, DWORDS / 2, DWORDS);
    return _mm512_add_epi32(_mm512_madd_epi16(first, v->s[0]), _mm512_madd_epi16(second, v->s[1]));
}

VEC_INLINE void q_group(__m512 *y, const uint8_t *from, const ig_q_act *a, __m512 d, __m512 z,
                        const size_t cols, const size_t bits, const bool offset)
{
    __m512i w[DWORDS], low[12];
    if (bits == 8) {
        UNROLL for (size_t k = 0; k < DWORDS; k++) w[k] = q_nibbles(from + k * 64, false);
        UNROLL for (size_t i = 0; i < cols; i++) low[i] =
            q_dot(w, &a[i], _mm512_setzero_si512(), 1);
    }
    __asm__("" ::
                : "memory"); /* or gcc keeps the activations of both halves in mind, on the stack */
    UNROLL for (size_t k = 0; k < DWORDS; k++) w[k] =
        bits == 8 ? q_nibbles(from + k * 64, true) : q_nibbles(from + k % 4 * 64, k >= 4);
    UNROLL for (size_t i = 0; i < cols; i++)
    {
        __m512i sum = q_dot(w, &a[i], q_dword(a[i].lane), bits == 8 ? 16 : 1);
        if (bits == 8) sum = _mm512_add_epi32(sum, low[i]);
        y[i] = q_add(y[i], d, &a[i], sum);
        if (offset) y[i] = _mm512_fmadd_ps(z, _mm512_set1_ps(a[i].sum), y[i]);
    }
}

VEC_INLINE void q_group_two(__m512 *y, const uint8_t *from, const ig_q_act *a, const q_levels *v,
                            const size_t cols, const size_t bits, const bool min)
{
    __m512i w[DWORDS], low[12];
    if (bits == 8) {
        UNROLL for (size_t k = 0; k < DWORDS; k++) w[k] = q_nibbles(from + k * 64, false);
        UNROLL for (size_t i = 0; i < cols; i++) low[i] = q_dot_two(w, &a[i], v);
    }
    __asm__("" ::: "memory"); /* as above */
    UNROLL for (size_t k = 0; k < DWORDS; k++) w[k] =
        bits == 8 ? q_nibbles(from + k * 64, true) : q_nibbles(from + k % 4 * 64, k >= 4);
    UNROLL for (size_t i = 0; i < cols; i++)
    {
        __m512i sum = q_dot_two(w, &a[i], v);
        if (bits == 8) sum = _mm512_add_epi32(_mm512_slli_epi32(sum, 4), low[i]);
        y[i] = q_add_two(y[i], v, &a[i], sum, min);
    }
}

#include "kernels/gemm_q/q_zmm_tiles.h"

void gemm_q_avx512(const ig_gemm_q_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    q_drive(g, &tiles, m0, m1, p0, p1);
}
