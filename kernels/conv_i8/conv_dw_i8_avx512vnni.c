/* conv_dw_i8_avx512vnni.c - four taps of 64 channels are interleaved by eight unpacks and
 * multiplied by four vpdpbusd; sixteen dwords of four taps each lie where the packed weights are.
 *
 * Bound by the unpacks (one a clock on 512 bits) and the loads: about 12 clocks for 4 taps of 64
 * channels. Rounded results packed back to bytes are in order again. */
#include "kernels/conv_i8/conv_dw_i8.h"
#include "kernels/gemm_i8/i8_finish_zmm.h"

#include <string.h>

#define DW_INLINE static inline __attribute__((always_inline))

/* acc[q] += four taps of channels 16 l + 4 q + j. */
DW_INLINE void add_taps(__m512i acc[4], const __m512i x[4], const int8_t *w)
{
    const __m512i a0 = _mm512_unpacklo_epi8(x[0], x[1]), a1 = _mm512_unpackhi_epi8(x[0], x[1]);
    const __m512i b0 = _mm512_unpacklo_epi8(x[2], x[3]), b1 = _mm512_unpackhi_epi8(x[2], x[3]);
    const __m512i quads[4] = {_mm512_unpacklo_epi16(a0, b0), _mm512_unpackhi_epi16(a0, b0),
                              _mm512_unpacklo_epi16(a1, b1), _mm512_unpackhi_epi16(a1, b1)};
#pragma GCC unroll 4
    for (size_t q = 0; q < 4; q++)
        acc[q] = _mm512_dpbusd_epi32(acc[q], quads[q], _mm512_loadu_si512(w + 64 * q));
}

/* 32-bit results: each quarter of a vector is four channels. */
static void store_wide(const conv_dw_i8_args *p, size_t at, size_t order, const __m512i acc[4],
                       size_t n)
{
    uint8_t room[256];
    const size_t each = i8_finish_bytes(&p->finish);
    for (size_t q = 0; q < 4; q++)
        finish_16(&p->finish, room, 16 * q, acc[q], order + 16 * q, 0xffff);
    for (size_t c = 0; c < n; c++)
        memcpy((uint8_t *)p->y + (at + c) * each, room + conv_dw_i8_order(c) * each, each);
}

DW_INLINE void pixel(const conv_dw_i8_args *p, size_t i, size_t c, const int8_t *w, size_t groups,
                     __mmask64 lanes)
{
    const uint8_t *const *taps = p->taps + i * groups * 4;
    const __m512i flip = _mm512_set1_epi8((char)p->flip);
    __m512i acc[4], x[4], q[4];
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++) acc[k] = _mm512_loadu_si512(p->finish.start + c + 16 * k);
    for (size_t g = 0; g < groups; g++, taps += 4, w += 256) {
#pragma GCC unroll 4
        for (size_t t = 0; t < 4; t++)
            x[t] = _mm512_xor_si512(_mm512_maskz_loadu_epi8(lanes, taps[t] + c), flip);
        add_taps(acc, x, w);
    }
    const size_t at = i * p->y_row + c;
    if (p->finish.to != I8_TO_BYTES) {
        store_wide(p, at, c, acc, p->c - c < 64 ? p->c - c : 64);
        return;
    }
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++) q[k] = rounded_16(&p->finish, acc[k], c + 16 * k);
    _mm512_mask_storeu_epi8((uint8_t *)p->y + at, lanes, bytes_64(&p->finish, q));
}

void conv_dw_i8_avx512vnni(const conv_dw_i8_args *p, size_t pixels)
{
    const size_t groups = (p->n_taps + 3) / 4;
    const int8_t *w = p->w;
    for (size_t c = 0; c < p->c; c += 64, w += groups * 256) {
        const size_t left = p->c - c;
        const __mmask64 lanes = left < 64 ? ((__mmask64)1 << left) - 1 : ~(__mmask64)0;
        for (size_t i = 0; i < pixels; i++) pixel(p, i, c, w, groups, lanes);
    }
}
