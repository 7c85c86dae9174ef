/* limits_avxvnni.c - products of 8 bits summed in 32 by one instruction, vpdpbusd, on 256 bits. */
#include "kernels/limits/limits.h"

#include <immintrin.h>

enum { CHAINS = 12 };

/* Unrolled everywhere: else the chains lie on the stack. */
#define EACH(i) _Pragma("GCC unroll 12") for (size_t i = 0; i < CHAINS; i++)

static double mac(size_t n)
{
    __m256i acc[CHAINS], a = _mm256_set1_epi8(3), w = _mm256_set1_epi8(5);
    __asm__ volatile("" : "+x"(a), "+x"(w));
    EACH(i) acc[i] = a;
    for (size_t t = 0; t < n; t++) EACH(i) acc[i] = _mm256_dpbusd_avx_epi32(acc[i], w, a);
    EACH(i) __asm__ volatile("" : "+x"(acc[i]));
    return 2.0 * CHAINS * 32 * (double)n;
}

const ig_limit_loops ig_limit_loops_avxvnni = {.mac_i8 = mac, .mac_i4 = mac};
