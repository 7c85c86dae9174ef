/* conv_dw_i8_ymm.h - strips of 32 channels without masks of bytes: conv_dw_i8_body.h for AVX2, and
 * for AVX-VNNI. The including file defines add_dots(acc, x, w). */
#include "kernels/gemm_i8/i8_finish_ymm.h"

/* Nothing past n is read: AVX2 cannot mask bytes. */
DW_INLINE __m256i load_n(const uint8_t *x, size_t n)
{
    uint8_t room[32] = {0};
    if (n == 16) return _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)x));
    memcpy(room, x, n);
    return _mm256_loadu_si256((const __m256i *)room);
}

DW_INLINE void bytes_of_32(const i8_finish *f, uint8_t *y, const __m256i acc[4], size_t order,
                           size_t n)
{
    const __m256i bytes = rounded_32(f, acc, order);
    uint8_t room[32];
    if (n == 32) {
        _mm256_storeu_si256((__m256i *)y, bytes);
        return;
    }
    _mm256_storeu_si256((__m256i *)room, bytes);
    memcpy(y, room, n);
}

#define V                 __m256i
#define STRIP             32
#define NAME(fn)          fn##_32
#define V_load(p)         _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define V_load_n(p, n)    load_n(p, n)
#define V_set8            _mm256_set1_epi8
#define V_xor             _mm256_xor_si256
#define V_lo8             _mm256_unpacklo_epi8
#define V_hi8             _mm256_unpackhi_epi8
#define V_lo16            _mm256_unpacklo_epi16
#define V_hi16            _mm256_unpackhi_epi16
#define V_dots(acc, x, w) add_dots(acc, x, w)
#define V_bytes           bytes_of_32
#define V_words           words_of_32
#include "kernels/conv_i8/conv_dw_i8_body.h"
