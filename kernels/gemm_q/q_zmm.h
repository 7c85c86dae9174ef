/* q_zmm.h - what the two AVX-512 products share: unpacking, scales, and one column's share of y.
 *
 * Sixteen rows of weights are one register. The eight registers of a group (32 k) are unpacked once
 * and meet all columns of the tile; a column's integer sum lives for one group only, its f32 sum in
 * a register of its own. */
#ifndef IG_Q_ZMM_H
#define IG_Q_ZMM_H

#include "kernels/gemm/epilogue_avx512.h"
#include "kernels/vec/vec_avx512.h"

#include "kernels/gemm_q/q_load_avx512.h"
#include "kernels/gemm_q/q_cursor.h"

enum { DWORDS = 8 /* of k in a group */ };

/* q_here - x is loaded at this point, once, whatever the compiler thinks of it; q_step: the pointer
 * is moved at this point, or gcc keeps four of them where it has registers for one. */
#if defined(__AVX512F__)
#    define q_here(x) __asm__ volatile("" : "+v"(x))
#    define q_step(p) __asm__ volatile("" : "+r"(p))
#else
#    define q_here(x) (void)(x) /* emulated */
#    define q_step(p) (void)(p)
#endif

VEC_INLINE __m512i q_dword(const void *p)
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return _mm512_set1_epi32(v);
}

/* The low or high nibbles of 64 bytes. */
VEC_INLINE __m512i q_nibbles(const uint8_t *from, bool high)
{
    const __m512i v = _mm512_loadu_si512(from), mask = _mm512_set1_epi8(15);
    return _mm512_and_si512(high ? _mm512_srli_epi16(v, 4) : v, mask);
}

/* The eight registers of a group. */
VEC_INLINE void q_unpack(__m512i w[DWORDS], const uint8_t *from, const size_t bits)
{
    const __m512i mask = _mm512_set1_epi8(15);
    UNROLL for (size_t k = 0; k < bits; k++) w[k] = _mm512_loadu_si512(from + k * 64);
    if (bits == 8) return;
    UNROLL for (size_t k = 0; k < 4; k++)
    {
        q_here(w[k]); /* or gcc loads twice */
        w[k + 4] = _mm512_and_si512(_mm512_srli_epi16(w[k], 4), mask);
        w[k] = _mm512_and_si512(w[k], mask);
    }
}

/* Scales of two groups of 16: D and E, s as the two words of each dword, pairs of t or -centre s.
 */
typedef struct {
    __m512 d, e;
    __m512i s[2], second;
} q_levels;

/* p: s of both groups of 16, second: t, as pairs of words */
VEC_INLINE q_levels q_levels_from(__m512 d, __m512 e, __m512i p, __m512i second, const size_t bits,
                                  const bool min)
{
    q_levels v = {.d = d, .e = e};
    v.s[0] = _mm512_mask_blend_epi16(0xaaaaaaaa, p, _mm512_slli_epi32(p, 16));
    v.s[1] = _mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_srli_epi32(p, 16), p);
    v.second =
        min ? second
            : _mm512_slli_epi16(_mm512_sub_epi16(_mm512_setzero_si512(), p), bits == 4 ? 3 : 7);
    return v;
}

/* from: the tables of a block; at: bytes to those of the group. */
VEC_INLINE q_levels q_levels_of(const q_tile *t, const uint8_t *from, size_t at, const size_t bits,
                                const bool min)
{
    const uint8_t *both = from - t->layout->super_bytes;
    return q_levels_from(
        q_load_scales(both, 2), q_load_scales(both + 2 * IG_Q_PANEL, 2), q_load_pairs(from + at),
        min ? q_load_pairs(from + at + t->table) : _mm512_setzero_si512(), bits, min);
}

/* y + d a.d sum */
VEC_INLINE __m512 q_add(__m512 y, __m512 d, const ig_q_act *a, __m512i sum)
{
    return _mm512_fmadd_ps(_mm512_mul_ps(d, _mm512_set1_ps(a->d)), _mm512_cvtepi32_ps(sum), y);
}

/* .. of groups of 16; sum of s q a.q */
VEC_INLINE __m512 q_add_two(__m512 y, const q_levels *v, const ig_q_act *a, __m512i sum,
                            const bool min)
{
    const __m512i second = _mm512_madd_epi16(v->second, q_dword(a->half));
    if (!min) return q_add(y, v->d, a, _mm512_add_epi32(sum, second));
    return q_add(q_add(y, v->d, a, sum), v->e, a, second);
}

#endif
