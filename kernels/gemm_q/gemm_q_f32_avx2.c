/* gemm_q_f32_avx2.c - f32 activations by weights of 4 and 8 bits that are widened in registers. */
#include "kernels/gemm/epilogue_avx2.h"
#include "kernels/vec/vec_avx2.h"

#include "kernels/gemm_q/q_load_avx2.h"

#define UNROLL _Pragma("GCC unroll 32")

enum { MOST = 4 };

typedef struct {
    __m256i a, b;
} vi;

VEC_INLINE vi q_dwords(const uint8_t *from, bool high)
{
    const __m256i *p = (const __m256i *)(const void *)from;
    const __m128i by = _mm_cvtsi32_si128(high ? 4 : 0);
    return (vi){_mm256_srl_epi32(_mm256_loadu_si256(p), by),
                _mm256_srl_epi32(_mm256_loadu_si256(p + 1), by)};
}

VEC_INLINE __m256 widen(__m256i v, int byte, int mask)
{
    const __m256i at_0 = _mm256_srli_epi32(v, 8 * byte);
    return _mm256_cvtepi32_ps(_mm256_and_si256(at_0, _mm256_set1_epi32(mask)));
}

VEC_INLINE vf q_widen(vi v, int byte, int mask)
{
    return (vf){widen(v.a, byte, mask), widen(v.b, byte, mask)};
}

/* Sign to bit 15, exponent and mantissa to where f16 has them (q_e4m3.h); packed for each half. */
VEC_INLINE __m256 widen_e4m3(__m256i v, int byte)
{
    const __m256i high = byte ? _mm256_srli_epi32(v, 8 * byte - 8) : _mm256_slli_epi32(v, 8);
    const __m256i sign = _mm256_and_si256(high, _mm256_set1_epi32(0x8000));
    const __m256i size = _mm256_and_si256(_mm256_srli_epi32(high, 1), _mm256_set1_epi32(0x3f80));
    const __m256i half = _mm256_packus_epi32(_mm256_or_si256(sign, size), _mm256_setzero_si256());
    const __m256i near = _mm256_permute4x64_epi64(half, 0x08);
    return _mm256_mul_ps(_mm256_cvtph_ps(_mm256_castsi256_si128(near)), _mm256_set1_ps(256));
}

VEC_INLINE vf q_widen_e4m3(vi v, int byte)
{
    return (vf){widen_e4m3(v.a, byte), widen_e4m3(v.b, byte)};
}

#include "kernels/gemm_q/q_f32_drive.h"

UP_TO_4(DIRECT, 4)
UP_TO_4(DIRECT, 8)
UP_TO_4(DIRECT, E4M3)

void gemm_q_f32_avx2(const ig_gemm_q_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static direct_fn *const by_4[] = {UP_TO_4(NAME, 4)}, *const by_8[] = {UP_TO_4(NAME, 8)};
    static direct_fn *const by_e4m3[] = {UP_TO_4(NAME, E4M3)};
    q_f32_drive(g, by_4, by_8, by_e4m3, gemm_f32_avx2, ig_finish_avx2, m0, m1, p0, p1);
}
