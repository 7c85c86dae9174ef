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

WALK_INLINE void send(uint8_t *y, const uint8_t *x, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 32)
        _mm256_stream_si256((__m256i *)(y + i), _mm256_load_si256((const __m256i *)(x + i)));
}

void transpose_b1_avx2(void *y, const void *x, const transpose_shape *s)
{
    walk_batch(y, x, s, 1, 16, block_b1, send);
}

void transpose_b2_avx2(void *y, const void *x, const transpose_shape *s)
{
    walk_batch(y, x, s, 2, 8, block_b2, send);
}

/* Three planes to pixels of three, the images that networks are given: element j of plane p goes to
 * 3 j + p. In eight pixels each plane has one order that suits all three results, which blends then
 * pick from. Returns the pixels done, a multiple of 8. */
static size_t planes_to_pixels(float *y, const float *x, size_t plane, size_t pixels)
{
    const __m256i first = _mm256_setr_epi32(0, 3, 6, 1, 4, 7, 2, 5);
    const __m256i second = _mm256_setr_epi32(5, 0, 3, 6, 1, 4, 7, 2);
    const __m256i third = _mm256_setr_epi32(2, 5, 0, 3, 6, 1, 4, 7);
    enum { AT_147 = 0x92, AT_25 = 0x24 };
    size_t i = 0;
    for (; i + 8 <= pixels; i += 8, y += 24) {
        const __m256 a = _mm256_permutevar8x32_ps(_mm256_loadu_ps(x + i), first);
        const __m256 b = _mm256_permutevar8x32_ps(_mm256_loadu_ps(x + plane + i), second);
        const __m256 c = _mm256_permutevar8x32_ps(_mm256_loadu_ps(x + 2 * plane + i), third);
        const __m256 ab = _mm256_blend_ps(a, b, AT_147), ca = _mm256_blend_ps(c, a, AT_147);
        const __m256 bc = _mm256_blend_ps(b, c, AT_147);
        _mm256_storeu_ps(y, _mm256_blend_ps(ab, c, AT_25));
        _mm256_storeu_ps(y + 8, _mm256_blend_ps(ca, b, AT_25));
        _mm256_storeu_ps(y + 16, _mm256_blend_ps(bc, a, AT_25));
    }
    return i;
}

void transpose_b4_avx2(void *y, const void *x, const transpose_shape *s)
{
    if (s->rows != 3 || s->y_row != 3) {
        walk_batch(y, x, s, 4, 8, block_b4, send);
        return;
    }
    for (size_t b = 0; b < s->batch; b++) {
        float *to = (float *)y + b * s->y_batch;
        const float *from = (const float *)x + b * s->x_batch;
        const size_t done = planes_to_pixels(to, from, s->x_row, s->cols);
        copy_wide((uint8_t *)(to + done * 3), 12, (const uint8_t *)(from + done), s->x_row * 4, 3,
                  s->cols - done, 4);
    }
}

void transpose_b8_avx2(void *y, const void *x, const transpose_shape *s)
{
    walk_batch(y, x, s, 8, 4, block_b8, send);
}
