/* gemm_pack_half_avx2.c - 16-bit B into F16P16 and B16P16 panels, AVX2. Bound by reading B once.
 *
 * Both layouts are made from lines of 16 pairs (k, k + 1): a transposed B gives them by 8 x 8
 * transposes of 32-bit lanes, a row-major B by interleaving two rows. B16P16 stores the pairs as
 * they are, F16P16 parts them again. Edges go through a zeroed piece of stack. */
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/transpose_avx2.h"
#include "runtime/base/checked.h"

#include <stdbool.h>
#include <string.h>

enum { HALF = 8, DEEP = 16 /* k of a step */ };

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

typedef struct {
    const uint16_t *from; /* B at the panel's first column */
    size_t k, ld_k, ld_n, cols;
} source;

/* [rows][16] of pairs: rows k .. k + 16 of the panel's columns [8 h, 8 h + 8) into lines [8][8] */
INLINE void turn(__m256i line[HALF], const source *s, size_t k, size_t h)
{
    __m256 v[HALF];
    const size_t deep = IG_MIN(s->k - k, (size_t)DEEP);
    UNROLL for (size_t j = 0; j < HALF; j++)
    {
        const size_t col = h * HALF + j;
        if (col < s->cols && deep == DEEP) {
            v[j] = _mm256_loadu_ps((const float *)(const void *)(s->from + col * s->ld_n + k));
        } else {
            uint16_t part[DEEP] = {0};
            if (col < s->cols) memcpy(part, s->from + col * s->ld_n + k, deep * sizeof *part);
            v[j] = _mm256_loadu_ps((const float *)(const void *)part);
        }
    }
    ig_transpose_avx2(v);
    UNROLL for (size_t i = 0; i < HALF; i++) line[i] = _mm256_castps_si256(v[i]);
}

/* Row k of the panel. */
INLINE __m256i row(const source *s, size_t k)
{
    if (k < s->k && s->cols == IG_PANEL && s->ld_n == 1)
        return _mm256_loadu_si256((const __m256i *)(const void *)(s->from + k * s->ld_k));
    uint16_t part[IG_PANEL] = {0};
    for (size_t j = 0; k < s->k && j < s->cols; j++) part[j] = s->from[k * s->ld_k + j * s->ld_n];
    return _mm256_loadu_si256((const __m256i *)(const void *)part);
}

/* Pairs (a, b) of 16 lanes each, in lane order. */
INLINE void store_pairs(uint16_t *to, __m256i a, __m256i b)
{
    const __m256i low = _mm256_unpacklo_epi16(a, b), high = _mm256_unpackhi_epi16(a, b);
    _mm256_storeu_si256((__m256i *)(void *)to, _mm256_permute2x128_si256(low, high, 0x20));
    _mm256_storeu_si256((__m256i *)(void *)(to + 16), _mm256_permute2x128_si256(low, high, 0x31));
}

/* The low (even k) or the high halves (odd k) of two vectors of 8 pairs. */
INLINE __m256i part_pairs(__m256i left, __m256i right, bool odd)
{
    const __m256i low = _mm256_set1_epi32(0xffff);
    const __m256i a = odd ? _mm256_srli_epi32(left, 16) : _mm256_and_si256(left, low);
    const __m256i b = odd ? _mm256_srli_epi32(right, 16) : _mm256_and_si256(right, low);
    return _mm256_permute4x64_epi64(_mm256_packus_epi32(a, b), 0xd8);
}

static void transposed_f16(uint16_t *to, const source *s)
{
    for (size_t k = 0; k < s->k; k += DEEP) {
        __m256i left[HALF], right[HALF];
        turn(left, s, k, 0);
        turn(right, s, k, 1);
        UNROLL for (size_t i = 0; i < HALF; i++)
        {
            __m256i *at = (__m256i *)(void *)(to + (k + 2 * i) * IG_PANEL);
            if (k + 2 * i < s->k) _mm256_storeu_si256(at, part_pairs(left[i], right[i], false));
            if (k + 2 * i + 1 < s->k)
                _mm256_storeu_si256(at + 1, part_pairs(left[i], right[i], true));
        }
    }
}

static void transposed_bf16(uint16_t *to, const source *s)
{
    for (size_t k = 0; k < s->k; k += DEEP) {
        __m256i left[HALF], right[HALF];
        turn(left, s, k, 0);
        turn(right, s, k, 1);
        UNROLL for (size_t i = 0; i < HALF; i++)
        {
            __m256i *at = (__m256i *)(void *)(to + (k + 2 * i) * IG_PANEL);
            if (k + 2 * i >= s->k) break;
            _mm256_storeu_si256(at, left[i]);
            _mm256_storeu_si256(at + 1, right[i]);
        }
    }
}

static source panel_of(const uint16_t *src, size_t k, size_t n, size_t ld_k, size_t ld_n, size_t p)
{
    return (source){src + p * IG_PANEL * ld_n, k, ld_k, ld_n,
                    IG_MIN(n - p * IG_PANEL, (size_t)IG_PANEL)};
}

void gemm_pack_f16_avx2(uint16_t *dst, const uint16_t *src, size_t k, size_t n, size_t ld_k,
                        size_t ld_n, size_t p0, size_t p1)
{
    for (size_t p = p0; p < p1; p++) {
        uint16_t *to = dst + p * IG_PANEL * k;
        const source s = panel_of(src, k, n, ld_k, ld_n, p);
        if (ld_k == 1 && ld_n != 1) {
            transposed_f16(to, &s);
            continue;
        }
        for (size_t i = 0; i < k; i++)
            _mm256_storeu_si256((__m256i *)(void *)(to + i * IG_PANEL), row(&s, i));
    }
}

void gemm_pack_bf16_avx2(uint16_t *dst, const uint16_t *src, size_t k, size_t n, size_t ld_k,
                         size_t ld_n, size_t p0, size_t p1)
{
    for (size_t p = p0; p < p1; p++) {
        uint16_t *to = dst + p * IG_PANEL * ig_gemm_even(k);
        const source s = panel_of(src, k, n, ld_k, ld_n, p);
        if (ld_k == 1 && ld_n != 1) {
            transposed_bf16(to, &s);
            continue;
        }
        for (size_t i = 0; i < k; i += 2)
            store_pairs(to + i * IG_PANEL, row(&s, i), row(&s, i + 1));
    }
}
