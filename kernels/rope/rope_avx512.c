/* rope_avx512.c - rotary embedding, AVX-512. */
#include "kernels/vec/vec_avx512.h"

VEC_INLINE vf vf_twice(const float *p)
{
    const __m512i each = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    return _mm512_permutexvar_ps(each, _mm512_castps256_ps512(_mm256_loadu_ps(p)));
}

VEC_INLINE vf vf_neighbours(vf x) { return _mm512_permute_ps(x, 0xb1); }

#include "kernels/rope/rope_body.h"
