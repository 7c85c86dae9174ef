/* conv_dw_i8_avx2.c - four taps of 32 channels are interleaved by eight unpacks; the even and the
 * odd bytes of each dword become words, multiplied by vpmaddwd, exact for all values.
 *
 * A block of 64 channels is two halves of 32: half h holds the lanes 2 h and 2 h + 1 of the packed
 * order. Channels beyond the last whole half are copied to a buffer, for AVX2 cannot mask bytes. */
#include "kernels/conv_i8/conv_dw_i8.h"
#include "kernels/gemm_i8/i8_finish_ymm.h"

enum { HALF = 32 };

#define DW_INLINE static inline __attribute__((always_inline))

DW_INLINE __m256i load(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }

/* acc + dot products of the unsigned bytes x and the signed bytes w, four to a dword. */
DW_INLINE __m256i add_dots(__m256i acc, __m256i x, __m256i w)
{
    const __m256i x0 = _mm256_and_si256(x, _mm256_set1_epi16(0xff)), x1 = _mm256_srli_epi16(x, 8);
    const __m256i w0 = _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8), w1 = _mm256_srai_epi16(w, 8);
    acc = _mm256_add_epi32(acc, _mm256_madd_epi16(x0, w0));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(x1, w1));
}

DW_INLINE void add_taps(__m256i acc[4], const __m256i x[4], const int8_t *w)
{
    const __m256i a0 = _mm256_unpacklo_epi8(x[0], x[1]), a1 = _mm256_unpackhi_epi8(x[0], x[1]);
    const __m256i b0 = _mm256_unpacklo_epi8(x[2], x[3]), b1 = _mm256_unpackhi_epi8(x[2], x[3]);
    const __m256i quads[4] = {_mm256_unpacklo_epi16(a0, b0), _mm256_unpackhi_epi16(a0, b0),
                              _mm256_unpacklo_epi16(a1, b1), _mm256_unpackhi_epi16(a1, b1)};
#pragma GCC unroll 4
    for (size_t q = 0; q < 4; q++) acc[q] = add_dots(acc[q], quads[q], load(w + 64 * q));
}

/* Channels c0 .. c0 + n, n <= 32, of one pixel to element `at` of y; `order`: where their numbers
 * are in the arrays of finish. */
DW_INLINE void store(const conv_dw_i8_args *p, size_t at, size_t order, const __m256i acc[4],
                     size_t n)
{
    const i8_finish *f = &p->finish;
    const size_t each = i8_finish_bytes(f);
    if (f->to == I8_TO_BYTES) {
        uint8_t room[HALF], *to = (uint8_t *)p->y + at, *v = n < HALF ? room : to;
        __m256i q[4];
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++) q[k] = rounded_8(f, acc[k], order + 16 * k);
        const __m256i zero = _mm256_set1_epi16((int16_t)f->zero);
        const __m256i low = _mm256_add_epi16(_mm256_packs_epi32(q[0], q[1]), zero);
        const __m256i high = _mm256_add_epi16(_mm256_packs_epi32(q[2], q[3]), zero);
        const __m256i bytes =
            f->to_signed ? _mm256_packs_epi16(low, high) : _mm256_packus_epi16(low, high);
        _mm256_storeu_si256((__m256i *)v, bytes);
        if (n < HALF) memcpy(to, room, n);
        return;
    }
    uint32_t room[HALF]; /* dword 8 q + 4 l + j is channel 16 l + 4 q + j */
    for (size_t q = 0; q < 4; q++)
        _mm256_storeu_si256(
            (__m256i *)(room + 8 * q),
            f->to == I8_TO_I32 ? acc[q] : _mm256_castps_si256(scaled_8(f, acc[q], order + 16 * q)));
    for (size_t c = 0; c < n; c++)
        memcpy((uint8_t *)p->y + (at + c) * each, room + c % 16 / 4 * 8 + c / 16 * 4 + c % 4, each);
}

DW_INLINE void pixel(const conv_dw_i8_args *p, size_t i, size_t c, size_t n, const int8_t *w,
                     size_t groups)
{
    const uint8_t *const *taps = p->taps + i * groups * 4;
    const __m256i flip = _mm256_set1_epi8((char)p->flip);
    const size_t order = c / CONV_DW_I8_BLOCK * CONV_DW_I8_BLOCK + c % CONV_DW_I8_BLOCK / 4;
    __m256i acc[4], x[4];
#pragma GCC unroll 4
    for (size_t q = 0; q < 4; q++) acc[q] = load(p->finish.start + order + 16 * q);
    for (size_t g = 0; g < groups; g++, taps += 4, w += 256) {
#pragma GCC unroll 4
        for (size_t t = 0; t < 4; t++) {
            uint8_t room[HALF];
            const uint8_t *from = taps[t] + c;
            if (n < HALF) from = memcpy(room, from, n);
            x[t] = _mm256_xor_si256(load(from), flip);
        }
        add_taps(acc, x, w);
    }
    store(p, i * p->y_row + c, order, acc, n);
}

void conv_dw_i8_avx2(const conv_dw_i8_args *p, size_t pixels)
{
    const size_t groups = (p->n_taps + 3) / 4;
    for (size_t c = 0; c < p->c; c += HALF) {
        const size_t block = c / CONV_DW_I8_BLOCK, half = c % CONV_DW_I8_BLOCK / HALF;
        const int8_t *w = p->w + block * groups * 256 + half * 32;
        const size_t left = p->c - c;
        if (left >= HALF)
            for (size_t i = 0; i < pixels; i++) pixel(p, i, c, HALF, w, groups);
        else
            for (size_t i = 0; i < pixels; i++) pixel(p, i, c, left, w, groups);
    }
}
