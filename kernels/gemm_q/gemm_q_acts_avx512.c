/* gemm_q_acts_avx512.c - activations to 8 bits in groups of 32, one group in two registers. */
#include "kernels/gemm_q/gemm_q.h"

#include <immintrin.h>
#include <math.h>

static inline __mmask16 lanes(size_t left)
{
    return _cvtu32_mask16(left < 16 ? (1u << left) - 1 : 0xffff);
}

/* The sum of the lanes below 8 of each 16-lane half whose index % 4 is 0, 1 and 2, 3. */
static inline void lane_sums(int32_t sums[2], __m512i v)
{
    sums[0] = _mm512_mask_reduce_add_epi32(0x3333, v);
    sums[1] = _mm512_mask_reduce_add_epi32(0xcccc, v);
}

static inline void round_group(ig_q_act *a, const float *x, size_t n)
{
    const __m512 low = _mm512_maskz_loadu_ps(lanes(n), x);
    const __m512 high = _mm512_maskz_loadu_ps(lanes(n > 16 ? n - 16 : 0), x + (n > 16 ? 16 : 0));
    const __m512i size = _mm512_set1_epi32(0x7fffffff);
    const __m512i tops = _mm512_max_epi32(_mm512_and_si512(_mm512_castps_si512(low), size),
                                          _mm512_and_si512(_mm512_castps_si512(high), size));
    const float top =
        _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(_mm512_reduce_max_epi32(tops))));
    const bool some = isfinite(top) && top >= 0x1p-100f;
    const __m512 inverse = _mm512_set1_ps(some ? 127 / top : 0);
    const __mmask16 kept = some ? 0xffff : 0;
    const __m512i q0 = _mm512_maskz_cvtps_epi32(kept, _mm512_mul_ps(low, inverse));
    const __m512i q1 = _mm512_maskz_cvtps_epi32(kept, _mm512_mul_ps(high, inverse));
    _mm_storeu_si128((__m128i *)a->q, _mm512_cvtepi32_epi8(q0));
    _mm_storeu_si128((__m128i *)(a->q + 16), _mm512_cvtepi32_epi8(q1));
    int32_t sums[2];
    lane_sums(sums, _mm512_add_epi32(q0, q1));
    a->d = some ? top / 127 : isfinite(top) ? 0 : NAN;
    a->sum = a->d * (float)(sums[0] + sums[1]);
    a->fix = -8 * (sums[0] + sums[1]);
    a->lane[0] = (int16_t)(-8 * sums[0]);
    a->lane[1] = (int16_t)(-8 * sums[1]);
}

void gemm_q_acts_avx512(ig_q_act *acts, const float *x, size_t m, size_t k, size_t ldx,
                        const int32_t *order, size_t m0, size_t m1)
{
    const size_t groups = ig_q_groups(k);
    for (size_t r = m0; r < m1; r++) {
        const float *row = x + (order ? (size_t)order[r] : r) * ldx;
        for (size_t g = 0; g < groups; g++)
            round_group(acts + ig_q_act_at(m, groups, r, g), row + g * IG_Q_GROUP,
                        k - g * IG_Q_GROUP);
    }
}
