/* gemm_q_f32_avx512.c - f32 activations by weights of 4 and 8 bits that are widened in registers.
 */
#include "kernels/gemm/epilogue_avx512.h"
#include "kernels/vec/vec_avx512.h"

#include "kernels/gemm_q/q_load_avx512.h"

enum { MOST = 8 };

typedef __m512i vi;

VEC_INLINE vi q_dwords(const uint8_t *from, bool high)
{
    return _mm512_srlv_epi32(_mm512_loadu_si512(from), _mm512_set1_epi32(high ? 4 : 0));
}

VEC_INLINE vf q_widen(vi v, int byte, int mask)
{
    const __m512i at_0 = _mm512_srlv_epi32(v, _mm512_set1_epi32(8 * byte));
    return _mm512_cvtepi32_ps(_mm512_and_si512(at_0, _mm512_set1_epi32(mask)));
}

/* Sign to bit 15, exponent and mantissa to where f16 has them (q_e4m3.h). */
VEC_INLINE vf q_widen_e4m3(vi v, int byte)
{
    const __m512i high = byte ? _mm512_srlv_epi32(v, _mm512_set1_epi32(8 * byte - 8))
                              : _mm512_sllv_epi32(v, _mm512_set1_epi32(8));
    const __m512i sign = _mm512_and_si512(high, _mm512_set1_epi32(0x8000));
    const __m512i size = _mm512_and_si512(_mm512_srli_epi32(high, 1), _mm512_set1_epi32(0x3f80));
    const __m256i half = _mm512_cvtepi32_epi16(_mm512_or_si512(sign, size));
    return _mm512_mul_ps(_mm512_cvtph_ps(half), _mm512_set1_ps(256));
}

#include "kernels/gemm_q/q_f32_drive.h"

UP_TO_4(DIRECT, 4)
FROM_5_TO_8(DIRECT, 4)
UP_TO_4(DIRECT, 8)
FROM_5_TO_8(DIRECT, 8)
UP_TO_4(DIRECT, E4M3)
FROM_5_TO_8(DIRECT, E4M3)

void gemm_q_f32_avx512(const ig_gemm_q_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static direct_fn *const by_4[] = {UP_TO_4(NAME, 4) FROM_5_TO_8(NAME, 4)};
    static direct_fn *const by_8[] = {UP_TO_4(NAME, 8) FROM_5_TO_8(NAME, 8)};
    static direct_fn *const by_e4m3[] = {UP_TO_4(NAME, E4M3) FROM_5_TO_8(NAME, E4M3)};
    q_f32_drive(g, by_4, by_8, by_e4m3, gemm_f32_avx512, ig_finish_avx512, m0, m1, p0, p1);
}
