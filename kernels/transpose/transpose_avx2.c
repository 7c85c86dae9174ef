/* transpose_avx2.c - transposes by square register blocks: 16x16 bytes, 8x8 of two and of four
 * bytes, 4x4 of eight bytes.
 *
 * A block of 2^n rows is n rounds of interleaving row i with row i + half: after each round the
 * index bits of a row and of an element have rotated by one, after n they have changed places. For
 * ymm registers one round is done by the loads, between the 128-bit halves.
 *
 * Tried and lost: 16x16 blocks of four bytes in zmm registers (Zen 4: 92 GB/s, this one 99, and a
 * coarser edge). */
#include "kernels/transpose/transpose_walk.h"

#include <immintrin.h>

WALK_INLINE __m128i load_16(const uint8_t *p) { return _mm_loadu_si128((const __m128i *)p); }
WALK_INLINE void store_16(uint8_t *p, __m128i v) { _mm_storeu_si128((__m128i *)p, v); }

WALK_INLINE void block_b1(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row)
{
    __m128i v[16], w[16];
    for (size_t i = 0; i < 16; i++) v[i] = load_16(x + i * x_row);
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < 8; i++) {
            w[2 * i] = _mm_unpacklo_epi8(v[i], v[i + 8]);
            w[2 * i + 1] = _mm_unpackhi_epi8(v[i], v[i + 8]);
        }
        for (size_t i = 0; i < 16; i++) v[i] = w[i];
    }
    for (size_t i = 0; i < 16; i++) store_16(y + i * y_row, v[i]);
}

WALK_INLINE void block_b2(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row)
{
    __m128i v[8], w[8];
    for (size_t i = 0; i < 8; i++) v[i] = load_16(x + i * x_row);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 4; i++) {
            w[2 * i] = _mm_unpacklo_epi16(v[i], v[i + 4]);
            w[2 * i + 1] = _mm_unpackhi_epi16(v[i], v[i + 4]);
        }
        for (size_t i = 0; i < 8; i++) v[i] = w[i];
    }
    for (size_t i = 0; i < 8; i++) store_16(y + i * y_row, v[i]);
}

WALK_INLINE __m256 two_halves(const uint8_t *low, const uint8_t *high)
{
    const __m256 v = _mm256_castps128_ps256(_mm_loadu_ps((const float *)low));
    return _mm256_insertf128_ps(v, _mm_loadu_ps((const float *)high), 1);
}

/* Rows i and i + 4 share a register from the load on; two rounds within the halves remain. */
WALK_INLINE void half_b4(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row)
{
    __m256 v[4], w[4];
    for (size_t i = 0; i < 4; i++) v[i] = two_halves(x + i * x_row, x + (i + 4) * x_row);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 2; i++) {
            w[2 * i] = _mm256_unpacklo_ps(v[i], v[i + 2]);
            w[2 * i + 1] = _mm256_unpackhi_ps(v[i], v[i + 2]);
        }
        for (size_t i = 0; i < 4; i++) v[i] = w[i];
    }
    for (size_t i = 0; i < 4; i++) _mm256_storeu_ps((float *)(y + i * y_row), v[i]);
}

WALK_INLINE void block_b4(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row)
{
    half_b4(y, y_row, x, x_row);
    half_b4(y + 4 * y_row, y_row, x + 16, x_row);
}

WALK_INLINE void half_b8(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row)
{
    const __m256d a = _mm256_castps_pd(two_halves(x, x + 2 * x_row));
    const __m256d b = _mm256_castps_pd(two_halves(x + x_row, x + 3 * x_row));
    _mm256_storeu_pd((double *)y, _mm256_unpacklo_pd(a, b));
    _mm256_storeu_pd((double *)(y + y_row), _mm256_unpackhi_pd(a, b));
}

WALK_INLINE void block_b8(uint8_t *y, size_t y_row, const uint8_t *x, size_t x_row)
{
    half_b8(y, y_row, x, x_row);
    half_b8(y + 2 * y_row, y_row, x + 16, x_row);
}

void transpose_b1_avx2(void *y, const void *x, const transpose_shape *s)
{
    walk_batch(y, x, s, 1, 16, block_b1);
}

void transpose_b2_avx2(void *y, const void *x, const transpose_shape *s)
{
    walk_batch(y, x, s, 2, 8, block_b2);
}

void transpose_b4_avx2(void *y, const void *x, const transpose_shape *s)
{
    walk_batch(y, x, s, 4, 8, block_b4);
}

void transpose_b8_avx2(void *y, const void *x, const transpose_shape *s)
{
    walk_batch(y, x, s, 8, 4, block_b8);
}
