/* rope_avx2.c - rotary embedding, AVX2 + FMA. */
#include "kernels/vec/vec_avx2.h"

VEC_INLINE vf vf_twice(const float *p)
{
    const __m256i low = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
    const __m256i high = _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7);
    const __m256 x = _mm256_loadu_ps(p);
    return (vf){_mm256_permutevar8x32_ps(x, low), _mm256_permutevar8x32_ps(x, high)};
}

VEC_INLINE vf vf_neighbours(vf x)
{
    return (vf){_mm256_permute_ps(x.a, 0xb1), _mm256_permute_ps(x.b, 0xb1)};
}

#include "kernels/rope/rope_body.h"
