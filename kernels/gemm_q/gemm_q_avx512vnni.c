/* gemm_q_avx512vnni.c - products with 4 and 8 bit weights by vpdpbusd: unsigned weights by signed
 * activations, whose dwords are broadcast from memory. */
#include "kernels/gemm_q/q_zmm.h"

enum { FEW = 2, MOST_8 = 12 };

/* q_dot - in place and with the broadcast as an operand: with intrinsics gcc 12 copies and spills.
 */
VEC_INLINE __m512i q_dot(__m512i sum, __m512i w, const int8_t *a)
{
#if defined(__AVX512VNNI__) /* not where the intrinsics are emulated */
    __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(w), "m"(*(const int8_t(*)[4])a));
    return sum;
#else
    return _mm512_dpbusd_epi32(sum, w, q_dword(a));
#endif
}

VEC_INLINE void q_group(__m512 *y, const uint8_t *from, const ig_q_act *a, __m512 d, __m512 z,
                        const size_t cols, const size_t bits, const bool offset)
{
    __m512i w[DWORDS];
    q_unpack(w, from, bits, cols > FEW);
    UNROLL for (size_t i = 0; i < cols; i++)
    {
        __m512i sum = q_dword(&a[i].fix);
        if (bits == 8) sum = _mm512_slli_epi32(sum, 4);
        UNROLL for (size_t k = 0; k < DWORDS; k++) sum = q_dot(sum, w[k], a[i].q + 4 * k);
        y[i] = q_add(y[i], d, &a[i], sum);
        if (offset) y[i] = _mm512_fmadd_ps(z, _mm512_set1_ps(a[i].sum), y[i]);
    }
}

/* Of the two halves, k 0 .. 15 and 16 .. 31, each times its s. */
VEC_INLINE void q_group_two(__m512 *y, const uint8_t *from, const ig_q_act *a, const q_levels *v,
                            const size_t cols, const size_t bits, const bool min)
{
    const __m512i s0 = _mm512_srai_epi32(v->s[0], 16), s1 = _mm512_srai_epi32(v->s[1], 16);
    __m512i w[DWORDS];
    q_unpack(w, from, bits, cols > FEW);
    UNROLL for (size_t i = 0; i < cols; i++)
    {
        __m512i first = _mm512_setzero_si512(), second = first;
        UNROLL for (size_t k = 0; k < DWORDS / 2; k++)
        {
            first = q_dot(first, w[k], a[i].q + 4 * k);
            second = q_dot(second, w[k + 4], a[i].q + 16 + 4 * k);
        }
        const __m512i sum =
            _mm512_add_epi32(_mm512_mullo_epi32(first, s0), _mm512_mullo_epi32(second, s1));
        y[i] = q_add_two(y[i], v, &a[i], sum, min);
    }
}

#include "kernels/gemm_q/q_zmm_tiles.h"

void gemm_q_avx512vnni(const ig_gemm_q_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    q_drive(g, &tiles, m0, m1, p0, p1);
}
