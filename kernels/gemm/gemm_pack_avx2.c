/* gemm_pack_avx2.c - B into F32P16 panels, AVX2. Bound by reading B once from memory.
 *
 * Rows of a row-major B are copied 16 columns at a time; a transposed B goes through 8 x 8
 * transposes in registers; other strides gather. Columns past N become zero. */
#include "kernels/gemm/gemm.h"
#include "runtime/base/checked.h"

#include <immintrin.h>

enum { LANES = 8 };

#define UNROLL _Pragma("GCC unroll 8")

static inline __m256i first_lanes(size_t n)
{
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n < LANES ? (int)n : LANES), index);
}

static void copy_rows(float *to, const float *from, size_t k, size_t ld_k, size_t cols)
{
    const __m256i low = first_lanes(cols), high = first_lanes(cols > LANES ? cols - LANES : 0);
    for (; k; k--, to += IG_PANEL, from += ld_k) {
        _mm256_storeu_ps(to, _mm256_maskload_ps(from, low));
        _mm256_storeu_ps(to + LANES, _mm256_maskload_ps(from + LANES, high));
    }
}

/* v [8][8] becomes its transpose: pairs of 32-bit lanes, of 64-bit lanes, then of halves. */
static inline __attribute__((always_inline)) void transpose(__m256 v[8])
{
    __m256 t[8];
    UNROLL for (size_t i = 0; i < 8; i += 2)
    {
        t[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
    UNROLL for (size_t i = 0; i < 8; i += 4)
    {
        UNROLL for (size_t j = 0; j < 2; j++)
        {
            const __m256d x = _mm256_castps_pd(t[i + j]), y = _mm256_castps_pd(t[i + j + 2]);
            v[i + 2 * j] = _mm256_castpd_ps(_mm256_unpacklo_pd(x, y));
            v[i + 2 * j + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(x, y));
        }
    }
    UNROLL for (size_t j = 0; j < 4; j++)
    {
        t[j] = _mm256_permute2f128_ps(v[j], v[4 + j], 0x20);
        t[4 + j] = _mm256_permute2f128_ps(v[j], v[4 + j], 0x31);
    }
    UNROLL for (size_t i = 0; i < 8; i++) v[i] = t[i];
}

/* from [cols][k], each row contiguous; to: 8 of a panel's 16 columns */
static void transpose_rows(float *to, const float *from, size_t k, size_t ld_n, size_t cols)
{
    for (size_t i = 0; i < k; i += LANES) {
        const size_t left = IG_MIN(k - i, LANES);
        const __m256i deep = first_lanes(left), none = _mm256_setzero_si256();
        __m256 v[LANES];
        UNROLL for (size_t j = 0; j < LANES; j++) v[j] =
            _mm256_maskload_ps(from + (j < cols ? j * ld_n : 0) + i, j < cols ? deep : none);
        transpose(v);
        UNROLL for (size_t j = 0; j < LANES; j++)
        {
            if (j < left) _mm256_storeu_ps(to + (i + j) * IG_PANEL, v[j]);
        }
    }
}

static void gather(float *to, const float *from, size_t k, size_t ld_k, size_t ld_n, size_t cols)
{
    for (; k; k--, to += IG_PANEL, from += ld_k)
        for (size_t j = 0; j < IG_PANEL; j++) to[j] = j < cols ? from[j * ld_n] : 0;
}

void gemm_pack_f32_avx2(float *dst, const float *src, size_t k, size_t n, size_t ld_k, size_t ld_n,
                        size_t p0, size_t p1)
{
    for (size_t p = p0; p < p1; p++) {
        float *to = dst + p * IG_PANEL * k;
        const float *from = src + p * IG_PANEL * ld_n;
        const size_t cols = IG_MIN(n - p * IG_PANEL, IG_PANEL);
        if (ld_n == 1) {
            copy_rows(to, from, k, ld_k, cols);
        } else if (ld_k == 1) {
            const size_t high = cols > LANES ? cols - LANES : 0;
            transpose_rows(to, from, k, ld_n, IG_MIN(cols, LANES));
            transpose_rows(to + LANES, from + (high ? LANES * ld_n : 0), k, ld_n, high);
        } else {
            gather(to, from, k, ld_k, ld_n, cols);
        }
    }
}
