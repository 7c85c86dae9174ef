/* conv_dw_i8_avxvnni.c - depthwise convolution of bytes with vpdpbusd on 256-bit vectors, strips of
 * 32 channels; see conv_dw_i8_body.h. */
#include "kernels/conv_i8/conv_dw_i8.h"

#include <immintrin.h>

#define DW_INLINE static inline __attribute__((always_inline))

DW_INLINE __m256i add_dots(__m256i acc, __m256i x, __m256i w)
{
    return _mm256_dpbusd_avx_epi32(acc, x, w);
}

#include "kernels/conv_i8/conv_dw_i8_ymm.h"

void conv_dw_i8_avxvnni(const conv_dw_i8_args *p, size_t pixels)
{
    for (size_t c = 0; c < p->c; c += 32) strip_32(p, pixels, c);
}
