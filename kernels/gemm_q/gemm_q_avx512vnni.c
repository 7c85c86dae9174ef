/* gemm_q_avx512vnni.c - products with 4 and 8 bit weights by vpdpbusd: unsigned weights by signed
 * activations, whose dwords are broadcast from memory. */
#include "kernels/gemm_q/q_zmm.h"

enum { FEW = 2, MOST = 12, MOST_8 = 12 };

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

/* Sums of the products of k 0 .. 15 and of 16 .. 31 of few columns, added to what is there. Each
 * line of quants is loaded once, those of 8 bits when they are multiplied, of 4 bits a group at a
 * time. High nibbles stay where they are, 16 times too large, which one shift of a sum that began
 * with zero takes back. */
VEC_INLINE void q_halves(__m512i *first, __m512i *second, const uint8_t *from, const ig_q_act *a,
                         const size_t cols, const size_t bits)
{
    const __m512i low = _mm512_set1_epi8(15), high = _mm512_set1_epi8((char)0xf0);
    __m512i w[DWORDS];
    UNROLL for (size_t i = 0; i < cols; i++) second[i] = _mm512_setzero_si512();
    UNROLL for (size_t k = 0; bits == 4 && k < bits; k++)
    {
        w[k] = _mm512_loadu_si512(from + k * 64);
        q_here(w[k]);
    }
    UNROLL for (size_t k = 0; k < bits; k++)
    {
        if (bits == 8) w[k] = _mm512_loadu_si512(from + k * 64);
        if (bits == 8) q_here(w[k]);
        UNROLL for (size_t i = 0; i < cols; i++)
        {
            const int8_t *q = a[i].q + 4 * k;
            if (bits == 4) first[i] = q_dot(first[i], _mm512_and_si512(w[k], low), q);
            if (bits == 4) second[i] = q_dot(second[i], _mm512_and_si512(w[k], high), q + 16);
            if (bits == 8 && k < DWORDS / 2) first[i] = q_dot(first[i], w[k], q);
            if (bits == 8 && k >= DWORDS / 2) second[i] = q_dot(second[i], w[k], q);
        }
    }
    UNROLL for (size_t i = 0; bits == 4 && i < cols; i++) second[i] =
        _mm512_srai_epi32(second[i], 4);
}

VEC_INLINE __m512i q_start(const ig_q_act *a, const size_t bits)
{
    const __m512i fix = q_dword(&a->fix);
    return bits == 8 ? _mm512_slli_epi32(fix, 4) : fix;
}

VEC_INLINE __m512 q_scaled(__m512 y, const ig_q_act *a, __m512 d, __m512 z, __m512i sum,
                           const bool offset)
{
    y = q_add(y, d, a, sum);
    return offset ? _mm512_fmadd_ps(z, _mm512_set1_ps(a->sum), y) : y;
}

VEC_INLINE void q_group(__m512 *y, const uint8_t *from, const ig_q_act *a, __m512 d, __m512 z,
                        const size_t cols, const size_t bits, const bool offset)
{
    if (cols <= FEW) {
        __m512i first[FEW], second[FEW];
        UNROLL for (size_t i = 0; i < cols; i++) first[i] = q_start(&a[i], bits);
        q_halves(first, second, from, a, cols, bits);
        UNROLL for (size_t i = 0; i < cols; i++) y[i] =
            q_scaled(y[i], &a[i], d, z, _mm512_add_epi32(first[i], second[i]), offset);
        return;
    }
    __m512i w[DWORDS];
    q_unpack(w, from, bits);
    UNROLL for (size_t i = 0; i < cols; i++)
    {
        __m512i sum = q_start(&a[i], bits);
        UNROLL for (size_t k = 0; k < DWORDS; k++) sum = q_dot(sum, w[k], a[i].q + 4 * k);
        y[i] = q_scaled(y[i], &a[i], d, z, sum, offset);
    }
}

/* Of the two halves, k 0 .. 15 and 16 .. 31, each times its s. */
VEC_INLINE void q_group_two(__m512 *y, const uint8_t *from, const ig_q_act *a, const q_levels *v,
                            const size_t cols, const size_t bits, const bool min)
{
    const __m512i s0 = _mm512_srai_epi32(v->s[0], 16), s1 = _mm512_srai_epi32(v->s[1], 16);
    __m512i w[DWORDS], few[2][FEW];
    if (cols <= FEW) {
        UNROLL for (size_t i = 0; i < cols; i++) few[0][i] = few[1][i] = _mm512_setzero_si512();
        q_halves(few[0], few[1], from, a, cols, bits);
    } else {
        q_unpack(w, from, bits);
    }
    UNROLL for (size_t i = 0; i < cols; i++)
    {
        __m512i first = _mm512_setzero_si512(), second = first;
        if (cols <= FEW) first = few[0][i], second = few[1][i];
        UNROLL for (size_t k = 0; cols > FEW && k < DWORDS / 2; k++)
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
