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

#include "kernels/gemm_q/q_f32_drive.h"

UP_TO_4(DIRECT, 4)
FROM_5_TO_8(DIRECT, 4)
UP_TO_4(DIRECT, 8)
FROM_5_TO_8(DIRECT, 8)

void gemm_q_f32_avx512(const ig_gemm_q_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static direct_fn *const by_4[] = {UP_TO_4(NAME, 4) FROM_5_TO_8(NAME, 4)};
    static direct_fn *const by_8[] = {UP_TO_4(NAME, 8) FROM_5_TO_8(NAME, 8)};
    q_f32_drive(g, by_4, by_8, gemm_f32_avx512, ig_finish_avx512, m0, m1, p0, p1);
}
