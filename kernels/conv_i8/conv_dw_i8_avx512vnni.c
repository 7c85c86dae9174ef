/* conv_dw_i8_avx512vnni.c - depthwise convolution of bytes with vpdpbusd; see conv_dw_i8_body.h.
 * Strips of 64 channels, and one of 32 where no more are left.
 *
 * Bound by the unpacks and by what follows the sums: for a column of three taps of 64 channels 8
 * unpacks (one a clock on 512 bits), 4 products a column, and 20 operations to round and pack. */
#include "kernels/conv_i8/conv_dw_i8.h"
#include "kernels/gemm_i8/i8_finish_ymm.h"
#include "kernels/gemm_i8/i8_finish_zmm.h"

#define DW_INLINE static inline __attribute__((always_inline))

/* ---- 64 channels ---- */

DW_INLINE __mmask64 lanes_64(size_t n) { return n < 64 ? ((__mmask64)1 << n) - 1 : ~(__mmask64)0; }

/* Rounded results packed back to bytes are in the order of the channels again. */
DW_INLINE void bytes_of_64(const i8_finish *f, uint8_t *y, const __m512i acc[4], size_t order,
                           size_t n)
{
    __m512i q[4];
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++) q[k] = rounded_16(f, scaled_16(f, acc[k], order + 16 * k));
    if (n < 64)
        _mm512_mask_storeu_epi8(y, lanes_64(n), bytes_64(f, q));
    else
        _mm512_storeu_si512(y, bytes_64(f, q));
}

/* 32-bit results: each quarter of a vector is four channels. */
static void words_of_64(const i8_finish *f, void *y, size_t at, const __m512i acc[4], size_t order,
                        size_t n)
{
    uint8_t room[256];
    for (size_t q = 0; q < 4; q++) finish_16(f, room, 16 * q, acc[q], order + 16 * q, 0xffff);
    for (size_t c = 0; c < n; c++)
        memcpy((uint8_t *)y + (at + c) * 4, room + conv_dw_i8_order(c) * 4, 4);
}

#define V                 __m512i
#define STRIP             64
#define NAME(fn)          fn##_64
#define V_load(p)         _mm512_loadu_si512(p)
#define V_load_n(p, n)    _mm512_maskz_loadu_epi8(lanes_64(n), p)
#define V_set8            _mm512_set1_epi8
#define V_xor             _mm512_xor_si512
#define V_lo8             _mm512_unpacklo_epi8
#define V_hi8             _mm512_unpackhi_epi8
#define V_lo16            _mm512_unpacklo_epi16
#define V_hi16            _mm512_unpackhi_epi16
#define V_dots(acc, x, w) _mm512_dpbusd_epi32(acc, x, w)
#define V_bytes           bytes_of_64
#define V_words           words_of_64
#include "kernels/conv_i8/conv_dw_i8_body.h"

/* ---- 32 channels ---- */

DW_INLINE __mmask32 lanes_32(size_t n) { return n < 32 ? (1u << n) - 1 : ~(__mmask32)0; }

DW_INLINE void bytes_of_32(const i8_finish *f, uint8_t *y, const __m256i acc[4], size_t order,
                           size_t n)
{
    _mm256_mask_storeu_epi8(y, lanes_32(n), rounded_32(f, acc, order));
}

#define V                 __m256i
#define STRIP             32
#define NAME(fn)          fn##_32
#define V_load(p)         _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define V_load_n(p, n)    _mm256_maskz_loadu_epi8(lanes_32(n), p)
#define V_set8            _mm256_set1_epi8
#define V_xor             _mm256_xor_si256
#define V_lo8             _mm256_unpacklo_epi8
#define V_hi8             _mm256_unpackhi_epi8
#define V_lo16            _mm256_unpacklo_epi16
#define V_hi16            _mm256_unpackhi_epi16
#define V_dots(acc, x, w) _mm256_dpbusd_epi32(acc, x, w)
#define V_bytes           bytes_of_32
#define V_words           words_of_32
#include "kernels/conv_i8/conv_dw_i8_body.h"

void conv_dw_i8_avx512vnni(const conv_dw_i8_args *p, size_t pixels)
{
    for (size_t c = 0; c < p->c; c += 64) {
        if (p->c - c > 32)
            strip_64(p, pixels, c);
        else
            strip_32(p, pixels, c);
    }
}
