/* q_zmm.h - what the two AVX-512 products share: unpacking, and one column's share of y.
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
#if defined(__AVX512F__)          /* not where the intrinsics are emulated */
        __asm__("" : "+v"(w[k])); /* or gcc loads it twice */
#endif
        w[k + 4] = _mm512_and_si512(_mm512_srli_epi16(w[k], 4), mask);
        w[k] = _mm512_and_si512(w[k], mask);
    }
}

/* y + d a.d sum */
VEC_INLINE __m512 q_add(__m512 y, __m512 d, const ig_q_act *a, __m512i sum)
{
    return _mm512_fmadd_ps(_mm512_mul_ps(d, _mm512_set1_ps(a->d)), _mm512_cvtepi32_ps(sum), y);
}

#endif
