/* half_avx2.c - 16-bit floats by F16C, and bfloat16 by integer steps; tails are scalar. */
#include "kernels/half/half.h"
#include "runtime/base/half.h"

#include <immintrin.h>

enum { LANES = 8 };

#define INLINE static inline __attribute__((always_inline))

INLINE __m128i load_halves(const uint16_t *x) { return _mm_loadu_si128((const __m128i *)x); }

void widen_f16_avx2(float *y, const uint16_t *x, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) _mm256_storeu_ps(y + i, _mm256_cvtph_ps(load_halves(x + i)));
    for (; i < n; i++) y[i] = ig_f16_to_f32(x[i]);
}

void widen_bf16_avx2(float *y, const uint16_t *x, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const __m256i wide = _mm256_slli_epi32(_mm256_cvtepu16_epi32(load_halves(x + i)), 16);
        _mm256_storeu_ps(y + i, _mm256_castsi256_ps(wide));
    }
    for (; i < n; i++) y[i] = ig_bf16_to_f32(x[i]);
}

void narrow_f16_avx2(uint16_t *y, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const __m128i h = _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
        _mm_storeu_si128((__m128i *)(y + i), h);
    }
    for (; i < n; i++) y[i] = ig_f32_to_f16(x[i]);
}

/* The upper 16 bits of each lane, rounded; NaN is cut and made quiet. */
INLINE __m256i round_bf16(__m256 v)
{
    const __m256i u = _mm256_castps_si256(v), one = _mm256_set1_epi32(1);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), one);
    const __m256i bias = _mm256_add_epi32(_mm256_set1_epi32(0x7fff), odd);
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(u, bias), 16);
    const __m256i quiet = _mm256_or_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(0x40));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    return _mm256_blendv_epi8(rounded, quiet, nan);
}

void narrow_bf16_avx2(uint16_t *y, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        const __m256i low = round_bf16(_mm256_loadu_ps(x + i));
        const __m256i high = round_bf16(_mm256_loadu_ps(x + i + LANES));
        const __m256i both = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xd8);
        _mm256_storeu_si256((__m256i *)(y + i), both);
    }
    for (; i < n; i++) y[i] = ig_f32_to_bf16(x[i]);
}
