/* conv_dw_i8_avx2.c - depthwise convolution of bytes, strips of 32 channels; see
 * conv_dw_i8_body.h. The even and the odd bytes of each dword become words, multiplied by vpmaddwd,
 * exact for all values. */
#include "kernels/conv_i8/conv_dw_i8.h"

#include <immintrin.h>

#define DW_INLINE static inline __attribute__((always_inline))

DW_INLINE __m256i add_dots(__m256i acc, __m256i x, __m256i w)
{
    const __m256i x0 = _mm256_and_si256(x, _mm256_set1_epi16(0xff)), x1 = _mm256_srli_epi16(x, 8);
    const __m256i w0 = _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8), w1 = _mm256_srai_epi16(w, 8);
    acc = _mm256_add_epi32(acc, _mm256_madd_epi16(x0, w0));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(x1, w1));
}

#include "kernels/conv_i8/conv_dw_i8_ymm.h"

void conv_dw_i8_avx2(const conv_dw_i8_args *p, size_t pixels)
{
    for (size_t c = 0; c < p->c; c += 32) strip_32(p, pixels, c);
}
