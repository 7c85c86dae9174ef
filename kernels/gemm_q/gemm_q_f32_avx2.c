/* gemm_q_f32_avx2.c - f32 activations by weights of 4 and 8 bits that are widened in registers. */
#include "kernels/gemm/epilogue_avx2.h"
#include "kernels/vec/vec_avx2.h"

#include "kernels/gemm_q/q_load_avx2.h"

#define UNROLL _Pragma("GCC unroll 32")

enum { MOST = 4 };

VEC_INLINE vf q_widen(const uint8_t *dwords, int shift, int mask)
{
    const __m256i *from = (const __m256i *)(const void *)dwords;
    const __m256i by = _mm256_set1_epi32(shift), keep = _mm256_set1_epi32(mask);
    const __m256i low = _mm256_srlv_epi32(_mm256_loadu_si256(from), by);
    const __m256i high = _mm256_srlv_epi32(_mm256_loadu_si256(from + 1), by);
    return (vf){_mm256_cvtepi32_ps(_mm256_and_si256(low, keep)),
                _mm256_cvtepi32_ps(_mm256_and_si256(high, keep))};
}

#include "kernels/gemm_q/q_f32_drive.h"

UP_TO_4(DIRECT, 4)
UP_TO_4(DIRECT, 8)

void gemm_q_f32_avx2(const ig_gemm_q_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static direct_fn *const by_4[] = {UP_TO_4(NAME, 4)}, *const by_8[] = {UP_TO_4(NAME, 8)};
    q_f32_drive(g, by_4, by_8, gemm_f32_avx2, ig_finish_avx2, m0, m1, p0, p1);
}
