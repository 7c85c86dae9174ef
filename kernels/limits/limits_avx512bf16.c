/* limits_avx512bf16.c - pairs of bf16 products added to fp32 by one instruction, vdpbf16ps. */
#include "kernels/limits/limits.h"

#include <immintrin.h>

enum { CHAINS = 12 };

static double dot_bf16(size_t n)
{
    __m512 acc[CHAINS];
    __m512i bits = _mm512_set1_epi16(0x3f00); /* 0.5 */
    __asm__ volatile("" : "+v"(bits));
    const __m512bh f = (__m512bh)bits;
    for (size_t i = 0; i < CHAINS; i++) acc[i] = _mm512_setzero_ps();
    for (size_t t = 0; t < n; t++)
#pragma GCC unroll 12
        for (size_t i = 0; i < CHAINS; i++) acc[i] = _mm512_dpbf16_ps(acc[i], f, f);
    for (size_t i = 0; i < CHAINS; i++) __asm__ volatile("" : "+v"(acc[i]));
    return 2.0 * CHAINS * 32 * (double)n;
}

const ig_limit_loops ig_limit_loops_avx512bf16 = {.dot_bf16 = dot_bf16};
