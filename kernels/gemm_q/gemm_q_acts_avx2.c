/* gemm_q_acts_avx2.c - activations to 8 bits in groups of 32, one group in four registers. (In zmm
 * registers the sums across lanes cost more than the width saves: 88 against 68 us.) */
#include "kernels/gemm_q/gemm_q.h"

#include <immintrin.h>
#include <math.h>

#define UNROLL _Pragma("GCC unroll 4")

static inline __m256 load(const float *x, size_t n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    if (n >= 8) return _mm256_loadu_ps(x);
    return _mm256_maskload_ps(x, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane));
}

static inline float top_of(const __m256 v[4])
{
    const __m256i size = _mm256_set1_epi32(0x7fffffff);
    __m256i top = _mm256_setzero_si256();
    UNROLL for (size_t i = 0; i < 4; i++) top =
        _mm256_max_epi32(top, _mm256_and_si256(_mm256_castps_si256(v[i]), size));
    __m128i t = _mm_max_epi32(_mm256_castsi256_si128(top), _mm256_extracti128_si256(top, 1));
    t = _mm_max_epi32(t, _mm_shuffle_epi32(t, 0x4e));
    t = _mm_max_epi32(t, _mm_shuffle_epi32(t, 0xb1));
    return _mm_cvtss_f32(_mm_castsi128_ps(t));
}

/* Four registers of dwords to 32 bytes in order. */
static inline __m256i narrow(const __m256i q[4])
{
    const __m256i words = _mm256_packs_epi32(q[0], q[1]), more = _mm256_packs_epi32(q[2], q[3]);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(words, more), order);
}

static inline void round_group(ig_q_act *a, const float *x, size_t n)
{
    __m256 v[4];
    UNROLL for (size_t i = 0; i < 4; i++) v[i] =
        n > 8 * i ? load(x + 8 * i, n - 8 * i) : _mm256_setzero_ps();
    const float top = top_of(v);
    const bool some = isfinite(top) && top >= 0x1p-100f;
    const __m256 inverse = _mm256_set1_ps(some ? 127 / top : 0);
    const __m256i kept = _mm256_set1_epi32(some ? -1 : 0);
    __m256i q[4];
    UNROLL for (size_t i = 0; i < 4; i++) q[i] =
        _mm256_and_si256(_mm256_cvtps_epi32(_mm256_mul_ps(v[i], inverse)), kept);
    _mm256_storeu_si256((__m256i *)a->q, narrow(q));
    const __m256i front = _mm256_add_epi32(q[0], q[1]);
    const __m256i both = _mm256_add_epi32(front, _mm256_add_epi32(q[2], q[3]));
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)); /* 0 + 1, .., 2 + 3, .. */
    const int32_t first = _mm_cvtsi128_si32(s), second = _mm_extract_epi32(s, 2);
    a->d = some ? top / 127 : isfinite(top) ? 0 : NAN;
    a->sum = a->d * (float)(first + second);
    a->fix = -8 * (first + second);
    a->lane[0] = (int16_t)(-8 * first);
    a->lane[1] = (int16_t)(-8 * second);
    __m128i low = _mm_add_epi32(_mm256_castsi256_si128(front), _mm256_extracti128_si256(front, 1));
    low = _mm_add_epi32(low, _mm_shuffle_epi32(low, 0x4e));
    low = _mm_add_epi32(low, _mm_shuffle_epi32(low, 0xb1));
    a->half[0] = (int16_t)_mm_cvtsi128_si32(low);
    a->half[1] = (int16_t)(first + second - _mm_cvtsi128_si32(low));
}

void gemm_q_acts_avx2(ig_q_act *acts, const float *x, size_t m, size_t k, size_t ldx,
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
